"""A result as Parquet: every type and every value comes back."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from salespipe.errors import QueryError, SalespipeError, UsageError
from salespipe.services.query.parquet import write_parquet
from salespipe.services.query.results import Column

# type in Athena, type in the file as DuckDB names it, value, value when read
TYPES: list[tuple[str, str, object, object]] = [
    ("bigint", "BIGINT", 2**63 - 1, 2**63 - 1),
    ("decimal(38,10)", "DECIMAL(38,10)", Decimal("1234567890123456789012345678.1234567890"), None),
    ("timestamp", "TIMESTAMP", datetime(2026, 11, 20, 1, 2, 3, 456789), None),
    (
        "timestamp with time zone",
        "TIMESTAMP WITH TIME ZONE",
        datetime(2026, 11, 20, 1, tzinfo=timezone(timedelta(hours=2))),
        "2026-11-19 23:00:00+00",
    ),
    ("varbinary", "BLOB", b"\x00hi", None),
    ("date", "DATE", date(1, 1, 1), None),
    ("time", "TIME", time(10, 0, 0, 5000), None),
    ("double", "DOUBLE", float("inf"), None),
    ("float", "FLOAT", 0.5, None),
    ("varchar", "VARCHAR", 'x",\n\\N\u2028', None),
    ("char", "VARCHAR", "", None),
    ("boolean", "BOOLEAN", True, None),
    (
        "array(row(x integer, y decimal(9,2)))",
        "STRUCT(x INTEGER, y DECIMAL(9,2))[]",
        [{"x": 1, "y": Decimal("2.5")}],
        None,
    ),
    ("map(boolean,date)", "MAP(BOOLEAN, DATE)", {True: date(2020, 2, 3)}, None),
    ("json", "VARCHAR", {"q": [1.5, None, "a", Decimal("0.10")]}, '{"q":[1.5,null,"a",0.10]}'),
    ("interval day to second", "VARCHAR", "2 00:00:00.000", None),
]


def read(path: Path) -> tuple[list[tuple[str, str]], list[tuple[Any, ...]]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        described = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
        zoned = [name for name, kind, *_ in described if "ZONE" in kind]
        replaced = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in zoned)
        rows = connection.execute(f"SELECT * REPLACE ({replaced}) FROM '{path}'" if zoned else f"FROM '{path}'")
        return [(name, kind) for name, kind, *_ in described], rows.fetchall()


def test_types_and_values_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = [Column(f"n{number}", kind) for number, (kind, *_) in enumerate(TYPES)]
    nothing = (None,) * len(TYPES)

    write_parquet(path, columns, iter([tuple(value for _, _, value, _ in TYPES), nothing]))

    described, rows = read(path)
    assert [kind for _, kind in described] == [kind for _, kind, *_ in TYPES]
    assert rows == [tuple(value if other is None else other for _, _, value, other in TYPES), nothing]


def test_no_rows_still_have_their_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_parquet(path, [Column("n", "integer"), Column("n", "date"), Column('a"b', "varchar")], iter([]))

    described, rows = read(path)
    assert [kind for _, kind in described] == ["INTEGER", "DATE", "VARCHAR"]
    assert (len({name for name, _ in described}), rows) == (3, [])


def test_a_value_above_the_usual_line_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    long = "x" * 20_000_000
    write_parquet(path, [Column("s", "varchar")], iter([(long,)]))
    assert read(path)[1] == [(long,)]


def test_what_is_not_known_for_sure_is_refused(tmp_path: Path) -> None:
    for kind, said in (("array", "an array as text"), ("map", r"a map as text .* strings \(keys that are text, too\)")):
        with pytest.raises(QueryError, match=f"column tags cannot be Parquet: Athena gives {said}") as caught:
            write_parquet(tmp_path / "x", [Column("tags", kind)], iter([("[a, b]",)]))
        assert "CAST(tags AS JSON) AS tags" in caught.value.hint
    with pytest.raises(UsageError, match="no result"):
        write_parquet(tmp_path / "x", [], iter([]))
    with pytest.raises(SalespipeError, match="cannot be written as Parquet"):
        write_parquet(tmp_path / "gone" / "x", [Column("n", "integer")], iter([(1,)]))


def test_an_instant_is_the_same_in_any_zone(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    write_parquet(path, [Column("z", "timestamp with time zone")], iter([(datetime(2026, 7, 1, 12, tzinfo=UTC),)]))
    assert read(path)[1] == [("2026-07-01 12:00:00+00",)]
