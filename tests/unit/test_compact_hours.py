"""Which hours are closed, how objects are divided into runs, and the statements of a run."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from salespipe.services.compact import sql
from salespipe.services.compact.hours import Hour, Part, RawObject, batches, by_hour, closed, objects_of, slack
from salespipe.services.compact.state import next_id

HOUR = Hour("2026-01-31", "22")


def raw(hour: str, name: str, size: int = 10) -> RawObject:
    return RawObject(f"orders/dt=2026-01-31/hour={hour}/{name}", '"e"', size)


def test_an_hour_is_closed_when_both_buffers_and_all_tries_are_over() -> None:
    seconds = slack(60, 60, 3)
    assert seconds == 2 * (60 + 60) + 4 * 300
    just = datetime(2026, 1, 31, 23, 24, tzinfo=UTC)
    assert closed([HOUR], just, seconds) == [HOUR]
    assert closed([HOUR], just.replace(minute=23, second=59), seconds) == []
    assert Hour("2026-01-31", "23").ends == datetime(2026, 2, 1, tzinfo=UTC)


def test_only_what_athena_reads_as_rows_of_an_hour_is_compacted() -> None:
    good = [raw("23", "a"), raw("22", "b"), raw("22", "a")]
    odd = ["_marker", ".hidden", "deeper/a"]
    bad = [raw("22", name) for name in odd] + [raw("24", "a"), raw("22", "empty", 0), RawObject("orders/x", "", 1)]
    assert by_hour([*good, *bad]) == {HOUR: [good[2], good[1]], Hour("2026-01-31", "23"): [good[0]]}


def test_runs_hold_what_fits_and_every_object_is_in_just_one(monkeypatch: pytest.MonkeyPatch) -> None:
    hours = {Hour(f"2026-01-{day:02}", f"{hour:02}"): [raw("00", f"{day}-{hour}-{n}") for n in range(3)]
             for day in range(1, 8) for hour in range(24)}  # fmt: skip
    for most_objects, most_path, most_bytes in ((900, 150_000, 10**9), (7, 150_000, 10**9), (900, 500, 10**9),
                                                (900, 150_000, 25)):  # fmt: skip
        monkeypatch.setattr("salespipe.services.compact.hours._MOST_OBJECTS", most_objects)
        monkeypatch.setattr("salespipe.services.compact.hours._MOST_PATH_BYTES", most_path)
        runs = batches(hours, "b", most_bytes)
        assert [each for run in runs for each in objects_of(run)] == [each for some in hours.values() for each in some]
        for run in runs:
            found = objects_of(run)
            assert len(run) == len({part.hour for part in run}) <= 100
            assert len(found) <= most_objects
            assert len(found) == 1 or sum(each.size for each in found) <= most_bytes
            assert len(found) == 1 or sum(len(f"s3://b/{each.key}") + 4 for each in found) <= most_path
    assert batches({}, "b", 1) == []


def test_a_statement_with_the_longest_names_is_short_enough_for_athena() -> None:
    """262,144 bytes: https://docs.aws.amazon.com/athena/latest/ug/service-limits.html"""
    hours = {
        Hour("2026-01-31", f"{hour:02}"): [raw(f"{hour:02}", f"{n:0900}") for n in range(99)] for hour in range(24)
    }
    columns = {f"column_with_a_long_name_{n}": "bigint" for n in range(60)}
    for run in batches(hours, "b" * 63, 10**12):
        longest = sql.insert(columns, run, "b" * 63, next_id(""))
        assert len(longest.encode()) < 262_144


def test_ids_sort_in_the_order_of_their_runs() -> None:
    ids = [""]
    for _ in range(12):
        ids.append(next_id(ids[-1]))
    assert ids == sorted(ids)
    assert len(set(ids)) == 13


def test_numbers_are_kept_in_their_widest_form() -> None:
    crawled = {"orderid": "string", "quantity": "int", "price": "int", "amount": "double", "paid": "boolean"}
    kept = {"orderid": "string", "quantity": "bigint", "price": "double", "amount": "double", "paid": "boolean"}
    assert sql.wide(crawled) == kept
    assert sql.missing([{**crawled, "price": "double", "quantity": "bigint", "coupon": "string"}], kept) == {
        "coupon": "string"
    }


@pytest.mark.parametrize(
    ("name", "crawled", "differs"),
    [
        ("quantity", "double", True),
        ("paid", "string", True),
        ("price", "string", True),
        ("address", "struct<city:string,zip:string>", True),
        ("run", "string", True),  # a partition of the compacted table
        ("price", "int", False),
        ("orderid", "int", False),  # text takes any value
        ("orderid", "struct<id:string>", False),
        ("coupon", "string", False),
    ],
)
def test_values_that_do_not_fit_a_column_are_seen(name: str, crawled: str, differs: bool) -> None:
    kept = {
        "orderid": "string", "quantity": "bigint", "paid": "boolean", "price": "double",
        "address": "struct<city:string>",
    }  # fmt: skip
    assert sql.differing({**kept, name: crawled}, kept) == [name] * differs


def test_the_view_hides() -> None:
    shown = sql.view({"orderid": "string", "quantity": "bigint"}, "0000000007-0badcafe", ["s3://b/it's"])
    assert shown == (
        'CREATE OR REPLACE VIEW "orders_next" AS\n'
        'SELECT "orderid", "quantity", "dt", "hour"\n'
        "FROM \"raw_orders\"\nWHERE \"$path\" NOT IN ('s3://b/it''s')\n"
        'UNION ALL\nSELECT "orderid", "quantity", "dt", "hour"\n'
        'FROM "orders_compacted"\nWHERE "run" <= \'0000000007-0badcafe\''
    )


def test_a_copy_reads_the_partitions_and_objects_of_its_run_only() -> None:
    batch = (Part(HOUR, (raw("22", "a"),)), Part(Hour("2026-01-31", "23"), (raw("23", "b"),)))
    said = sql.insert({"n": "bigint"}, batch, "b", "r")
    assert said.endswith(
        "WHERE ((\"dt\" = '2026-01-31' AND \"hour\" IN ('22', '23')))\n"
        "  AND \"$path\" IN ('s3://b/orders/dt=2026-01-31/hour=22/a', 's3://b/orders/dt=2026-01-31/hour=23/b')"
    )
