"""A Trino query to the engine's SQL: relations, grouping, ordering and set operations.

https://trino.io/docs/current/sql/select.html. Every relation gets an alias of our own and every output column a name by
position (`c0`, `c1`), so that the engine never resolves a name by its own rules: it would, for one, let WHERE see the
aliases of SELECT. Base tables appear as marks that `Translation.finish` replaces once it is known which of their
columns and partitions the statement reads.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlglot import exp

from salespipe.local.athena import grouping
from salespipe.local.athena.casts import check_zones, converted
from salespipe.local.athena.equality import check_alike
from salespipe.local.athena.errors import NotSupported, QueryFailure, position
from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.failing import conjunction, steady
from salespipe.local.athena.items import select_items
from salespipe.local.athena.lambdas import bracketed
from salespipe.local.athena.ordering import output_order, select_order, tail
from salespipe.local.athena.origins import both, is_cut, with_origins
from salespipe.local.athena.pruning import conditions
from salespipe.local.athena.query_parts import cells, check_step, mentions, named_twice, renamed
from salespipe.local.athena.relations import Relations
from salespipe.local.athena.scope import Field, Scope, Typed
from salespipe.local.athena.tables import Tables
from salespipe.local.athena.types import Type, common
from salespipe.local.athena.unread import check_tree

_MODIFIERS = {
    "expressions", "from_", "joins", "where", "group", "having", "windows", "order", "limit", "offset", "with_",
    "distinct", "kind", "operation_modifiers", "laterals",
}  # fmt: skip


@dataclass(frozen=True)
class Output:
    """A translated query: its SQL and the columns it gives, whose SQL names are c0, c1, …"""

    sql: str
    fields: list[Field]


class Translation:
    """Everything one statement shares: its text, the instant it began, the names in use, the tables it reads."""

    def __init__(
        self, sql: str, tables: Tables, database: str, now: datetime, numbers: Iterator[int] | None = None
    ) -> None:
        self.sql = sql
        self.tables = tables
        self.database = database
        self.now = now
        self._numbers = numbers or itertools.count(1)
        self._checked: exp.Expr | None = None

    def nested(self, sql: str, database: str) -> Translation:
        """The translation of a view's text inside this statement."""
        return Translation(sql, self.tables, database, self.now, self._numbers)

    def fresh(self, prefix: str) -> str:
        """A name that nothing else in the statement has."""
        return f"{prefix}{next(self._numbers)}"

    def place(self, node: exp.Expr) -> tuple[int, int]:
        """Line and column where a node begins, both from 1."""
        holder: exp.Expr | None = node
        while holder is not None:
            starts = [int(part.meta["start"]) for part in holder.walk() if "start" in part.meta]
            if starts:
                return position(self.sql, min(starts))
            holder = holder.parent
        return 1, 1

    def query(self, node: exp.Expr, parent: Scope | None = None, ctes: dict[str, Output] | None = None) -> Output:
        """Translate a query that may refer to the columns of `parent`."""
        if self._checked is not node.root():
            self._checked = node.root()
            check_tree(self._checked, self.place)
        return Queries(self, parent, dict(ctes or (parent.ctes if parent else {}))).query(node)


