"""Arrays: https://trino.io/docs/current/functions/array.html, /lambda.html

An index outside the array fails (`a[5]`) or gives NULL (element_at). NULL elements make array_max and the matches
uncertain, and that is what they answer: NULL. What asks for an element is in membership.py.
"""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena.as_text import text_of
from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted, keyed
from salespipe.local.athena.equality import FLOATING
from salespipe.local.athena.errors import QueryFailure
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.sortable import number, orderable, sortable
from salespipe.local.athena.types import (
    BOOLEAN,
    INTEGERS,
    UNKNOWN,
    VARCHAR,
    Type,
    array,
    common,
    duckdb_type,
)

PAGE = "functions/array.html"
LAMBDA = "functions/lambda.html"

macros(
    "trino_has_null(a) AS len(list_filter(a, lambda e: e IS NULL)) > 0",
    "trino_element(a, i) AS CASE WHEN a IS NULL THEN NULL WHEN i = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL "
    "array indices start at 1') "
    "WHEN abs(i) > len(a) THEN NULL ELSE a[i] END",
    "trino_slice(a, s, n) AS CASE WHEN a IS NULL OR s IS NULL OR n IS NULL THEN NULL "
    "WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: length must be greater than or equal to 0') "
    "WHEN s = 0 THEN error('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') "
    "WHEN n = 0 OR abs(s) > len(a) THEN a[1:0] "
    "ELSE list_slice(a, CASE WHEN s > 0 THEN s ELSE len(a) + s + 1 END, (CASE WHEN s > 0 THEN s ELSE len(a) + "
    "s + 1 END) + n - 1) END",
    "trino_trimmed(a, n) AS CASE WHEN a IS NULL THEN NULL WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: size "
    "must not be negative: ' || n) "
    "WHEN n > len(a) THEN error('INVALID_FUNCTION_ARGUMENT: size must not exceed array cardinality ' || len(a) || ': ' "
    "|| n) ELSE trino_slice(a, 1, len(a) - n) END",
    "trino_max(a) AS CASE WHEN trino_has_null(a) THEN NULL ELSE list_max(a) END",
    # a NaN only where there is nothing else; to list_min it is more than all else anyway
    "trino_max_number(a) AS CASE WHEN trino_has_null(a) THEN NULL "
    "ELSE coalesce(list_max(list_filter(a, lambda e: NOT isnan(e))), list_max(a)) END",
    "trino_min(a) AS CASE WHEN trino_has_null(a) THEN NULL ELSE list_min(a) END",
    # Of no separator the engine would make an empty one.
    "trino_join(a, s) AS CASE WHEN s IS NOT NULL THEN array_to_string(a, s) END",
    # the engine's own wants a constant
    "trino_joined(a, s) AS CASE WHEN a IS NULL OR s IS NULL THEN NULL WHEN len(a) = 0 THEN '' "
    "ELSE list_reduce(a, lambda x, y: x || s || y) END",
    "trino_ngrams(a, n) AS CASE WHEN a IS NULL OR n IS NULL THEN NULL WHEN n <= 0 THEN "
    "error('INVALID_FUNCTION_ARGUMENT: N must be positive') "
    "ELSE list_transform(range(1, greatest(len(a) - n + 1, 1) + 1), lambda i: a[i:i + n - 1]) END",
    "trino_contains_sequence(a, s) AS CASE WHEN a IS NULL OR s IS NULL THEN NULL ELSE len(list_filter("
    "range(1, len(a) - len(s) + 2), lambda i: a[i:i + len(s) - 1] IS NOT DISTINCT FROM s)) > 0 END",
)

define(
    PAGE,
    "scalar",
    ("cardinality(array(T)) -> bigint", "CAST(len({0}) AS BIGINT)"),
    ("cardinality(map(K,V)) -> bigint", "CAST(cardinality({0}) AS BIGINT)"),
    ("element_at(array(T), bigint) -> T", "trino_element({0}, {1})"),
    ("flatten(array(array(T))) -> array(T)", "flatten({0})"),
    ("slice(array(T), bigint, bigint) -> array(T)", "trino_slice({0}, {1}, {2})"),
    ("ngrams(array(T), bigint) -> array(array(T))", "trino_ngrams({0}, {1})"),
    ("contains_sequence(array(T), array(T)) -> boolean", "trino_contains_sequence({0}, {1})"),
    ("trim_array(array(T), bigint) -> array(T)", "trino_trimmed({0}, {1})"),
)  # fmt: skip


