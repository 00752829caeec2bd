"""kill -9 at any instant: what was acknowledged is there, work goes on where it was, each change arrives once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest

from salespipe.orders import Operation, Order
from salespipe.orders.simulator import simulate
from salespipe.services.orderfile import OrderFile
from salespipe.stack.naming import ERROR_PREFIX
from tests import cdnow
from tests.cli.process import environment
from tests.local import ledger
from tests.local.crashing import NAMES, Home, end, is_alive, until
from tests.local.ledger import Audit

SUMS = """
    SELECT (SELECT count(*) FROM orders) AS events, (SELECT count(DISTINCT event_id) FROM orders) AS ids,
        count(*) AS living, sum(amount) AS money
    FROM orders_current
"""
COUNT = 600


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def catalog(home: Home) -> dict[str, Any]:
    """Everything about tables and queries that people would miss."""
    glue, athena = home.client("glue"), home.client("athena")
    group = {"WorkGroup": NAMES.workgroup}
    named = athena.list_named_queries(**group)["NamedQueryIds"]
    return {
        "tables": glue.get_tables(DatabaseName=NAMES.database)["TableList"],
        "partitions": glue.get_partitions(DatabaseName=NAMES.database, TableName="orders")["Partitions"],
        "named queries": [athena.get_named_query(NamedQueryId=id)["NamedQuery"] for id in sorted(named)],
        "workgroup": athena.get_work_group(**group)["WorkGroup"] | {"CreationTime": "moto says: now"},
        "history": {
            id: (
                athena.get_query_execution(QueryExecutionId=id)["QueryExecution"]["Status"],
                athena.get_query_results(QueryExecutionId=id)["ResultSet"]["Rows"],
            )
            for id in athena.list_query_executions(**group)["QueryExecutionIds"]
        },
    }


def test_a_pipeline_that_is_killed_again_and_again_loses_nothing_and_repeats_nothing(home: Home) -> None:
    random = Random(20261121)
    home.json("up")
    home.json("generate", "--count", "40", "--rate", "1000", "--seed", "1")
    home.json("crawl")
    home.json("query", "SELECT event_type, count(*) AS n FROM orders GROUP BY event_type")
    home.client("athena").create_named_query(
        Name="mine", Database=NAMES.database, QueryString="SELECT 1", WorkGroup=NAMES.workgroup
    )
    before = catalog(home)

    unread = [f"unread {number}".encode() for number in range(50)]
    home.client("kinesis").create_stream(StreamName="unread", ShardCount=1)
    for data in unread:
        home.client("kinesis").put_record(StreamName="unread", Data=data, PartitionKey="key")

    operations = list(islice(simulate(1), 40))
    for seed, command in enumerate((["status"], ["up"], ["query", "SELECT 1 AS one"]), start=2):
        more = list(islice(simulate(seed), COUNT))
        moment = random.randrange(1, COUNT - 100)
        writer = home.begin("generate", "--count", str(COUNT), "--rate", str(COUNT), "--seed", str(seed))
        reached(home, len(ledger.living([*operations, *more[:moment]])))
        if command == ["up"]:
            os.kill(until(home.functions, "a function is at work")[0], signal.SIGKILL)
            time.sleep(random.uniform(0.0, 0.1))
        assert writer.poll() is None
        home.kill()
        said = home.json(*command)
        if command == ["up"]:
            assert {change["action"] for change in said["changes"]} == {"noop"}
        assert counts(end(writer)) == Counter(operation.kind for operation in more)
        operations += more

    after = catalog(home)
    assert {id: after["history"].pop(id) for id in before["history"]} == before.pop("history")
    assert {name: after[name] for name in before} == before
    assert records(home, "unread") == unread
    check(home, operations)


def records(home: Home, stream: str) -> list[bytes]:
    """The data of the records of a stream with one shard."""
    kinesis = home.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def counts(written: dict[str, Any]) -> Counter[str]:
    """What a writer says that it wrote, by kind."""
    return Counter(insert=written["inserted"], update=written["updated"], delete=written["deleted"])


def reached(home: Home, orders: int) -> None:
    """Wait until the table holds so many orders."""
    table = home.client("dynamodb")
    until(lambda: table.describe_table(TableName=NAMES.table)["Table"]["ItemCount"] >= orders, f"{orders} orders")


def test_a_batch_whose_function_is_killed_is_transformed_again_and_functions_end_with_the_runtime(home: Home) -> None:
    operations = [*islice(simulate(1), 10), *islice(simulate(2), 10)]
    home.json("up")
    home.json("generate", "--count", "10", "--rate", "1000", "--seed", "1")
    (function,) = until(home.functions, "a function is at work")
    os.kill(function, signal.SIGSTOP)
    home.json("generate", "--count", "10", "--rate", "1000", "--seed", "2")
    log = home.state / "logs" / "lambda" / f"{NAMES.function}.log"
    until(lambda: log.read_text().count("START ") > log.read_text().count("END "), "a batch is given to it")
    os.kill(function, signal.SIGKILL)

    lake = ledger.Lake(NAMES.bucket)
    until(lambda: len(lake.rows(home.client("s3"))) >= len(operations), "all is delivered")
    assert ledger.audit(operations, lake.rows(home.client("s3"))) == Audit(events=len(operations))
    (function,) = home.functions()
    home.kill()
    until(lambda: not is_alive(function), "the function's process ended")


def check(home: Home, operations: list[Operation]) -> None:
    """Every hop has each of the operations once, unaltered and in its order; SQL says the same."""
    home.json("crawl")  # waits until nothing is under way
    lake = ledger.Lake(NAMES.bucket)
    assert ledger.audit(operations, lake.rows(home.client("s3"))) == Audit(events=len(operations))
    assert lake.disordered() == []
    assert home.client("s3").list_objects_v2(Bucket=NAMES.bucket, Prefix=ERROR_PREFIX)["KeyCount"] == 0

    orders = ledger.living(operations)
    pages = home.client("dynamodb").get_paginator("scan").paginate(TableName=NAMES.table)
    found = [Order.from_item(item) for page in pages for item in page["Items"]]
    assert {order.orderid: order for order in found} == orders

    told = home.lines("tail", "--from", "trim_horizon", "--exit-at-end")
    assert ledger.audit(operations, [ledger.told(event) for event in told]) == Audit(events=len(operations))
    assert list(ledger.disordered(map(ledger.told, told))) == []

    (said,) = home.json("query", SUMS)
    money = sum((order.amount for order in orders.values()), Decimal())
    assert (said["events"], said["ids"], said["living"]) == (len(operations), len(operations), len(orders))
    assert Decimal(said["money"]) == money

    status = home.json("status")
    hops = {hop["name"]: hop for hop in status["hops"]}
    assert status["healthy"], status
    assert {hops[name]["records"] for name in ("stream", "pipe", "kinesis", "delivery", "lake")} == {len(operations)}
    assert hops["table"]["records"] == len(orders)


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_the_cdnow_orders_arrive_to_the_cent_over_twenty_kills(home: Home) -> None:
    random = Random(69_659)
    file = cdnow.cdnow_file()
    operations = [Operation("insert", order) for order in OrderFile(file, cdnow.MAPPING).orders()]
    assert sum(operation.order.amount for operation in operations) == Decimal(cdnow.MONEY)
    home.json("up")

    mapping = [argument for field, column in cdnow.MAPPING.items() for argument in ("--map", f"{field}={column}")]
    writer = home.begin("replay", str(file), *mapping)
    for moment in sorted(random.sample(range(cdnow.ORDERS - 3000), 20)):
        reached(home, moment)
        for function in home.functions() if random.random() < 0.3 else ():
            os.kill(function, signal.SIGKILL)
        assert writer.poll() is None, "all was written before the last kill"
        home.kill()
        home.json("env")
    assert counts(end(writer)) == Counter(insert=cdnow.ORDERS)

    check(home, operations)


WRITER = """
import sys
from pathlib import Path
from salespipe.local.stores import Stores

stores = Stores.open(Path(sys.argv[1]))
number = int(sys.argv[2])
found = stores.documents.all("kind")
print(max((document["number"] for document in found.values()), default=0), flush=True)
while True:
    number += 1
    stores.documents.put("kind", str(number % 20), {"number": number, "filling": "x" * 500_000})
    print(number, flush=True)
"""


@pytest.mark.parametrize("kills", [6, pytest.param(100, marks=[pytest.mark.heavy, pytest.mark.timeout(600)])])
def test_a_store_that_is_killed_in_the_middle_of_its_writes_opens_with_all_that_it_acknowledged(
    tmp_path: Path, kills: int
) -> None:
    """A log that is full is folded, and begun anew, several times a second here."""
    random = Random(kills)
    acknowledged = 0
    for _ in range(kills):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "home"), str(acknowledged)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment(tmp_path), text=True) as writer:
            assert writer.stdout is not None
            found, first = (int(writer.stdout.readline()) for _ in range(2))
            assert found in (acknowledged, acknowledged + 1)
            time.sleep(random.uniform(0.0, 0.4))
            writer.kill()
            acknowledged = max([first, *map(int, writer.stdout.read().split())])
    assert acknowledged > 10 * kills
