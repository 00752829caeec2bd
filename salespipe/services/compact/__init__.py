"""Rewrite the closed hours of the lake into partitioned Parquet, so that a query opens one object instead of thousands.

The switch. Athena wants one data format in a table and all its partitions
(https://docs.aws.amazon.com/athena/latest/ug/updates-and-partitions.html), so a partition of the JSON table cannot
become Parquet, and a partition cannot leave one table and enter another in one step. A view can change what it reads
in one step. Therefore, from the first compaction on, `orders` is a view, put in place by one UpdateTable
(`catalog`):

    raw_orders, but for the objects under way   UNION ALL   orders_compacted, runs up to N

1. Write down the run N+1: each object it reads, with its ETag.
2. INSERT INTO orders_compacted, as partitions dt/hour/run=N+1: nobody reads runs above N.
3. Compare copy and source by hour: rows, distinct events, money as exact decimals.
4. The switch: `orders` reads the runs up to N+1, and of raw_orders all but the objects of the run.
5. Wait until every query that may have begun before the switch has ended, in every workgroup: Athena lists the objects
   of a table while it runs (https://docs.aws.amazon.com/athena/latest/ug/querying-glue-catalog.html).
6. Delete the objects of the run, those that still have the ETag that was read. Queries that run meanwhile exclude
   these objects by `"$path"`, and Trino opens no file that a query excludes so. That is not documented for Athena:
   should it open one all the same while it is deleted, the query fails; it does not miss or repeat an order.
7. `orders` reads all of raw_orders again: nothing of the run is left there. The run is over.

Guarantee: at every instant each event is in `orders` as often as it was delivered, also for a query that runs during
a step. What comes into an hour after 1 is in no list: it is always visible and never deleted. A kill before 4 is
rolled back by the next run, one after 4 is carried on. Only one run is under way in a pipeline (`state`).

CTAS is not used (see `sql.create_table`). Everything is done with the caller's rights: there is no role that
could do it meanwhile. Beside those for `query` it takes athena:ListWorkGroups, ListQueryExecutions,
BatchGetQueryExecution, StopQueryExecution; glue:GetCrawler, UpdateCrawler, CreateTable, UpdateTable, DeleteTable,
BatchCreatePartition, BatchUpdatePartition, BatchDeletePartition; s3:PutObject and DeleteObject below orders/,
compacted/ and compacting/.
"""

from salespipe.services.compact.misfits import strays
from salespipe.services.compact.planning import CompactPlan, plan
from salespipe.services.compact.running import compact
from salespipe.services.compact.showing import Shown, refresh
from salespipe.services.compact.work import CompactProgress, CompactResult

__all__ = ["CompactPlan", "CompactProgress", "CompactResult", "Shown", "compact", "plan", "refresh", "strays"]