@built(PAGE, "scalar", "array_join")
def array_join(call: Arguments) -> Typed:
    """Elements as text with a delimiter between; NULLs are left out or shown as the third argument."""
    call.expect(2, 3)
    value, _ = _elements(call)
    element = text_of(Typed("e", value.type.args[0])) if value.type.args[0] != UNKNOWN else "CAST(e AS VARCHAR)"
    texts = f"list_transform({value.sql}, lambda e: {element})"
    if len(call.trees) == 3:
        texts = f"list_transform({texts}, lambda t: coalesce(t, {converted(call.value(2), VARCHAR).sql}))"
    else:
        texts = f"list_filter({texts}, lambda t: t IS NOT NULL)"
    how = "trino_join" if isinstance(call.trees[1], exp.Literal) else "trino_joined"
    return Typed(f"{how}({texts}, {converted(call.value(1), VARCHAR).sql})", VARCHAR)


@built(PAGE, "scalar", "combinations")
def combinations(call: Arguments) -> Typed:
    """Every choice of n elements, a constant up to 5, in the order of their places."""
    call.expect(2)
    value, _ = _elements(call)
    many = int(call.literal(1))
    if not 0 <= many <= 5:
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", "combination size must not exceed 5", call.at)
    names = [call.expressions.translation.fresh("i") for _ in range(many)]
    sql = f"[[{', '.join(f'({value.sql})[{name}]' for name in names)}]]"
    for index in reversed(range(many)):
        first = f"{names[index - 1]} + 1" if index else "1"
        sql = f"flatten(list_transform(range({first}, len({value.sql}) + 1), lambda {names[index]}: {sql}))"
    kind = duckdb_type(array(value.type))
    return Typed(f"CASE WHEN {value.sql} IS NOT NULL THEN CAST({sql} AS {kind}) END", array(value.type))


@built(PAGE, "scalar", "zip")
def zip_(call: Arguments) -> Typed:
    """Rows of the elements at the same place; the shorter arrays give NULL."""
    values = call.values()
    if len(values) < 2 or any(value.type.name != "array" for value in values):
        raise call.unfit()
    longest = f"greatest({', '.join(f'len({value.sql})' for value in values)})"
    parts = ", ".join(f'"field{index}" := ({value.sql})[i]' for index, value in enumerate(values))
    row = Type("row", tuple(value.type.args[0] for value in values), fields=(None,) * len(values))
    missing = " OR ".join(f"{value.sql} IS NULL" for value in values)
    rows = f"list_transform(range(1, {longest} + 1), lambda i: struct_pack({parts}))"
    return Typed(f"CASE WHEN {missing} THEN NULL ELSE {rows} END", array(row))


def _elements(call: Arguments) -> tuple[Typed, Type]:
    value = call.value(0)
    if value.type == UNKNOWN:
        value = converted(value, array(UNKNOWN))
    if value.type.name != "array":
        raise call.unfit()
    return value, value.type.args[0]


@built(LAMBDA, "scalar", "transform")
def transform(call: Arguments) -> Typed:
    call.expect(2)
    value, element = _elements(call)
    body = call.function(1, element)
    return Typed(f"list_transform({value.sql}, {body.sql})", array(body.type))


@built(LAMBDA, "scalar", "filter")
def filter_(call: Arguments) -> Typed:
    call.expect(2)
    value, element = _elements(call)
    body = call.function(1, element)
    if body.type != BOOLEAN:
        raise call.unfit()
    return Typed(f"list_filter({value.sql}, {body.sql})", value.type)


@built(LAMBDA, "scalar", "reduce")
def reduce(call: Arguments) -> Typed:
    """`reduce(array, start, (s, x) -> …, s -> …)`; an empty array gives the start."""
    call.expect(4)
    value, element = _elements(call)
    start = call.value(1)
    step = call.function(2, start.type, element)
    state = common(start.type, step.type)
    if state is None:
        raise call.unfit()
    if state != start.type:
        step = call.function(2, state, element)
    first = f"CAST({start.sql} AS {duckdb_type(state)})"
    folded = _fold(value, element, first, state, call)
    end = call.function(3, state)
    name, _, body = end.sql.removeprefix("lambda ").partition(": ")
    return Typed(f"list_transform([{folded}], lambda {name}: {body})[1]", end.type)


def _sortable_elements(call: Arguments) -> Typed:
    value = call.value(0)
    if value.type == UNKNOWN:
        return converted(value, array(UNKNOWN))
    if value.type.name != "array" or not orderable(value.type):
        raise call.unfit()
    element = sortable(Typed("e", value.type.args[0]))
    return value if element == "e" else Typed(f"list_transform({value.sql}, lambda e: {element})", value.type)


@built(PAGE, "scalar", "array_max", "array_min")
def extreme(call: Arguments) -> Typed:
    """The largest or smallest element; NULL if one is NULL."""
    call.expect(1)
    value = _sortable_elements(call)
    element = value.type.args[0]
    kind = "max_number" if call.name == "array_max" and element.name in FLOATING else call.name.removeprefix("array_")
    return Typed(f"trino_{kind}({value.sql})", element)


