"""The table of functions: names, signatures and translations.

A signature is written as Trino writes it: `array(T), bigint -> T`. Single capitals are type variables; `decimal` takes
any decimal, `T:number`… is written with the variable `N` (any number), `O` (what can be ordered), `C` (a char).
The translation is engine SQL with `{0}`, `{1}` for the arguments (already converted to the signature's types) or a
function that builds it. In aggregates `{args}` stands for all arguments and `{over}` for FILTER and OVER.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from salespipe.local.athena.casts import converted
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import orderable
from salespipe.local.athena.type_names import parse_type
from salespipe.local.athena.types import NUMERIC, UNKNOWN, Type, common, converts

if TYPE_CHECKING:
    from salespipe.local.athena.calls import Arguments

Builder = Callable[["Arguments"], Typed]
Kind = Literal["scalar", "aggregate", "window"]

_VARIABLES = re.compile(r"\b([A-Z])\b")


@dataclass(frozen=True)
class Signature:
    """Parameter types (`variadic`: the last may repeat) and the result type."""

    shown: str
    parameters: tuple[Type, ...]
    result: Type
    variadic: bool


@dataclass(frozen=True)
class Function:
    """One overload. `sql` is its translation where a template is enough, else `build`."""

    name: str
    kind: Kind
    page: str
    signature: Signature | None
    sql: str | None
    build: Builder | None


FUNCTIONS: dict[str, list[Function]] = {}
MACROS: list[str] = []


def define(page: str, kind: Kind, *rows: tuple[str, str]) -> None:
    """Add functions by `name(parameters) -> result` and template."""
    for shown, sql in rows:
        name, _, _ = shown.partition("(")
        FUNCTIONS.setdefault(name, []).append(Function(name, kind, page, _signature(shown), sql, None))


def built(page: str, kind: Kind, *names: str) -> Callable[[Builder], Builder]:
    """Add a function whose translation is made by the decorated builder, which also checks its arguments."""

    def add(build: Builder) -> Builder:
        for name in names:
            FUNCTIONS.setdefault(name, []).append(Function(name, kind, page, None, None, build))
        return build

    return add


def macros(*definitions: str) -> None:
    """Add helpers of the engine's own: `name(parameters) AS expression`."""
    MACROS.extend(definitions)


def _signature(shown: str) -> Signature:
    match = re.fullmatch(r"\w+\((.*)\) -> (.+)", shown)
    if match is None:
        raise ValueError(f"unreadable signature {shown!r}")
    variadic = match[1].endswith("...")
    inside = match[1].removesuffix("...")
    row = parse_type(f"row({inside})", variables=True) if inside else Type("row")
    return Signature(shown, row.args, parse_type(match[2], variables=True), variadic)


def choose(
    functions: Sequence[Function], arguments: Sequence[Typed], at: tuple[int, int]
) -> tuple[Function, list[Typed], Type] | None:
    """The overload for these arguments, the arguments converted to it, and its result type.

    An overload that needs no conversion wins over one that does, then the first that fits. None where none fits but a
    builder may; raises FUNCTION_NOT_FOUND as Trino does otherwise.
    """
    fits = []
    for function in functions:
        bound = _bind(function.signature, [argument.type for argument in arguments]) if function.signature else None
        if bound is not None:
            wanted, result = bound
            same = sum(a.type == b for a, b in zip(arguments, wanted, strict=True))
            fits.append((same, function, wanted, result))
    if not fits:
        if any(function.build for function in functions):
            return None
        name = functions[0].name
        given = ", ".join(str(argument.type) for argument in arguments)
        expected = ", ".join(f.signature.shown.partition(" -> ")[0] for f in functions if f.signature)
        raise QueryFailure(
            "FUNCTION_NOT_FOUND", f"Unexpected parameters ({given}) for function {name}. Expected: {expected}", at
        )
    _, function, wanted, result = max(fits, key=lambda fit: fit[0])
    return function, [converted(a, b) for a, b in zip(arguments, wanted, strict=True)], result


def _bind(signature: Signature, given: Sequence[Type]) -> tuple[list[Type], Type] | None:
    parameters = list(signature.parameters)
    if signature.variadic:
        parameters += parameters[-1:] * (len(given) - len(parameters))
        parameters = parameters[: len(given)] if len(given) >= len(signature.parameters) - 1 else parameters
    if len(parameters) != len(given):
        return None
    bound: dict[str, Type] = {}
    for parameter, argument in zip(parameters, given, strict=True):
        if not _unify(parameter, argument, bound):
            return None
    wanted = [_filled(parameter, argument, bound) for parameter, argument in zip(parameters, given, strict=True)]
    if not all(a == b or converts(a, b) for a, b in zip(given, wanted, strict=True)):
        return None
    return wanted, _filled(signature.result, UNKNOWN, bound)


def _unify(parameter: Type, given: Type, bound: dict[str, Type]) -> bool:
    if len(parameter.name) == 1:
        if parameter.name == "N" and given.name not in NUMERIC and given != UNKNOWN:
            return False
        if parameter.name == "C" and given.name != "char":
            return False
        if parameter.name == "O" and not orderable(given):
            return False
        met = common(bound[parameter.name], given) if parameter.name in bound else given
        if met is None:
            return False
        bound[parameter.name] = met
        return True
    if parameter.args and given.name == parameter.name and len(parameter.args) == len(given.args):
        return all(_unify(a, b, bound) for a, b in zip(parameter.args, given.args, strict=True))
    if parameter.args:
        return given == UNKNOWN
    return True


def _filled(pattern: Type, given: Type, bound: dict[str, Type]) -> Type:
    if len(pattern.name) == 1:
        return bound.get(pattern.name, UNKNOWN)
    if pattern.name == "decimal" and not pattern.numbers:
        return given if given.name == "decimal" else Type("decimal", numbers=(38, 0))
    if pattern.name in ("timestamp", "timestamp with time zone", "time") and given.name == pattern.name:
        return given
    if pattern.args:
        return Type(pattern.name, tuple(_filled(arg, UNKNOWN, bound) for arg in pattern.args), fields=pattern.fields)
    return pattern
