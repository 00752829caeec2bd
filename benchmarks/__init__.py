"""Measurements, each run by one command and printed as tables. Nothing here decides whether a test passes."""
