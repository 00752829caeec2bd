"""DuckDB by itself: `python -I duckdb_main.py PATTERN THREADS`, with Parquet files below dt=…/hour=…/run=… folders.

Answers each JSON line on standard input, a query over the view `orders` of these files, with a line of its own: the
seconds it took and its rows, decimals as text. No dialect, no endpoint, no result file.
"""

import json
import sys
import time

import duckdb

if __name__ == "__main__":
    pattern, threads = sys.argv[1:]
    connection = duckdb.connect(":memory:", config={"threads": int(threads)})
    types = "{'dt': VARCHAR, 'hour': VARCHAR, 'run': VARCHAR}"
    quoted = pattern.replace("'", "''")
    connection.execute(
        f"CREATE VIEW orders AS SELECT * FROM read_parquet('{quoted}', hive_partitioning = true, hive_types = {types})"
    )
    for line in sys.stdin:
        began = time.perf_counter()
        rows = connection.execute(json.loads(line)).fetchall()
        seconds = time.perf_counter() - began
        print(json.dumps({"seconds": seconds, "rows": rows}, default=str), flush=True)
