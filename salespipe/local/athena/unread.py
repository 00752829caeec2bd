"""What the parser understood and the translation would not read: refused, never passed over.

sqlglot reads the grammars of thirty databases and keeps parts of an expression (`BETWEEN SYMMETRIC`, a `LIMIT` inside
an aggregate) where a translation that does not look there would answer another question. So every node of an
expression is looked at: a part of one that its handler does not read is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from salespipe.local.athena.errors import NotSupported

_BINARY = {"this", "expression"}
# The parts of each kind of node that its handler reads.
_READ: dict[type[exp.Expr], set[str]] = {
    exp.Literal: {"this", "is_string"},
    exp.Boolean: {"this"},
    exp.HexString: {"this"},
    exp.UnicodeString: {"this", "escape"},
    exp.Interval: {"this", "unit"},
    exp.IntervalSpan: _BINARY,
    exp.Column: {"this", "table", "db", "catalog"},
    exp.Identifier: {"this", "quoted"},
    exp.Dot: _BINARY,
    exp.Paren: {"this"},
    exp.Tuple: {"expressions"},
    exp.Array: {"expressions", "bracket_notation"},
    exp.Bracket: {"this", "expressions"},
    exp.Anonymous: {"this", "expressions"},
    exp.Lambda: {"this", "expressions"},
    exp.Case: {"this", "ifs", "default"},
    exp.If: {"this", "true"},
    exp.Cast: {"this", "to", "_type"},
    # `safe` is the mark of TRY_CAST, `requires_string` a note for other databases
    exp.TryCast: {"this", "to", "_type", "safe", "requires_string"},
    exp.AtTimeZone: {"this", "zone"},
    exp.Between: {"this", "low", "high"},
    exp.In: {"this", "expressions", "query"},
    exp.Is: _BINARY,
    exp.Like: {*_BINARY, "negate"},
    exp.Escape: _BINARY,
    exp.DPipe: {*_BINARY, "safe"},
    exp.Neg: {"this"},
    exp.Not: {"this"},
    exp.Any: {"this"},
    exp.All: {"this"},
    exp.Exists: {"this"},
    exp.Filter: _BINARY,
    exp.Window: {"this", "partition_by", "order", "spec", "alias", "over"},
    exp.WindowSpec: {"kind", "start", "start_side", "end", "end_side", "exclude"},
    exp.Ordered: {"this", "desc", "nulls_first"},
    exp.Order: {"this", "expressions"},
    exp.Distinct: {"expressions", "on"},
    exp.Where: {"this"},
    exp.Having: {"this"},
    exp.IgnoreNulls: {"this"},
    exp.RespectNulls: {"this"},
    exp.GroupConcat: {"this", "separator", "on_overflow"},
    exp.OverflowTruncateBehavior: {"this", "with_count"},
    exp.Extract: _BINARY,
    exp.StrPosition: {"this", "substr"},
    exp.Substring: {"this", "start", "length"},
    exp.Trim: {"this", "position", "expression"},
    exp.ParseJSON: {"this", "is_literal"},
    exp.CurrentDate: set(),
    exp.CurrentTimestamp: set(),
    exp.Localtimestamp: set(),
    exp.Localtime: set(),
    exp.Null: set(),
    exp.Var: {"this"},
    exp.Alias: {"this", "alias"},
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Mod), _BINARY),
    exp.Div: {*_BINARY, "typed", "safe"},
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE), _BINARY),
    **dict.fromkeys((exp.NullSafeEQ, exp.NullSafeNEQ, exp.And, exp.Or), _BINARY),
}


def check_tree(tree: exp.Expr, place: Callable[[exp.Expr], tuple[int, int]]) -> None:
    """Raises NotSupported for the first node with a part that nothing reads."""
    for node in tree.walk():
        read = _READ.get(type(node))
        if read is None:
            continue
        for part, value in node.args.items():
            if value and part not in read:
                raise NotSupported(f"{part.strip('_').replace('_', ' ').upper()} of {node.key.upper()}", place(node))
