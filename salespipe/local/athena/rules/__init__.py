"""What Trino's functions and operators mean, one rule each, with the page of https://trino.io/docs/current/ it follows.

A function that has no rule is refused by name. sqlglot only parses; it translates none of this.
"""