class Queries:
    """Translates queries that see the same outer columns and WITH names."""

    def __init__(self, translation: Translation, parent: Scope | None, ctes: dict[str, Output]) -> None:
        self.translation = translation
        self.parent = parent
        self.ctes = ctes

    def query(self, node: exp.Expr) -> Output:
        """Any query: SELECT, VALUES, TABLE, a set operation, one in parentheses."""
        head = self._with(node)
        if isinstance(node, exp.Subquery):
            output = self._parenthesized(node)
        elif isinstance(node, exp.Select):
            output = self._select(node)
        elif isinstance(node, exp.SetOperation):
            output = self._set_operation(node)
        elif isinstance(node, exp.Values):
            output = self._values(node)
        else:
            raise NotSupported(node.key.upper(), self.translation.place(node))
        return Output(head + output.sql, output.fields)

    # WITH

    def _with(self, node: exp.Expr) -> str:
        clause = node.args.get("with_")
        if clause is None:
            return ""
        twice = named_twice(clause)
        if twice is not None:
            message = f"WITH query name '{twice.alias}' specified more than once"
            raise QueryFailure("DUPLICATE_NAMED_QUERY", message, self.translation.place(twice))
        parts = [self._cte(cte, bool(clause.args.get("recursive"))) for cte in clause.expressions]
        word = "WITH RECURSIVE" if clause.args.get("recursive") else "WITH"
        return f"{word} {', '.join(parts)} "

    def _cte(self, cte: exp.Expr, recursive: bool) -> str:
        if not isinstance(cte, exp.CTE):
            raise NotSupported("WITH FUNCTION", self.translation.place(cte))
        name = cte.alias.lower()
        alias = self.translation.fresh("q")
        names = [column.name for column in cte.args["alias"].columns]
        if recursive and isinstance(cte.this, exp.SetOperation) and mentions(cte.this.expression, name):
            if not names:
                message = "missing column aliases in recursive WITH query"
                raise QueryFailure("MISSING_COLUMN_ALIASES", message, self.translation.place(cte))
            output = self._recursive(cte.this, name, alias, names)
        else:
            output = self.query(cte.this)
        fields = renamed(output.fields, names, self.translation.place(cte))
        if sum(table.name.lower() == name for table in cte.root().find_all(exp.Table)) == 1:
            # mentioned once, it is a subquery like any other
            fields = [replace(new, origin=old.origin) for new, old in zip(fields, output.fields, strict=True)]
        self.ctes[name] = Output(f"SELECT * FROM {alias}", fields)
        columns = ", ".join(f"c{index}" for index in range(len(output.fields)))
        return f"{alias}({columns}) AS ({output.sql})"

    def _recursive(self, node: exp.SetOperation, name: str, alias: str, names: list[str]) -> Output:
        start = self.query(node.this)
        fields = renamed(start.fields, names, self.translation.place(node))
        self.ctes[name] = Output(f"SELECT * FROM {alias}", fields)
        step = self.query(node.expression)
        check_step(fields, step.fields, self.translation.place(node))
        self.translation.tables.needed.fields([*start.fields, *step.fields])
        step_sql = self._as_types(step, [field.type for field in fields])
        word = "UNION" if node.args.get("distinct") else "UNION ALL"
        return Output(f"{self._as_types(start, [field.type for field in fields])} {word} {step_sql}", fields)

    def _as_types(self, output: Output, types: Sequence[Type], before: str = "") -> str:
        columns = [
            f"{converted(Typed(f'c{index}', field.type), type_).sql} AS c{index}"
            for index, (field, type_) in enumerate(zip(output.fields, types, strict=True))
        ]
        return f"SELECT {before}{', '.join(columns)} FROM ({output.sql})"

    # SELECT

    def _select(self, node: exp.Select) -> Output:
        for name, value in node.args.items():
            if value and name not in _MODIFIERS:
                raise NotSupported(name.strip("_").upper(), self.translation.place(node))
        before = self.translation.tables.count()
        relation = Relations(self, self.parent, self.ctes).source(node)
        own = range(before, self.translation.tables.count()).__contains__
        scope = Scope(relation.fields, self.parent, ctes=self.ctes)
        windows = {window.name.lower(): window for window in node.args.get("windows") or []}
        inside = Expressions(self.translation, scope, windows)
        items = select_items(node, inside, relation)
        if not items:
            raise QueryFailure("SYNTAX_ERROR", "SELECT list is empty", self.translation.place(node))
        columns = ", ".join(f"{item.sql} AS c{index}" for index, item in enumerate(items))
        distinct = self._distinct(node)
        for item in items if distinct else ():
            check_alike(item.type, "SELECT DISTINCT of", self.translation.place(node))
        parts = [f"SELECT {distinct}{columns}"]
        if relation.sql:
            parts.append(f"FROM {relation.sql}")
        if node.args.get("where"):
            grouping.no_aggregates(node.args["where"].this, inside, "WHERE clause")
            parts.append("WHERE " + conjunction(conditions(node.args["where"].this, inside, "WHERE clause", own)))
        grouped: list[str] = []
        if node.args.get("group"):
            parts.append(grouping.group_by(node.args["group"], inside, items, grouped))
        if grouping.is_aggregated(node):
            grouping.check([item for item in node.expressions if not item.is_star], grouped, inside)
            order = node.args.get("order")
            unplaced = [item for item in (order.expressions if order else []) if not isinstance(item.this, exp.Literal)]
            grouping.check(unplaced, grouped, inside, {(item.name or "").lower() for item in items})
        if node.args.get("having"):
            grouping.check([node.args["having"].this], grouped, inside)
            parts.append("HAVING " + bracketed(inside.boolean(node.args["having"].this, "HAVING clause")))
        parts.extend(tail(self.translation, node, lambda item: select_order(node, item, inside, items)))
        if grouped and node.find(exp.Window):
            # In OVER a grouped expression is steady, and has to be the same elsewhere.
            parts = [steady(part) for part in parts]
        if any(node.args.get(part) for part in ("distinct", "group", "order")):
            self.translation.tables.needed.fields(items)
        return Output(" ".join(parts), with_origins(node, items, grouped))

    def _distinct(self, node: exp.Select) -> str:
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on"):
            raise NotSupported("DISTINCT ON", self.translation.place(node))
        return "DISTINCT " if distinct is not None else ""

    # other queries

    def _parenthesized(self, node: exp.Subquery) -> Output:
        inner = self.translation.query(node.this, self.parent, self.ctes)
        ending = tail(self.translation, node, lambda item: output_order(self.translation, item, inner.fields))
        if ending:
            self.translation.tables.needed.fields(inner.fields)
        sql = f"SELECT * FROM ({inner.sql})" + "".join(" " + part for part in ending) if ending else f"({inner.sql})"
        fields = [replace(field, origin=()) for field in inner.fields] if is_cut(node) else inner.fields
        return Output(sql if ending else f"SELECT * FROM {sql}", fields)

    def _set_operation(self, node: exp.SetOperation) -> Output:
        left = Queries(self.translation, self.parent, dict(self.ctes)).query(node.this)
        right = Queries(self.translation, self.parent, dict(self.ctes)).query(node.expression)
        at = self.translation.place(node)
        word = node.key.upper()
        if len(left.fields) != len(right.fields):
            raise QueryFailure(
                "TYPE_MISMATCH",
                f"{word} query has different number of fields: {len(left.fields)}, {len(right.fields)}",
                at,
            )
        if node.args.get("by_name") or node.args.get("side"):
            raise NotSupported(f"{word} BY NAME", at)
        types = []
        for index, (a, b) in enumerate(zip(left.fields, right.fields, strict=True)):
            met = common(a.type, b.type)
            if met is None:
                raise QueryFailure(
                    "TYPE_MISMATCH",
                    f"column {index + 1} in {word} query has incompatible types: {a.type}, {b.type}",
                    at,
                )
            check_zones([Typed("", a.type), Typed("", b.type)], met, at)
            if node.args.get("distinct") or word != "UNION":
                check_alike(met, f"{word} of", at)
            types.append(met)
        every = "" if node.args.get("distinct") else " ALL"
        fields = [
            Field(field.name, f"c{index}", type_, origin=both(field, other, type_), needs=field.needs | other.needs)
            for index, (field, other, type_) in enumerate(zip(left.fields, right.fields, types, strict=True))
        ]
        if is_cut(node):
            fields = [replace(field, origin=()) for field in fields]
        # Of a union from which nobody wants a column the engine reads the first: let that be one that costs nothing.
        free = "" if node.args.get("distinct") or word != "UNION" else "0 AS z, "
        sql = f"({self._as_types(left, types, free)}) {word}{every} ({self._as_types(right, types, free)})"
        ending = tail(self.translation, node, lambda item: output_order(self.translation, item, fields))
        if ending or not every or word != "UNION":
            self.translation.tables.needed.fields(fields)
        shown = ", ".join(f"c{index}" for index in range(len(fields)))
        return Output(f"SELECT {shown} FROM ({sql})" + "".join(" " + part for part in ending), fields)

    def _values(self, node: exp.Values) -> Output:
        inside = Expressions(self.translation, Scope([], self.parent, ctes=self.ctes))
        rows = [cells(row) for row in node.expressions]
        at = self.translation.place(node)
        for row in rows:
            if len(row) != len(rows[0]):
                sizes = f"{len(rows[0])} vs {len(row)}"
                raise QueryFailure("TYPE_MISMATCH", f"Values rows have mismatched sizes: {sizes}", at)
            written = isinstance(row[0].parent, exp.Anonymous)
            if len(row) == 1 and not written and inside.value(row[0]).type.name == "row":
                raise NotSupported("VALUES of a row that is not written out", self.translation.place(row[0]))
        columns = [inside.together([row[index] for row in rows], "Values rows") for index in range(len(rows[0]))]
        fields = [Field(None, f"c{index}", type_) for index, (_, type_) in enumerate(columns)]
        lines = ", ".join(f"({', '.join(sqls[index] for sqls, _ in columns)})" for index in range(len(rows)))
        names = ", ".join(f"c{index}" for index in range(len(columns)))
        ending = tail(self.translation, node, lambda item: output_order(self.translation, item, fields))
        return Output(
            f"SELECT * FROM (VALUES {lines}) AS {self.translation.fresh('v')}({names})"
            + "".join(" " + part for part in ending),
            fields,
        )