@built(PAGE, "scalar", "array_sort")
def sorted_by(call: Arguments) -> Typed:
    """`array_sort(array)`; with `(x, y) -> -1, 0 or 1` each element goes behind those that do not come after it."""
    call.expect(1, 2)
    if len(call.trees) == 1:
        elements = _sortable_elements(call)
        return Typed(f"list_sort({elements.sql}, 'ASC', 'NULLS LAST')", elements.type)
    value, element = _elements(call)
    order = call.function(1, element, element)
    if order.type.name not in INTEGERS:
        raise call.unfit()
    names, _, body = order.sql.removeprefix("lambda ").partition(": ")
    x, y = names.split(", ")
    checked = (
        f"CASE WHEN ({body}) IN (-1, 0, 1) THEN ({body}) ELSE error('INVALID_FUNCTION_ARGUMENT: Lambda comparator must "
        "return either -1, 0, or 1') END"
    )
    lists = f"list_transform({value.sql}, lambda e: [e])"
    # the new one first, as Java's List.sort does: of a comparator that is none, the same calls fail
    before = f"len(list_filter(done, lambda {y}: list_transform(one, lambda {x}: {checked})[1] >= 0))"
    step = f"lambda done, one: done[1:{before}] || one || done[{before} + 1:]"
    return Typed(f"CASE WHEN len({value.sql}) < 2 THEN {value.sql} ELSE list_reduce({lists}, {step}) END", value.type)


def _fold(value: Typed, element: Type, start: str, state: Type, call: Arguments) -> str:
    """The engine folds values of one type only, so states and elements travel together in a struct."""
    kind = f"STRUCT(s {duckdb_type(state)}, x {duckdb_type(element)})"
    names = [parameter.name.lower() for parameter in call.trees[2].expressions]
    depth = call.expressions.scope.depth  # a fold may stand in the step of another one
    a, b = f"fold{depth}a", f"fold{depth}b"
    scope = call.expressions.scope.within({names[0]: Typed(f"{a}.s", state), names[1]: Typed(f"{b}.x", element)})
    body = converted(type(call.expressions)(call.expressions.translation, scope).value(call.trees[2].this), state)
    items = f"list_transform({value.sql}, lambda e: CAST(struct_pack(s := NULL, x := e) AS {kind}))"
    first = f"CAST(struct_pack(s := {start}, x := NULL) AS {kind})"
    step = f"lambda {a}, {b}: CAST(struct_pack(s := {body.sql}, x := NULL) AS {kind})"
    return f"(list_reduce({items}, {step}, {first})).s"


@built(LAMBDA, "scalar", "any_match", "all_match", "none_match")
def match(call: Arguments) -> Typed:
    """Whether any, all or none of the elements match; NULL where a NULL leaves it open."""
    call.expect(2)
    value, element = _elements(call)
    body = call.function(1, element)
    if body.type != BOOLEAN:
        raise call.unfit()
    results = f"list_transform({value.sql}, {body.sql})"
    decides = {"any_match": "true", "none_match": "true", "all_match": "false"}[call.name]
    found = {"any_match": "true", "none_match": "false", "all_match": "false"}[call.name]
    other = "false" if found == "true" else "true"
    return Typed(
        f"CASE WHEN {value.sql} IS NULL THEN NULL WHEN list_contains({results}, {decides}) THEN {found} "
        f"WHEN trino_has_null({results}) THEN NULL ELSE {other} END",
        BOOLEAN,
    )


@built(LAMBDA, "scalar", "zip_with")
def zip_with(call: Arguments) -> Typed:
    """A lambda over the elements at the same place; the shorter array gives NULL."""
    call.expect(3)
    left, right = call.value(0), call.value(1)
    if left.type.name != "array" or right.type.name != "array" or not isinstance(call.trees[2], exp.Lambda):
        raise call.unfit()
    names = [parameter.name.lower() for parameter in call.trees[2].expressions]
    index = call.expressions.translation.fresh("i")
    scope = call.expressions.scope.within(
        {
            names[0]: Typed(f"({left.sql})[{index}]", left.type.args[0]),
            names[1]: Typed(f"({right.sql})[{index}]", right.type.args[0]),
        }
    )
    body = type(call.expressions)(call.expressions.translation, scope).value(call.trees[2].this)
    longest = f"greatest(len({left.sql}), len({right.sql}))"
    return Typed(
        f"CASE WHEN {left.sql} IS NULL OR {right.sql} IS NULL THEN NULL "
        f"ELSE list_transform(range(1, {longest} + 1), lambda {index}: {body.sql}) END",
        array(body.type),
    )


@built("functions/map.html", "scalar", "element_at")
def element_of_map(call: Arguments) -> Typed:
    """The value of a key, or NULL."""
    call.expect(2)
    value = call.value(0)
    if value.type.name != "map":
        raise call.unfit()
    found = keyed(value, call.value(1))
    if found is None:
        raise call.unfit()
    sought = number(found[1]) if call.value(1).type.name in FLOATING else found[1]  # NaN is no key
    return Typed(f"({found[0]})[{sought}]", value.type.args[1])
