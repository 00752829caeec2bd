"""Carrying a plan out: order, what runs side by side, failures, patience and giving up."""

from __future__ import annotations

import threading
from typing import Literal

import pytest

from salespipe.errors import AccessError, NotOursError, SalespipeError, TransientError
from salespipe.settings import BY_TARGET
from salespipe.stack import apply as applying
from salespipe.stack.apply import Step, apply
from salespipe.stack.declaration import Declared
from salespipe.stack.plan import Action, Change, Plan, plan_down, plan_up
from salespipe.stack.resource import Found
from tests.unit.fake_resource import Fake, client_error

SPREADING = client_error("InvalidArgumentException", "Firehose is unable to assume role arn:aws:iam::1:role/x.")


def carry_out(declared: list[Declared], plan: Plan | None = None) -> list[Step]:
    found = {entry.resource.key: entry.resource.read() for entry in declared}
    return list(apply(declared, plan or plan_up(declared, found, BY_TARGET["local"])))


def change(resource: Fake, action: Action, found: Found | None) -> list[Step]:
    plan = Plan((Change(resource.kind, resource.name, action),), {resource.key: found})
    return list(apply([Declared(resource)], plan))


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sleeps return at once and are noted."""
    slept: list[float] = []
    monkeypatch.setattr(applying._Run, "_sleep", lambda _, seconds: slept.append(seconds))
    return slept


def test_each_waits_for_what_it_needs() -> None:
    calls: list[str] = []
    a, b, c = (Fake(name, calls) for name in "abc")
    steps = carry_out([Declared(a), Declared(b, (a.key,)), Declared(c, (b.key,))])
    assert calls == ["create a", "create b", "create c"]
    assert [(s.change.name, s.state) for s in steps] == [
        (name, state) for name in "abc" for state in ("started", "done")
    ]


def test_what_is_independent_runs_side_by_side() -> None:
    both = threading.Barrier(2, timeout=10)
    a, b = Fake("a", []), Fake("b", [])

    def meet() -> None:
        both.wait()

    a.before_create = b.before_create = meet
    carry_out([Declared(a), Declared(b)])
    assert a.stands is not None
    assert b.stands is not None


def test_down_deletes_what_needs_it_first() -> None:
    calls: list[str] = []
    a, b, c = (Fake(name, calls) for name in "abc")
    declared = [Declared(a), Declared(b, (a.key,)), Declared(c, (b.key,))]
    for resource in (a, b, c):
        resource.stands = resource.standing()
    carry_out(declared, plan_down(declared, {r.key: r.stands for r in (a, b, c)}, delete_data=True))
    assert calls == ["delete c", "delete b", "delete a"]


def test_a_failure_names_the_resource_and_starts_nothing_after_it() -> None:
    calls: list[str] = []
    a, b = Fake("a", calls), Fake("b", calls)

    def refuse() -> None:
        raise client_error("AccessDenied", "no iam:PassRole")

    a.before_create = refuse
    with pytest.raises(AccessError, match="fake a: Operation: AccessDenied: no iam:PassRole"):
        carry_out([Declared(a), Declared(b, (a.key,))])
    assert calls == ["create a"]


def test_a_role_that_has_not_spread_is_waited_for(no_waiting: list[float]) -> None:
    a = Fake("a", [])
    refusals = [SPREADING, SPREADING]

    def refuse() -> None:
        if refusals:
            raise refusals.pop()

    a.before_create = refuse
    carry_out([Declared(a)])
    assert a.calls == ["create a"] * 3
    assert len(no_waiting) == 2


def test_a_lasting_refusal_is_not_repeated(no_waiting: list[float]) -> None:
    a = Fake("a", [])

    def refuse() -> None:
        raise client_error("InvalidArgumentException", "not authorized to perform: iam:PassRole on role x")

    a.before_create = refuse
    with pytest.raises(SalespipeError, match="PassRole"):
        carry_out([Declared(a)])
    assert a.calls == ["create a"]
    assert no_waiting == []


def test_a_creation_that_failed_for_haste_is_done_again(no_waiting: list[float]) -> None:
    """A pipe on a fresh stream: CREATE_FAILED, "Cannot access stream", although the policy is right."""
    a = Fake("a", [])
    a.haste = "Cannot access stream"
    failed = Found({}, a.names.tags, "failed", "Cannot access stream arn:x. Please ensure the role")
    a.after_create = [failed, failed, a.standing()]
    carry_out([Declared(a)])
    assert a.calls == ["create a", "delete a"] * 2 + ["create a"]


def test_a_creation_that_failed_for_good_says_why() -> None:
    a = Fake("a", [])
    a.after_create = [Found({}, a.names.tags, "failed", "the target does not exist")]
    with pytest.raises(SalespipeError, match="fake a: its creation failed: the target does not exist"):
        carry_out([Declared(a)])


def test_a_failed_one_is_deleted_and_made_again() -> None:
    a = Fake("a", [])
    a.stands = Found({}, a.names.tags, "failed", "no permission")
    carry_out([Declared(a)])
    assert a.calls == ["delete a", "create a"]


def test_what_an_earlier_run_made_is_adopted_and_completed() -> None:
    a = Fake("a", [])
    declared = [Declared(a)]
    plan = plan_up(declared, {a.key: None}, BY_TARGET["local"])
    a.stands = a.standing({})
    carry_out(declared, plan)
    assert a.calls == ["create a", "update a"]
    assert a.stands == a.standing()


def test_what_somebody_else_made_meanwhile_is_left_alone() -> None:
    a = Fake("a", [])
    declared = [Declared(a)]
    plan = plan_up(declared, {a.key: None}, BY_TARGET["local"])
    a.stands = theirs = Found({}, {})
    with pytest.raises(NotOursError, match="fake a"):
        carry_out(declared, plan)
    assert a.stands is theirs


def test_giving_up_ends_the_waiting() -> None:
    slow, quick = Fake("slow", []), Fake("quick", [])
    slow.after_create = [Found({}, slow.names.tags, "busy")]
    declared = [Declared(slow), Declared(quick)]
    run = apply(declared, plan_up(declared, {slow.key: None, quick.key: None}, BY_TARGET["local"]))
    assert [next(run).state for _ in range(3)] == ["started", "started", "done"]
    run.close()  # would take half an hour otherwise
    assert [thread for thread in threading.enumerate() if thread.name.startswith("apply")] == []
    assert slow.stands is not None
    assert slow.stands.state == "busy"


def test_what_is_still_being_made_is_deleted_when_it_stands(no_waiting: list[float]) -> None:
    """A delivery stream cannot be deleted while CREATING, nor a table or a pipe: `down` after an interrupted `up`."""
    a = Fake("a", [])
    busy = Found({}, a.names.tags, "busy")
    a.reads = [busy, busy]
    a.stands = a.standing()

    def refuse() -> None:
        if a.reads:
            raise client_error("ResourceInUseException", "it is CREATING")

    a.before_delete = refuse
    change(a, "delete", busy)
    assert a.calls == ["delete a"]
    assert a.stands is None


def test_what_is_gone_already_or_going_is_not_deleted_again(no_waiting: list[float]) -> None:
    a = Fake("a", [])
    busy = Found({}, a.names.tags, "busy")
    a.reads = [busy, Found({}, state="deleting"), Found({}, state="deleting")]
    change(a, "delete", busy)
    assert a.calls == []


@pytest.mark.parametrize("state", ["failed", "ready"])
def test_an_update_that_failed_afterwards_is_a_failure(
    state: Literal["failed", "ready"], no_waiting: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe that is UPDATE_FAILED stands as it did before: ready, but not as wanted."""
    monkeypatch.setattr(applying, "_LAG_SECONDS", 0.0)
    a = Fake("a", [])
    before = a.standing({"size": 2})
    a.after_update = [Found({"size": 2}, a.names.tags, state, "the role may not do this")]
    with pytest.raises(SalespipeError, match=r"fake a: its update failed: .*the role may not do this"):
        change(a, "update", before)


