"""Statements other than plain queries, one module per family."""
