"""What a crawl does, in the order of its steps; each module is one of them and none knows of threads or states.

targets.py        which objects an S3 target names, without what is excluded or hidden
sampling.py       the start of an object, decompressed
hivetypes.py      the type of a value, and of two values in one column
schema.py         columns and records of what was read; two of them together
runs.py           JSON rows like those before, passed over unparsed
jsonformat.py     the JSON classifier and its JsonPath
csvformat.py      the CSV classifier
parquetformat.py  the schema in a Parquet file
classify.py       which format an object has: custom classifiers first, then the built-in ones
folders.py        every folder's schema; what did not change is not read again
grouping.py       folders to tables, paths to partition columns
incremental.py    new folders only: into the known tables, or left out
tables.py         the Glue table and partitions as documents
catalog.py        what differs from the catalog, written under the schema change policy
crawl.py          one run, from targets to catalog
"""
