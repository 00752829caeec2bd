"""The TPC-H queries over tables that the crawler made."""