def test_an_answer_from_before_the_change_is_no_failure(no_waiting: list[float]) -> None:
    """DescribeTable is eventually consistent:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_DescribeTable.html"""
    a = Fake("a", [])
    before = a.standing({"size": 2})
    a.reads = [before, before]
    change(a, "update", before)
    assert a.stands == a.standing()


def test_a_creation_that_does_not_start_is_a_failure(no_waiting: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe that is START_FAILED stands, but does not run."""
    monkeypatch.setattr(applying, "_LAG_SECONDS", 0.0)
    a = Fake("a", [])
    a.after_create = [Found({"size": 0}, a.names.tags, "ready", "the log group is missing")]
    with pytest.raises(SalespipeError, match="its creation failed: size not as declared: the log group is missing"):
        change(a, "create", None)


def test_a_deletion_that_failed_says_why(no_waiting: list[float]) -> None:
    a = Fake("a", [])
    a.stands = a.standing()
    a.after_delete = [Found({}, a.names.tags, "failed", "the grant could not be retired")]
    with pytest.raises(SalespipeError, match="fake a: its deletion failed: the grant could not be retired"):
        change(a, "delete", a.stands)


def test_the_failure_from_before_the_deletion_is_none_of_it(
    no_waiting: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    a = Fake("a", [])
    a.stands = failed = Found({}, a.names.tags, "failed", "no permission")
    a.reads = [failed, failed]
    change(a, "delete", failed)
    assert a.stands is None
    monkeypatch.setattr(applying, "_LAG_SECONDS", 0.0)
    a.stands, a.after_delete = failed, [failed]
    with pytest.raises(SalespipeError, match="its deletion failed: no permission"):
        change(a, "delete", failed)


def test_when_patience_ends_the_service_has_the_last_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applying, "_SPREAD_SECONDS", 2.3)  # one repetition, after a second
    a = Fake("a", [])

    def refuse() -> None:
        raise SPREADING

    a.before_create = refuse
    with pytest.raises(SalespipeError, match="InvalidArgumentException: Firehose is unable to assume role") as caught:
        change(a, "create", None)
    assert not isinstance(caught.value, TransientError)
    assert a.calls == ["create a"] * 2
