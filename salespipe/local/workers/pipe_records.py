"""From a change of an item to the record that goes to Kinesis: filter, partition key, input template.

A pipe without filter and template, keyed by an attribute of the table's key, parses nothing but that key.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson

from salespipe.local.stores.changes import Change
from salespipe.local.workers.event_path import PathError, as_text, find, parse_path
from salespipe.local.workers.event_pattern import compile_pattern
from salespipe.local.workers.input_template import PipeVariables, compile_template
from salespipe.local.workers.pipe_config import PipeConfig

_LONGEST_KEY = 256
_LONGEST_RECORD = 1024 * 1024 - 4 * _LONGEST_KEY
"""Kinesis takes 1 MiB of data and partition key together."""


class RecordError(ValueError):
    """This change cannot be made into a record."""


class RecordMaker:
    """Made once per pipe. Raises InvalidPatternError, TemplateError or PathError for a configuration that is wrong."""

    def __init__(self, config: PipeConfig) -> None:
        self._tail = b',"eventSourceARN":"%b"}' % config.source_arn.encode()
        self._filters = [compile_pattern(pattern) for pattern in config.filters]
        self._template = None
        if config.template is not None:
            names = PipeVariables(config.arn, config.name, config.source_arn, config.target_arn)
            self._template = compile_template(config.template, names)
        self._literal = None if config.partition_key.startswith("$") else config.partition_key
        self._path = parse_path(config.partition_key) if self._literal is None else ()
        self._key = self._key_from_keys()

    def wanted(self, changes: list[Change]) -> list[Change]:
        """Those that a filter lets through; all of them where there is no filter."""
        if not self._filters:
            return changes
        return [change for change in changes if self._matches(orjson.loads(self._event(change)))]

    def _matches(self, event: Any) -> bool:
        return any(matches(event) for matches in self._filters)

    def records(self, changes: list[Change]) -> list[tuple[str, bytes]]:
        """(partition key, data) of each change. Raises RecordError for the first that cannot be made."""
        key = self._key
        if key is not None and self._template is None:
            tail = self._tail
            made = [(key(change), change.record[:-1] + tail) for change in changes]
        else:
            made = [self._record(change) for change in changes]
        if any(len(data) > _LONGEST_RECORD for _, data in made):
            raise RecordError(f"a record is larger than {_LONGEST_RECORD} bytes")
        return made

    def _event(self, change: Change) -> bytes:
        """The bytes that a pipe puts on Kinesis: the record of the stream, and which stream it is from."""
        return change.record[:-1] + self._tail

    def _key_from_keys(self) -> Callable[[Change], str] | None:
        """How to get the partition key without the whole event: a constant, or `$.dynamodb.Keys.<name>.S`."""
        literal = self._literal
        if literal is not None:
            return lambda change: literal
        path = self._path
        if len(path) != 4 or path[:2] != ("dynamodb", "Keys") or path[3] != "S":
            return None
        name = path[2]
        loads = orjson.loads

        def from_keys(change: Change) -> str:
            try:
                return _checked(loads(change.keys)[name]["S"], path)
            except KeyError as error:
                raise RecordError(f"partition key: nothing at {as_text(path)}") from error

        return from_keys

    def _record(self, change: Change) -> tuple[str, bytes]:
        raw = self._event(change)
        event = orjson.loads(raw)
        if self._literal is not None:
            key = self._literal
        else:
            try:
                key = _checked(find(event, self._path), self._path)
            except PathError as error:
                raise RecordError(f"partition key: {error}") from error
        return key, raw if self._template is None else self._template(raw, event, time.time())


def _checked(value: Any, path: tuple[str | int, ...]) -> str:
    """A partition key has 1 to 256 characters and is text (numbers and booleans are written as text)."""
    if isinstance(value, bool | int | float):
        value = orjson.dumps(value).decode()
    if not isinstance(value, str):
        raise RecordError(f"partition key: {as_text(path)} is not text")
    if not 1 <= len(value) <= _LONGEST_KEY:
        raise RecordError(
            f"partition key: {as_text(path)} has {len(value)} characters, 1 to {_LONGEST_KEY} are allowed"
        )
    return value
