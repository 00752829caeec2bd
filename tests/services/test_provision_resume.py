"""A run that ends at any point is finished by the next one."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from salespipe.services import provision
from salespipe.stack.apply import Step
from salespipe.stack.plan import Plan
from tests.services.provisioning import Killed, World, world_in_process

WRITES_OF_ONE_UP = 34


@pytest.fixture
def world() -> Iterator[World]:
    with world_in_process() as world:
        yield world


def test_the_writes_of_one_up_are_all_tried_below(world: World) -> None:
    world.up()
    assert len(world.death.writes) <= WRITES_OF_ONE_UP


@pytest.mark.parametrize(
    "writes",
    [
        pytest.param(writes, marks=() if writes % 4 == 0 else pytest.mark.heavy)
        for writes in range(1, WRITES_OF_ONE_UP + 1)
    ],
)
def test_killed_after_any_write_the_next_up_completes_it(world: World, writes: int) -> None:
    plan = world.plan()
    world.death.left = writes
    try:
        list(provision.up(world.pipeline, plan))
    except Killed:
        world.death.left = None
        assert provision.exists(world.pipeline) == (world.plan().pending == ())
    world.up()
    assert world.plan().pending == ()
    assert provision.exists(world.pipeline)


@pytest.mark.parametrize("count", [0, 4, 8, 12, 17])
def test_the_first_changes_alone_then_the_rest(world: World, count: int) -> None:
    plan = world.plan()
    list(provision.up(world.pipeline, Plan(plan.changes[:count], plan.found)))
    left = {change.key for change in world.plan().pending}
    assert left == {change.key for change in plan.changes[count:]}
    world.up()
    assert world.plan().pending == ()


def test_killed_while_going_down_the_next_down_completes_it(world: World) -> None:
    generator = random.Random(7)
    for _ in range(4):
        world.up()
        plan = provision.plan_down(world.pipeline, delete_data=True)
        world.death.left = generator.randrange(1, 20)
        with pytest.raises(Killed):
            list(provision.down(world.pipeline, plan))
        world.death.left = None
        world.down(delete_data=True)
        assert provision.plan_down(world.pipeline, delete_data=True).changes == ()


def test_closing_the_run_stops_it(world: World) -> None:
    run = provision.up(world.pipeline, world.plan())
    first = next(run)
    assert isinstance(first, Step)
    run.close()
    assert not provision.exists(world.pipeline)
    world.up()
    assert world.plan().pending == ()
