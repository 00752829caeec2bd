"""AWS on one machine: our stores keep the data, our workers move it, moto speaks the rest of the APIs.

runtime.py   start, find and stop the one background process of a SALESPIPE_HOME
process.py   what that process is made of, started and shut down in order
gateway.py   the HTTP endpoint: ours first, moto for the rest
api/         the operations that we answer
stores/      everything that is kept: SQLite (WAL) and plain files
workers/     what moves by itself: pipe, delivery, crawler; and what goes by itself: by age, and what a kill left behind
usage.py     what the store takes on the disk, by part
crawling/    from objects to tables: what a crawl finds out
functions.py the deployed Lambda, in a process of its own
athena/      Athena SQL on DuckDB: parsed, typed and compiled by us, run by the engine
"""
