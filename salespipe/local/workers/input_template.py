"""The input template of a pipe: text with `<$.path>` and reserved variables in angle brackets, filled per event.

Text from the event is escaped for JSON and not quoted (the template quotes it); objects, lists and numbers are
written as compact JSON. A path that leads nowhere gives the empty text.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from salespipe.local.workers.event_path import PathError, find, parse_path

_PLACEHOLDER = re.compile(r"<(\$[^<>]*|aws\.pipes\.[^<>]*)>")


class TemplateError(ValueError):
    """The template holds a placeholder that is none."""


@dataclass(frozen=True)
class PipeVariables:
    """What the reserved variables say about the pipe itself."""

    pipe_arn: str
    pipe_name: str
    source_arn: str
    target_arn: str
    enrichment_arn: str = ""

    def as_dict(self) -> dict[str, str]:
        return {
            "aws.pipes.pipe-arn": self.pipe_arn,
            "aws.pipes.pipe-name": self.pipe_name,
            "aws.pipes.source-arn": self.source_arn,
            "aws.pipes.enrichment-arn": self.enrichment_arn,
            "aws.pipes.target-arn": self.target_arn,
        }


Template = Callable[[bytes, Any, float], bytes]
"""Takes the event's bytes, the decoded event and the ingestion time (epoch seconds); returns the target's input."""


def compile_template(text: str, variables: PipeVariables) -> Template:
    """A function that fills the template for one event. Raises TemplateError for an unknown placeholder."""
    constants: Mapping[str, str] = variables.as_dict()
    pieces: list[str | Callable[[bytes, Any, float], str]] = []
    last = 0
    for found in _PLACEHOLDER.finditer(text):
        pieces.append(text[last : found.start()])
        pieces.append(_piece(found[1], constants))
        last = found.end()
    pieces.append(text[last:])

    def fill(raw: bytes, event: Any, ingested: float) -> bytes:
        return "".join(p if isinstance(p, str) else p(raw, event, ingested) for p in pieces).encode()

    return fill


def _piece(name: str, constants: Mapping[str, str]) -> str | Callable[[bytes, Any, float], str]:
    if name in constants:
        return constants[name]
    if name == "aws.pipes.event":
        return lambda raw, event, ingested: _inner(raw.decode())
    if name == "aws.pipes.event.json":
        return lambda raw, event, ingested: raw.decode()
    if name == "aws.pipes.event.ingestion-time":
        return lambda raw, event, ingested: _instant(ingested)
    try:
        steps = parse_path(name)
    except PathError as error:
        raise TemplateError("Invalid json path reference or predefined variable for placeholder") from error

    def at_path(raw: bytes, event: Any, ingested: float) -> str:
        try:
            value = find(event, steps)
        except PathError:
            return ""
        return _inner(value) if isinstance(value, str) else _json(value)

    return at_path


def _inner(text: str) -> str:
    """Text as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
