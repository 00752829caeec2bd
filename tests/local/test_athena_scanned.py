"""Bytes scanned: of Parquet just the chunks of the columns that a statement needs, of all else whole objects.

https://docs.aws.amazon.com/athena/latest/ug/columnar-storage.html, https://aws.amazon.com/athena/pricing/
"""

from __future__ import annotations

from io import BytesIO

import pyarrow.parquet as pq
import pytest

from tests.embedded import Embedded
from tests.local.test_athena import Athena


class Columns(Athena):
    """A table `p` of four columns in two partitions, and `size`, what each column takes in both of its objects."""

    def prepare(self) -> None:
        super().prepare()
        self.rows(
            "CREATE EXTERNAL TABLE p (n int, s string, m map<string,int>, twice double) PARTITIONED BY (dt string) "
            "STORED AS PARQUET LOCATION 's3://lake/p/'"
        )
        for day, count in (("a", 100), ("b", 3000)):
            self.scanned(
                "INSERT INTO p SELECT CAST(x AS integer), 'some text ' || CAST(x AS varchar), "
                f"map(ARRAY['k'], ARRAY[CAST(x AS integer)]), x * 2e0, '{day}' "
                f"FROM UNNEST(sequence(1, {count})) AS t(x)"
            )
        self.rows("CREATE VIEW v AS SELECT n + 1 AS more, s, twice, dt FROM p WHERE n > 0")
        self.size: dict[tuple[str, str], int] = {}
        for each in self.s3.list_objects_v2(Bucket="lake", Prefix="p/")["Contents"]:
            body = self.s3.get_object(Bucket="lake", Key=each["Key"])["Body"].read()
            group = pq.ParquetFile(BytesIO(body)).metadata.row_group(0)
            for index in range(group.num_columns):
                chunk = group.column(index)
                place = (chunk.path_in_schema.split(".")[0], each["Key"].split("dt=")[1][0])
                self.size[place] = self.size.get(place, 0) + chunk.total_compressed_size

    def scanned(self, sql: str) -> int:
        execution = self.run(sql)
        assert execution["Status"]["State"] == "SUCCEEDED", execution["Status"]
        return int(execution["Statistics"]["DataScannedInBytes"])

    def of(self, *columns: str, days: str = "ab") -> int:
        return sum(self.size[column, day] for column in columns for day in days)


@pytest.fixture
def athena(runtime: Embedded) -> Columns:
    athena = Columns(runtime)
    athena.prepare()
    return athena


def test_just_the_columns_that_are_needed_count(athena: Columns) -> None:
    wanted = {
        "SELECT count(*) FROM p": (),
        "SELECT dt, count(*) FROM p GROUP BY dt": (),
        "SELECT sum(n) FROM p": ("n",),
        "SELECT max(s) FROM p WHERE n > 5": ("n", "s"),
        "SELECT element_at(m, 'k') FROM p ORDER BY twice LIMIT 1": ("m", "twice"),
        "SELECT * FROM p": ("n", "s", "m", "twice"),
        "SELECT count(*) FROM v": ("n",),
        "SELECT max(more) FROM v": ("n",),
        "SELECT count(s) FROM v": ("n", "s"),
        "SELECT a FROM (SELECT n AS a, s AS b, twice FROM p) WHERE twice > 1": ("n", "twice"),
        "WITH q AS (SELECT s, twice FROM p) SELECT max(twice) FROM q": ("twice",),
        "SELECT max(n) FROM (SELECT n, s FROM p UNION ALL SELECT 1, 'x')": ("n",),
        "SELECT count(*) FROM (SELECT n, s FROM p UNION SELECT 1, 'x')": ("n", "s"),
        "SELECT count(*) FROM (SELECT n, s FROM p EXCEPT ALL SELECT 1, 'x')": ("n", "s"),
        "SELECT count(*) FROM (SELECT DISTINCT s FROM p)": ("s",),
        "SELECT x FROM (SELECT n AS x, row_number() OVER (ORDER BY twice) AS r, s FROM p) WHERE r = 1": ("n", "twice"),
        "SELECT 1 WHERE 7 IN (SELECT n FROM p)": ("n",),
        "SELECT (SELECT max(twice) FROM p)": ("twice",),
        "SELECT count(*) FROM (SELECT s, (SELECT max(twice) FROM p) AS t FROM (VALUES 'x') AS v(s))": (),
    }
    assert {sql: athena.scanned(sql) for sql in wanted} == {sql: athena.of(*columns) for sql, columns in wanted.items()}


def test_partitions_and_joins_count_for_themselves(athena: Columns) -> None:
    assert athena.scanned("SELECT sum(n) FROM p WHERE dt = 'a'") == athena.of("n", days="a")
    both = "SELECT max(x.s) FROM p x JOIN p y ON x.n = y.n WHERE x.dt = 'a' AND y.twice > 0"
    assert athena.scanned(both) == athena.of("s", "n", days="a") + athena.of("n", "twice")
    assert athena.scanned("SELECT x.twice FROM p x JOIN p y USING (n)") == athena.of("twice", "n") + athena.of("n")
