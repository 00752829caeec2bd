"""A delivery stream that was told what cannot be done: `status` says what, nothing else stops, `up` repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.local.crashing import NAMES, Home, until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    made.json("up")
    yield made
    made.close()


def records(home: Home) -> dict[str, Any]:
    return {hop["name"]: hop["records"] for hop in home.json("status")["hops"]}


def test_a_lambda_processor_without_its_function_is_a_problem_of_the_delivery_alone(home: Home) -> None:
    firehose = home.client("firehose")
    stream = firehose.describe_delivery_stream(DeliveryStreamName=NAMES.delivery)["DeliveryStreamDescription"]
    firehose.update_destination(
        DeliveryStreamName=NAMES.delivery,
        CurrentDeliveryStreamVersionId=stream["VersionId"],
        DestinationId=stream["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={
            "ProcessingConfiguration": {"Enabled": True, "Processors": [{"Type": "Lambda", "Parameters": []}]}
        },
    )
    why = "problem: delivery: LambdaArn is required when Lambda processor is used."
    until(lambda: why in home.run("status").stdout.splitlines(), "the delivery says why it does nothing")
    assert home.json("status")["healthy"] is False
    home.json("generate", "--count", "20", "--rate", "500")
    until(lambda: records(home)["kinesis"] == 20, "the pipe goes on")
    assert not records(home)["lake"]
    assert [change["name"] for change in home.json("up")["changes"] if change["action"] != "noop"] == [NAMES.delivery]
    until(lambda: records(home)["lake"] == 20, "what waited is delivered")
    assert home.json("status")["healthy"] is True
