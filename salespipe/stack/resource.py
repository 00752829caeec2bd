"""What a resource kind has to offer; the plan and its execution know resources only through this.

A kind declares its desired settings and can read, create, update and delete the one resource that bears its name.
`desired` is pure: it sees only what was read. The others call AWS and let botocore's errors pass.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from salespipe.aws.clients import Clients
from salespipe.settings import Settings
from salespipe.stack.naming import TAG, Names

Key = tuple[str, str]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Found:
    """One resource as it stands. `settings` uses the same keys as the kind's desired settings."""

    settings: Values
    tags: Mapping[str, str] = field(default_factory=dict)
    state: Literal["ready", "busy", "failed", "deleting"] = "ready"
    reason: str = ""


Seen = Mapping[Key, Found | None]


class Resource(ABC):
    """One declared resource. Class attributes say how the plan may treat it:

    `holds_data`    deleted only on request; `down` keeps it otherwise
    `awaited`       it has a status that must be waited for
    `replace_on`    settings that cannot change in place: the resource is deleted and created again
    `refuse_on`     settings whose change would lose data: the plan refuses, with the hint given here
    `exists_codes`  the error codes of `create` that mean somebody was faster

    `sleep` is what a kind waits with between two looks; the run sets one that ends with the run.
    """

    kind: ClassVar[str]
    holds_data: ClassVar[bool] = False
    awaited: ClassVar[bool] = False
    replace_on: ClassVar[Mapping[str, str]] = {}
    refuse_on: ClassVar[Mapping[str, str]] = {}
    exists_codes: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, aws: Clients, names: Names, settings: Settings) -> None:
        self.aws = aws
        self.names = names
        self.settings = settings
        self.sleep: Callable[[float], None] = time.sleep

    @property
    @abstractmethod
    def name(self) -> str: ...

    @property
    def key(self) -> Key:
        return (self.kind, self.name)

    @abstractmethod
    def desired(self, seen: Seen) -> dict[str, Any]:
        """The settings wanted, given what was read of the resources this one depends on."""

    @abstractmethod
    def read(self) -> Found | None:
        """The resource as it stands, or None."""

    @abstractmethod
    def create(self, desired: Values) -> None:
        """Create it with our tag. Raises one of `exists_codes` when the name is taken."""

    @abstractmethod
    def update(self, desired: Values, found: Found) -> None:
        """Bring the settings that differ to what is desired."""

    @abstractmethod
    def delete(self) -> None:
        """Delete it and what it contains; deleting what is gone is no error."""

    def ours(self, found: Found) -> bool:
        """Whether what was found belongs to this pipeline: it carries our tag."""
        return found.tags.get(TAG) == self.names.pipeline

    def transient(self, reason: str) -> bool:
        """Whether a failed creation with this reason may succeed when it is simply done again."""
        return False

    def describe(self, desired: Values, seen: Seen) -> tuple[str, ...]:
        """What creating it gives, in plain words; `seen` is what stands already."""
        return ()

    def retire(self) -> None:
        """What a resource that is kept stops doing once the pipeline around it is gone; nothing, as a rule."""
        return None

    def keeping(self) -> tuple[str, ...]:
        """Why `down` keeps it, and in what state, in plain words."""
        return ("holds data; goes only with --delete-data",)

    def losses(self, found: Found) -> tuple[str, ...]:
        """What goes for good when it, as it was found, is deleted, in plain words."""
        return ()

    @property
    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.names.tags.items()]


def from_tag_list(tags: list[dict[str, str]] | None) -> dict[str, str]:
    """`[{"Key": k, "Value": v}]`, as most services answer, as a dict."""
    return {tag["Key"]: tag["Value"] for tag in tags or []}
