"""The plan: from what is declared and what was read to changes, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.errors import NotOursError, SalespipeError
from salespipe.settings import BY_TARGET
from salespipe.stack.declaration import Declared
from salespipe.stack.naming import TAG
from salespipe.stack.plan import Change, Plan, differences, plan_down, plan_up
from salespipe.stack.resource import Found, Seen
from tests.unit.fake_resource import Fake

SETTINGS = BY_TARGET["local"]
OURS = {TAG: "sales"}


class Replaced(Fake):
    kind = "replaced"
    replace_on: ClassVar[Mapping[str, str]] = {"source": "its source is fixed"}


class Refused(Fake):
    kind = "refused"
    refuse_on: ClassVar[Mapping[str, str]] = {"view": "make a new one"}


class Store(Fake):
    kind = "store"
    holds_data = True


def up(resources: Sequence[Fake], found: Seen) -> Plan:
    return plan_up([Declared(resource) for resource in resources], found, SETTINGS)


def one(resource: Fake, state: Found | None) -> Change:
    (change,) = up([resource], {resource.key: state}).changes
    assert resource.calls == [], "a plan calls nothing"
    return change


@pytest.mark.parametrize(
    ("state", "action"),
    [
        (None, "create"),
        (Found({}, state="deleting"), "create"),
        (Found({"size": 1}, OURS), "noop"),
        (Found({"size": 1, "more": "echoed"}, OURS), "noop"),
        (Found({"size": 2}, OURS), "update"),
        (Found({}, OURS), "update"),
        (Found({"size": 1}, OURS, "busy"), "update"),
        (Found({"size": 1}, OURS, "failed", "no permission"), "replace"),
    ],
)
def test_what_was_read_decides(state: Found | None, action: str) -> None:
    change = one(Fake("a", []), state)
    assert (change.action, change.kind, change.name) == (action, "fake", "a")
    assert (change.details != ()) == (action not in {"create", "noop"})


def test_the_reason_of_a_failure_is_told() -> None:
    change = one(Fake("a", []), Found({}, OURS, "failed", "no permission"))
    assert change.details == ("it has failed: no permission",)


def test_what_cannot_change_in_place_is_replaced_and_says_why() -> None:
    change = one(Replaced("a", [], {"source": "new", "size": 1}), Found({"source": "old", "size": 1}, OURS))
    assert change.action == "replace"
    assert change.details == ("source: old -> new", "its source is fixed")


def test_what_would_lose_data_is_refused() -> None:
    with pytest.raises(SalespipeError, match="refused a: view: old -> new") as caught:
        one(Refused("a", [], {"view": "new"}), Found({"view": "old"}, OURS))
    assert caught.value.hint == "make a new one"


def test_all_that_is_foreign_is_named_at_once() -> None:
    a, b, c = (Fake(name, []) for name in "abc")
    found = {a.key: Found({"size": 1}, {}), b.key: Found({"size": 1}, OURS), c.key: Found({}, {TAG: "other"})}
    with pytest.raises(NotOursError) as caught:
        up([a, b, c], found)
    assert "fake a, fake c" in str(caught.value)


def test_the_same_reads_give_the_same_plan() -> None:
    resources = [Fake(name, []) for name in "abc"]
    found: Seen = {resources[0].key: Found({"size": 2}, OURS), resources[1].key: None, resources[2].key: None}
    assert up(resources, found) == up(resources, found)


def test_down_goes_backwards_and_keeps_data_and_what_is_not_ours() -> None:
    a, b, c, d = Store("a", []), Fake("b", []), Fake("c", []), Fake("d", [])
    declared = [Declared(resource) for resource in (a, b, c, d)]
    found: Seen = {a.key: a.standing(), b.key: b.standing(), c.key: Found({}, {}), d.key: None}
    kept = plan_down(declared, found, delete_data=False)
    assert [(c.name, c.action) for c in kept.changes] == [("c", "keep"), ("b", "delete"), ("a", "keep")]
    assert [c.name for c in kept.pending] == ["b"]
    everything = plan_down(declared, found, delete_data=True)
    assert [c.name for c in everything.pending] == ["b", "a"]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)


@given(MAPPINGS, MAPPINGS)
def test_what_a_service_adds_is_no_difference(desired: dict[str, Any], echoed: dict[str, Any]) -> None:
    assert differences(desired, desired) == ()
    assert differences(desired, {**echoed, **desired}) == ()
    assert differences({"nested": desired}, {"nested": {**echoed, **desired}}) == ()


@given(MAPPINGS, st.text(max_size=3))
def test_any_other_value_is_a_difference(desired: dict[str, Any], name: str) -> None:
    wanted = {**desired, name: "wanted"}
    assert name in differences(wanted, {**wanted, name: "other"})
    assert name in differences(wanted, {key: value for key, value in wanted.items() if key != name})
