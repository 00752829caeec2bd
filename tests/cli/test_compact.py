"""`salespipe compact` as a command: asked for, shown, done, and killed with the runtime under it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.aws.clients import Clients
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from tests.aws import new_session
from tests.local.crashing import NAMES, Home, until
from tests.services import lakes


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.close()


def pipeline(home: Home) -> Pipeline:
    endpoint = home.client("s3").meta.endpoint_url
    return Pipeline(Clients(new_session(), endpoint), NAMES, BY_TARGET["local"])


def facts(home: Home) -> list[Any]:
    return [home.json("query", lakes.SUMS), home.json("query", lakes.LIVING)]


@pytest.mark.heavy
def test_compact_shows_does_and_ends_what_a_kill_of_the_runtime_left(home: Home) -> None:
    home.json("up")
    lakes.fill(pipeline(home), objects=8, events=240)
    before = facts(home)

    asked = home.run("compact")
    assert (asked.returncode, asked.stdout) == (2, "")
    assert "add --yes to go ahead, or --dry-run" in asked.stderr
    shown = home.json("compact", "--dry-run")
    assert (shown["objects"], shown["runs"], shown["unfinished"], len(shown["hours"])) == (24, 1, False, 3)
    assert home.json("compact", "--before", "2026-01-31T23:00Z", "--dry-run")["objects"] == 8

    command = home.begin("compact", "--yes")
    until(lambda: lakes.keys(pipeline(home), "compacting/run.json"), "a run is under way")
    home.kill()
    _, said = command.communicate(timeout=60)
    assert (command.returncode, "Traceback" in said) == (1, False)
    assert facts(home) == before
    shown = home.json("compact", "--dry-run")
    assert shown["unfinished"] is True

    done = home.json("compact", "--yes")
    assert done["earlier_run"] in ("finished", "rolled back")
    assert facts(home) == before
    assert lakes.keys(pipeline(home), "orders/") == []
    assert "ask raw_orders and orders_compacted" in home.run("query", "SHOW PARTITIONS orders").stderr
    assert len(home.json("query", "SHOW PARTITIONS orders_compacted")) == 3
    assert home.json("compact", "--yes")["objects"] == 0
    assert home.json("crawl")["tables"][0]["name"] == "orders"
    assert facts(home) == before


@pytest.mark.heavy
def test_ctrl_c_ends_with_130_and_leaves_what_people_see(home: Home) -> None:
    home.json("up")
    lakes.fill(pipeline(home), objects=60, events=240)
    before = facts(home)
    command = home.begin("compact", "--yes")
    until(lambda: lakes.keys(pipeline(home), "compacting/run.json"), "a run is under way")
    command.send_signal(signal.SIGINT)
    _, said = command.communicate(timeout=60)
    assert (command.returncode, said.splitlines()[-1]) == (130, "salespipe: interrupted")
    assert facts(home) == before
    home.json("compact", "--yes")
    assert facts(home) == before
