"""Statements about tables and what they print.

https://docs.aws.amazon.com/athena/latest/ug/ddl-reference.html
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.embedded import Embedded
from tests.local.test_athena import Athena


@pytest.fixture
def athena(runtime: Embedded) -> Athena:
    athena = Athena(runtime)
    athena.prepare()
    return athena


def _entry(athena: Athena, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = athena.glue.get_table(DatabaseName="shop", Name=name)["Table"]
    return {key: entry[key] for key in ("Name", "TableType", "PartitionKeys", "StorageDescriptor", "Parameters")}


@pytest.mark.parametrize(
    "definition",
    [
        "(id int COMMENT 'the id''s', tags array<struct<k:string,v:int>>) COMMENT 'all' PARTITIONED BY (dt string) "
        "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' WITH SERDEPROPERTIES ('mapping.id' = 'Id') "
        "LOCATION 's3://lake/t/' TBLPROPERTIES ('classification' = 'json')",
        "(id int, m map<string,double>) STORED AS PARQUET LOCATION 's3://lake/t/' "
        "TBLPROPERTIES ('parquet.compression' = 'ZSTD')",
        "(a string, b decimal(10,2)) ROW FORMAT DELIMITED FIELDS TERMINATED BY '\\t' NULL DEFINED AS '' "
        "STORED AS TEXTFILE LOCATION 's3://lake/t/' TBLPROPERTIES ('skip.header.line.count' = '1')",
    ],
)
def test_what_show_create_table_prints_makes_the_same_table(athena: Athena, definition: str) -> None:
    athena.rows(f"CREATE EXTERNAL TABLE t {definition}")
    before = _entry(athena, "t")
    printed = "\n".join(str(line) for (line,) in athena.rows("SHOW CREATE TABLE t"))
    athena.rows("DROP TABLE t")
    athena.rows(printed)
    assert _entry(athena, "t") == before


def test_columns_are_added_and_replaced(athena: Athena) -> None:
    athena.rows(
        "CREATE EXTERNAL TABLE t (n int) ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe' LOCATION 's3://lake/t/'"
    )
    athena.put("t/a.json", '{"n": 1, "name": "x"}')
    athena.rows("ALTER TABLE t ADD COLUMNS (name string COMMENT 'of it', size double)")
    assert athena.rows("SELECT * FROM t") == [["1", "x", None]]
    assert "Duplicate column name: name" in athena.reason("ALTER TABLE t ADD COLUMNS (name int)")
    athena.rows("ALTER TABLE t REPLACE COLUMNS (name string)")
    assert athena.rows("SELECT * FROM t") == [["x"]]
    assert athena.reason("ALTER TABLE t RENAME TO u").startswith("NOT_SUPPORTED: ALTER TABLE … RENAME")


def test_places_and_properties_are_set(athena: Athena) -> None:
    athena.table("t", {"n": "int"}, {"dt": "string"})
    athena.partition("t", "dt=1", "1")
    athena.put("moved/a.json", '{"n": 7}')
    athena.rows("ALTER TABLE t PARTITION (dt = '1') SET LOCATION 's3://lake/moved/'")
    assert athena.rows("SELECT * FROM t") == [["7", "1"]]
    assert "Partition not found" in athena.reason("ALTER TABLE t PARTITION (dt = '2') SET LOCATION 's3://lake/moved/'")
    athena.rows("ALTER TABLE t SET LOCATION 's3://lake/new/'")
    assert _entry(athena, "t")["StorageDescriptor"]["Location"] == "s3://lake/new/"
    athena.rows("ALTER TABLE t SET TBLPROPERTIES ('projection.enabled' = 'false', \"a\" = \"b\")")
    assert athena.rows("SHOW TBLPROPERTIES t('a')") == [["b"]]
    assert ["projection.enabled\tfalse"] in athena.rows("SHOW TBLPROPERTIES t")


def test_describe(athena: Athena) -> None:
    athena.rows(
        "CREATE EXTERNAL TABLE t (n int, name string) PARTITIONED BY (dt string) STORED AS PARQUET "
        "LOCATION 's3://lake/t/'"
    )
    plain = [str(row[0]).split() for row in athena.rows("DESCRIBE t")]
    assert plain[:3] == [["n", "int"], ["name", "string"], ["dt", "string"]]
    assert ["#", "Partition", "Information"] in plain
    formatted = [str(row[0]) for row in athena.rows("DESCRIBE FORMATTED t")]
    assert "Location:           \ts3://lake/t/        \t " in formatted
    assert any(row.startswith("SerDe Library:") and "ParquetHiveSerDe" in row for row in formatted)
    assert [str(row[0]).split() for row in athena.rows("DESCRIBE t name")] == [["name", "string"]]
    assert "Invalid column reference" in athena.reason("DESCRIBE t missing")
    assert athena.reason("DESCRIBE EXTENDED t").startswith("NOT_SUPPORTED: DESCRIBE EXTENDED")


def test_explain_validates_and_analyzes(athena: Athena) -> None:
    athena.table("t", {"n": "int"})
    size = athena.put("t/a.json", '{"n": 1}')
    assert athena.rows("EXPLAIN (TYPE VALIDATE) SELECT n FROM t") == [["true"]]
    assert "COLUMN_NOT_FOUND: line 2:8" in athena.reason("EXPLAIN (TYPE VALIDATE)\nSELECT m FROM t")
    execution = athena.run("EXPLAIN ANALYZE SELECT n FROM t")
    assert execution["Statistics"]["DataScannedInBytes"] == size
    assert athena.run("EXPLAIN SELECT n FROM t")["Statistics"]["DataScannedInBytes"] == 0
    assert athena.reason("EXPLAIN (FORMAT JSON) SELECT 1").startswith("NOT_SUPPORTED: EXPLAIN (FORMAT JSON)")


def test_views_in_information_schema_and_the_place_of_their_errors(athena: Athena) -> None:
    athena.rows("CREATE VIEW v AS SELECT 1 x")
    sql = "SELECT table_name, view_definition FROM information_schema.views WHERE table_schema = 'shop'"
    assert athena.rows(sql) == [["v", "SELECT 1 x"]]
    assert athena.reason("CREATE VIEW w AS\n SELECT y FROM v").startswith("COLUMN_NOT_FOUND: line 2:9:")


def test_null_defined_as(athena: Athena) -> None:
    athena.rows(
        "CREATE EXTERNAL TABLE t (a string, b string) ROW FORMAT DELIMITED FIELDS TERMINATED BY ',' "
        "NULL DEFINED AS '-' LOCATION 's3://lake/t/'"
    )
    athena.put("t/a.csv", "-,x", ",\\N")
    assert athena.rows("SELECT * FROM t ORDER BY b") == [["", "\\N"], [None, "x"]]
