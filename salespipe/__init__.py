"""Operate a real-time sales pipeline on AWS, and run the same pipeline on one machine."""

__version__ = "0.1.0"
