"""`$.a.b[0]`: the simple JSON paths that pipes use for partition keys and input templates.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-target.html (dynamic path parameters)
"""

from __future__ import annotations

import re
from typing import Any

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['([^']+)'\]")


class PathError(ValueError):
    """Not a path, or nothing is there in the event."""


def parse_path(path: str) -> tuple[str | int, ...]:
    """The steps of `$.dynamodb.Keys.orderid.S`; `$` alone has none. Raises PathError."""
    if not path.startswith("$"):
        raise PathError(f"Invalid json path reference: {path}")
    steps: list[str | int] = []
    at = 1
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise PathError(f"Invalid json path reference: {path}")
        name, index, quoted = found.groups()
        steps.append(int(index) if index is not None else name or quoted)
        at = found.end()
    return tuple(steps)


def find(event: Any, steps: tuple[str | int, ...]) -> Any:
    """What the event has at the end of the path. Raises PathError when there is nothing."""
    value = event
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            raise PathError(f"nothing at {as_text(steps)}") from None
    return value


def as_text(steps: tuple[str | int, ...]) -> str:
    """The path as it is written."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
