"""Throughput limits of shards, tables and change streams, as AWS has them; off unless SALESPIPE_LOCAL_THROTTLE asks.

rates.py     what may be asked for: the documented numbers, a part of them, or numbers of one's own
bucket.py    one limit: tokens that come back at a rate
shards.py    Kinesis shards and the shard of a change stream: records, bytes, reads
tables.py    DynamoDB tables: write and read units, of the table and of each range of its keys
throttle.py  all of them behind one switch, which is all that the hot operations look at
refusals.py  the errors of what is refused, in the services' own words
"""
