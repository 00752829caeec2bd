"""Faults on request: what goes wrong on AWS now and then, made to go wrong here and now.

registry.py   which faults are active, until when, and how often each struck
effects.py    what each of them does to the runtime
stream.py     the one that switches a change stream
admin.py      the runtime's side of the path /_salespipe/: faults and limits, asked for over HTTP
control.py    the commands' side of it
"""
