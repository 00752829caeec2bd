"""EventBridge event patterns: a pattern is compiled once and then asked of every event.

Fields of an object must all match; values in a list are alternatives; an event's list matches if one element does.
Operators: exact, prefix, suffix, equals-ignore-case, wildcard, anything-but, numeric, exists, cidr, `$or`.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import ipaddress
import json
import operator
import re
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

Test = Callable[[Any], bool]
_Node = Callable[[Any], bool]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class InvalidPatternError(ValueError):
    """The pattern is not one; the message is the service's."""

    def __init__(self, reason: str = "") -> None:
        super().__init__("Invalid Event Pattern" + (f". Reason: {reason}" if reason else ""))


class _Missing:
    """Stands for a field that the event does not have."""


_MISSING = _Missing()


def compile_pattern(text: str) -> Test:
    """A function that says whether an event (decoded JSON) matches. Raises InvalidPatternError."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise InvalidPatternError from error
    if not isinstance(pattern, dict):
        raise InvalidPatternError
    return _object(pattern)


def _object(pattern: Mapping[str, Any]) -> _Node:
    if not pattern:
        raise InvalidPatternError("Empty objects are not allowed")
    fields: list[tuple[str, _Node]] = []
    choices: list[list[_Node]] = []
    for key, below in pattern.items():
        if key == "$or" and isinstance(below, list) and len(below) > 1 and _all_objects(below):
            choices.append([_object(choice) for choice in below])
        elif isinstance(below, dict):
            fields.append((key, _object(below)))
        elif isinstance(below, list):
            fields.append((key, _leaf(key, below)))
        else:
            raise InvalidPatternError(f'"{key}" must be an object or an array')

    def one(event: Any) -> bool:
        found = event if isinstance(event, dict) else {}
        return all(matches(found.get(key, _MISSING)) for key, matches in fields) and all(
            any(choice(found) for choice in group) for group in choices
        )

    def node(event: Any) -> bool:
        return any(map(one, event)) if isinstance(event, list) else one(event)

    return node


def _all_objects(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _leaf(key: str, alternatives: list[Any]) -> _Node:
    if not alternatives:
        raise InvalidPatternError("Empty arrays are not allowed")
    tests = [_alternative(key, alternative) for alternative in alternatives]

    def node(value: Any) -> bool:
        # An object is no leaf: there "exists" is false and nothing is equal to it.
        values = value if isinstance(value, list) and value else [_MISSING if isinstance(value, dict) else value]
        return any(test(element) for test in tests for element in values)

    return node


def _alternative(key: str, wanted: Any) -> Test:
    if not isinstance(wanted, dict):
        if isinstance(wanted, list):
            raise InvalidPatternError(f'"{key}": match value must be a String, number, true, false, or null')
        return _equals(wanted)
    if len(wanted) != 1:
        raise InvalidPatternError("Only one key allowed in match expression")
    ((name, argument),) = wanted.items()
    if name == "exists":
        if not isinstance(argument, bool):
            raise InvalidPatternError("exists match pattern must be either true or false.")
        return lambda value: (value is not _MISSING) is argument
    if name == "anything-but":
        return _anything_but(argument)
    if name == "numeric":
        return _numeric(argument)
    if name == "cidr":
        return _cidr(argument)
    return _text(name, argument)


def _equals(wanted: Any) -> Test:
    # True == 1 in Python, but they are different values in JSON.
    kind = bool if isinstance(wanted, bool) else None

    def test(value: Any) -> bool:
        return bool(value == wanted) and (bool if isinstance(value, bool) else None) is kind

    return test


def _text(name: str, argument: Any) -> Test:
    """The operators on text; `prefix` and `suffix` may be told to ignore case."""
    fold = False
    if name in ("prefix", "suffix") and isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        fold, argument = True, argument["equals-ignore-case"]
    if name not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
        raise InvalidPatternError(f"Unrecognized match type {name}")
    if not isinstance(argument, str):
        raise InvalidPatternError(f"{name} match pattern must be a string")
    wanted = argument.lower() if fold or name == "equals-ignore-case" else argument
    if name == "prefix":
        return lambda v: isinstance(v, str) and (v.lower() if fold else v).startswith(wanted)
    if name == "suffix":
        return lambda v: isinstance(v, str) and (v.lower() if fold else v).endswith(wanted)
    if name == "equals-ignore-case":
        return lambda v: isinstance(v, str) and v.lower() == wanted
    expression = _wildcard(argument)
    return lambda v: isinstance(v, str) and expression.fullmatch(v) is not None


def _wildcard(text: str) -> re.Pattern[str]:
    """`*` stands for any text; `\\*` and `\\\\` for themselves."""
    parts = re.findall(r"\\[*\\]|\*|[^*\\]+|\\", text)
    if ("*", "*") in pairwise(parts):
        raise InvalidPatternError("Consecutive wildcard characters are not allowed")
    if "\\" in parts:
        raise InvalidPatternError("Invalid escape character")
    made = [".*" if part == "*" else re.escape(part[1:] if part[0] == "\\" else part) for part in parts]
    return re.compile("".join(made), re.DOTALL)


def _anything_but(argument: Any) -> Test:
    if isinstance(argument, dict):
        if len(argument) != 1:
            raise InvalidPatternError("Only one key allowed in match expression")
        ((name, unwanted),) = argument.items()
        several = unwanted if isinstance(unwanted, list) else [unwanted]
        tests = [_text(name, one) for one in several]
    else:
        several = argument if isinstance(argument, list) else [argument]
        if any(isinstance(one, list | dict) or one is None for one in several):
            raise InvalidPatternError("Inside anything but list, start|null|boolean is not supported.")
        tests = [_equals(one) for one in several]
    if not tests:
        raise InvalidPatternError("Empty arrays are not allowed")
    return lambda value: value is not _MISSING and not any(test(value) for test in tests)


def _numeric(argument: Any) -> Test:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidPatternError("Value of numeric must be an array.")
    conditions: list[tuple[Callable[[float, float], bool], float]] = []
    for sign, bound in zip(argument[::2], argument[1::2], strict=True):
        if sign not in _COMPARE:
            raise InvalidPatternError(f"Unrecognized numeric range operator: {sign}")
        if isinstance(bound, bool) or not isinstance(bound, int | float):
            raise InvalidPatternError("Value of numeric operator must be a number")
        conditions.append((_COMPARE[sign], bound))

    def test(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return all(compare(value, bound) for compare, bound in conditions)

    return test


def _cidr(argument: Any) -> Test:
    try:
        network = ipaddress.ip_network(argument, strict=False)
    except ValueError as error:
        raise InvalidPatternError("Malformed CIDR") from error

    def test(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return test
