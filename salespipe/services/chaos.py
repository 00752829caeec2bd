"""Beginning and ending faults of one pipeline (see `faults`), and what is wrong with it on purpose just now.

Where a pipeline runs decides whether faults can be injected at all: who can hands over `Faults`, and nothing here
knows how. A fault ends after its time, when it is stopped, or when what runs the pipeline is started anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from salespipe.errors import NotThereError
from salespipe.services import provision
from salespipe.services.faults import KILL, check, known
from salespipe.services.pipeline import Pipeline
from salespipe.stack.naming import Names


@dataclass(frozen=True)
class Active:
    """A fault as it stands: `seconds_left` is None without an end; `hits` is how often it struck so far."""

    name: str
    active: bool
    options: dict[str, float] = field(default_factory=dict)
    seconds_left: float | None = None
    hits: int = 0


@dataclass(frozen=True)
class Chaos:
    """The throughput limits as they were asked for (`off` without any), and the active faults by name."""

    limits: str
    active: dict[str, Active]


class Faults(Protocol):
    """What can be made to go wrong where the pipeline runs. Raises SalespipeError."""

    def active(self) -> tuple[str, list[dict[str, Any]]]:
        """The throughput limits, and each active fault as a document with the fields of `Active`."""
        ...

    def start(self, name: str, seconds: float | None, options: Mapping[str, float]) -> dict[str, Any]:
        """Begin a fault; its document."""
        ...

    def stop(self, name: str | None) -> list[str]:
        """End one fault or all; the names of those that were active."""
        ...

    def kill(self) -> None:
        """Kill what runs the pipeline."""
        ...


def resources(names: Names) -> dict[str, str]:
    """What the faults of a pipeline are about."""
    return {
        "table": names.arn("dynamodb", f"table/{names.table}"),
        "stream": names.stream_arn,
        "function": names.function_arn,
        "bucket": names.bucket,
    }


def look(faults: Faults) -> Chaos:
    """What is active just now."""
    limits, found = faults.active()
    return Chaos(limits, {document["name"]: _active(document) for document in found})


def blamed(faults: Faults, said: str) -> list[str]:
    """The active faults that may have made a call fail, which then said `said`: those that struck, with such a code."""
    return [
        name
        for name, fault in look(faults).active.items()
        if fault.hits and (code := known(name).says) and code in said
    ]


def start(
    p: Pipeline, faults: Faults, name: str, *, seconds: float | None = None, options: Mapping[str, float] | None = None
) -> Active:
    """Begin a fault for `seconds`, or until it is stopped. Begun again, it begins anew.

    Raises UsageError for what the fault does not take, NotThereError when the pipeline is not there.
    """
    given = dict(options or {})
    check(known(name), timed=seconds is not None, options=given)
    provision.require(p)
    if name == KILL:
        faults.kill()
        return Active(KILL, active=False, hits=1)
    return _active(faults.start(name, seconds, given))


def stop(faults: Faults, name: str | None = None) -> list[str]:
    """End one fault, or all that are active; their names. Raises UsageError, NotThereError for one that is not."""
    if name is not None:
        known(name)
    stopped = faults.stop(name)
    if name is not None and not stopped:
        raise NotThereError(f"the fault {name} is not active", "see which are: salespipe chaos")
    return stopped


def _active(document: Mapping[str, Any]) -> Active:
    return Active(
        document["name"],
        document["active"],
        dict(document["options"]),
        document["seconds_left"],
        document["hits"],
    )
