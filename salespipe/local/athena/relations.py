"""What stands in FROM: tables, views, WITH names, subqueries, joins, UNNEST, VALUES, LATERAL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from salespipe.local.athena import grouping
from salespipe.local.athena.casts import converted
from salespipe.local.athena.equality import has_any
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.operators import compared, conjuncts
from salespipe.local.athena.pruning import conditions
from salespipe.local.athena.scope import Field, Relation, Scope, Typed
from salespipe.local.athena.types import BIGINT, Type, common, quoted, row_fields

if TYPE_CHECKING:
    from salespipe.local.athena.queries import Output, Queries

_TABLE_PARTS = {"this", "db", "catalog", "alias", "joins"}


class Relations:
    """Translates FROM for one query level."""

    def __init__(self, queries: Queries, parent: Scope | None, ctes: dict[str, Output]) -> None:
        self._queries = queries
        self._translation = queries.translation
        self._parent = parent
        self._ctes = ctes
        self._start = 0

    def source(self, node: exp.Select) -> Relation:
        """FROM and every JOIN behind it; no SQL for a query without FROM."""
        self._start = self._translation.tables.count()
        clause = node.args.get("from_")
        if clause is None:
            return Relation("", [])
        relation = self._relation(clause.this, Relation("", []))
        for join in node.args.get("joins") or []:
            relation = self._join(relation, join)
        for lateral in node.args.get("laterals") or []:
            right = self._relation(lateral, relation)
            relation = Relation(f"{relation.sql} CROSS JOIN {right.sql}", [*relation.fields, *right.fields])
        return relation

    def _relation(self, node: exp.Expr, left: Relation) -> Relation:
        if isinstance(node, exp.Table):
            relation = self._table(node)
        elif isinstance(node, exp.Subquery):
            relation = self._subquery(node, self._parent)
        elif isinstance(node, exp.Unnest):
            return self._unnest(node, left)
        elif isinstance(node, exp.Values):
            relation = self._aliased(self._queries.translation.query(node, self._parent, self._ctes), node)
        elif isinstance(node, exp.Lateral):
            relation = self._lateral(node, left)
        elif isinstance(node, exp.Paren):
            relation = self._relation(node.this, left)
        else:
            raise NotSupported(f"{node.key.upper()} in FROM", self._translation.place(node))
        for join in node.args.get("joins") or []:
            relation = self._join(relation, join)
        return relation

    # tables

    def _table(self, node: exp.Table) -> Relation:
        at = self._translation.place(node)
        if not isinstance(node.this, exp.Identifier):
            raise NotSupported(f"table function {node.this.sql()}", at)
        for part, value in node.args.items():
            if value and part not in _TABLE_PARTS:
                raise NotSupported(f"{part.upper()} of a table", at)
        name, database, catalog = node.name.lower(), node.db.lower(), node.catalog.lower()
        if not database and name in self._ctes:
            return self._aliased(self._ctes[name], node, name)
        relation = self._translation.tables.relation(
            self._translation, catalog, database or self._translation.database.lower(), name, at
        )
        alias = node.args.get("alias")
        return self._renamed(relation, alias, at) if alias is not None else relation

    def _aliased(self, output: Output, node: exp.Expr, name: str = "") -> Relation:
        alias, names = self._translation.fresh("t"), [field.name for field in output.fields]
        relation = self._translation.tables.derived(alias, output, names, (name,) if name else ())
        given = node.args.get("alias")
        return self._renamed(relation, given, self._translation.place(node)) if given is not None else relation

    def _renamed(
        self, relation: Relation, alias: exp.TableAlias, at: tuple[int, int], ordinality: exp.Identifier | None = None
    ) -> Relation:
        names = [column.name.lower() for column in alias.columns]
        if ordinality is not None:
            names.append(ordinality.name.lower())
        shown = [field for field in relation.fields if not field.merged and not field.hidden]
        hidden = [replace(f, qualifier=(alias.name.lower(),)) for f in relation.fields if f.hidden]
        if names and len(names) != len(shown):
            raise QueryFailure(
                "MISMATCHED_COLUMN_ALIASES",
                f"Column alias list has {len(names)} entries but '{alias.name}' has {len(shown)} columns available",
                at,
            )
        fields = [
            replace(field, name=names[index] if names else field.name, qualifier=(alias.name.lower(),))
            for index, field in enumerate(shown)
        ]
        return Relation(relation.sql, [*fields, *hidden])

    def _subquery(self, node: exp.Subquery, parent: Scope | None) -> Relation:
        if isinstance(node.this, (exp.Table, exp.Join)):
            relation = self._relation(node.this, Relation("", []))
            alias = node.args.get("alias")
            relation = Relation(f"({relation.sql})", relation.fields)
            return self._renamed(relation, alias, self._translation.place(node)) if alias is not None else relation
        return self._aliased(self._translation.query(node.this, parent, self._ctes), node)

    def _lateral(self, node: exp.Lateral, left: Relation) -> Relation:
        if not isinstance(node.this, exp.Subquery):
            raise NotSupported("LATERAL of anything but a subquery", self._translation.place(node))
        scope = Scope(left.fields, self._parent, ctes=self._ctes)
        output = self._translation.query(node.this.this, scope, self._ctes)
        fields = [replace(field, origin=()) for field in output.fields]
        relation = self._aliased(replace(output, fields=fields), node)
        return Relation(f"LATERAL {relation.sql}", relation.fields)

    def _unnest(self, node: exp.Unnest, left: Relation, *, keep: bool = False) -> Relation:
        """https://trino.io/docs/current/sql/select.html#unnest: shorter arguments give NULL beside longer ones. With
        `keep`, of a LEFT JOIN, one row of NULLs where there is none."""
        inside = Expressions(self._translation, Scope(left.fields, self._parent, ctes=self._ctes))
        columns: list[Typed] = []
        lengths: list[str] = []
        for item in node.expressions:
            value = inside.value(item)
            columns.extend(self._unnested(value, self._translation.place(item)))
            lengths.append(
                f"len({value.sql})" if value.type.name == "array" else f"CAST(cardinality({value.sql}) AS BIGINT)"
            )
        longest = f"greatest({', '.join(lengths)})" if len(lengths) > 1 else lengths[0]
        if node.args.get("offset"):
            columns.append(Typed(f"range(1, {longest} + 1)", Type("array", (BIGINT,))))
        if keep:
            columns = [
                Typed(f"CASE WHEN {longest} > 0 THEN {column.sql} ELSE [NULL] END", column.type) for column in columns
            ]
        inner, outer = self._translation.fresh("u"), self._translation.fresh("t")
        unnested = ", ".join(f"unnest({column.sql}) AS c{index}" for index, column in enumerate(columns))
        shown: list[str] = []
        fields: list[Field] = []
        for index, column in enumerate(columns):
            element = column.type.args[0]
            if element.name == "row" and index < len(columns):
                for name, type_ in row_fields(element):
                    shown.append(f"({inner}.c{index}).{quoted(name)} AS c{len(fields)}")
                    fields.append(Field(name, f"{outer}.c{len(fields)}", type_))
            else:
                shown.append(f"{inner}.c{index} AS c{len(fields)}")
                ordinality = bool(node.args.get("offset")) and index == len(columns) - 1
                fields.append(Field("ordinality" if ordinality else None, f"{outer}.c{len(fields)}", element))
        sql = f"LATERAL (SELECT {', '.join(shown)} FROM (SELECT {unnested}) AS {inner}) AS {outer}"
        alias = node.args.get("alias")
        relation = Relation(sql if left.sql else sql.removeprefix("LATERAL "), fields)
        if alias is None:
            return relation
        # sqlglot keeps the last name of `AS t(a, n)` apart from the others
        position = node.args.get("offset")
        named = position if isinstance(position, exp.Identifier) and alias.columns else None
        return self._renamed(relation, alias, self._translation.place(node), named)

    def _unnested(self, value: Typed, at: tuple[int, int]) -> list[Typed]:
        if value.type.name == "array":
            return [value]
        if value.type.name == "map":
            key, item = (Type("array", (arg,)) for arg in value.type.args)
            return [Typed(f"map_keys({value.sql})", key), Typed(f"map_values({value.sql})", item)]
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", f"Cannot unnest type: {value.type}", at)

    # joins

    def _join(self, left: Relation, join: exp.Join) -> Relation:
        at = self._translation.place(join)
        side = str(join.args.get("side") or "").upper()
        kind = str(join.args.get("kind") or "").upper()
        method = str(join.args.get("method") or "").upper()
        if method or kind not in ("", "INNER", "CROSS", "OUTER"):
            raise NotSupported(f"{method} {kind} JOIN".strip(), at)
        tables = self._translation.tables
        before = tables.count()
        unnested = isinstance(join.this, exp.Unnest) and side == "LEFT"
        right = self._unnest(join.this, left, keep=True) if unnested else self._relation(join.this, left)
        after = tables.count()
        joined = self._joined(left, right, join, side, lambda index: self._may_prune(index, side, before))
        if side in ("LEFT", "FULL"):
            tables.keep_whole(range(before, after))
        if side in ("RIGHT", "FULL"):
            tables.keep_whole(range(before))
        return joined

    def _may_prune(self, index: int, side: str, right: int) -> bool:
        """Whether ON may prune this mention: its rows come only with a partner. `right` is the first of that side."""
        if index < self._start or side == "FULL":
            return False
        return not side or (index >= right) == (side == "LEFT")

    def _joined(
        self, left: Relation, right: Relation, join: exp.Join, side: str, may: Callable[[int], bool]
    ) -> Relation:
        at = self._translation.place(join)
        word = f"{side} JOIN".strip()
        both = [*left.fields, *right.fields]
        if join.args.get("using"):
            return self._using(left, right, word, side, join.args["using"], may)
        condition = join.args.get("on")
        always = isinstance(condition, exp.Boolean) and condition.this
        if isinstance(join.this, exp.Unnest) and condition is not None and not always:
            shown = f"{side or 'INNER'} JOIN involving UNNEST is only supported with condition ON TRUE"
            raise QueryFailure("NOT_SUPPORTED", shown, at)
        if isinstance(join.this, exp.Unnest) and side == "LEFT" and always:
            return Relation(f"{left.sql} CROSS JOIN {right.sql}", both)
        # Trino gives no row for a FULL JOIN whose left side has none (TestSubqueries in its source).
        if isinstance(join.this, (exp.Lateral, exp.Unnest)) and side in ("RIGHT", "FULL"):
            raise NotSupported(f"{side} JOIN {join.this.key.upper()}", at)
        if condition is None:
            if side:
                raise QueryFailure("SYNTAX_ERROR", "Join criteria are required", at)
            return Relation(f"{left.sql} CROSS JOIN {right.sql}", both)
        inside = Expressions(self._translation, Scope(both, self._parent, ctes=self._ctes))
        grouping.no_aggregates(condition, inside, "JOIN clause")
        on = " AND ".join([*_hashed(condition, inside), inside.boolean(condition, "JOIN ON clause")])
        conditions(condition, inside, "JOIN ON clause", may)
        return Relation(f"{left.sql} {word} {right.sql} ON {on}", both)

    def _using(
        self,
        left: Relation,
        right: Relation,
        word: str,
        side: str,
        columns: Sequence[exp.Identifier],
        may: Callable[[int], bool],
    ) -> Relation:
        equal, merged = [], []
        names = [column.name.lower() for column in columns]
        for name, column in zip(names, columns, strict=True):
            at = self._translation.place(column)
            a, b = self._only(left.fields, name, "left", at), self._only(right.fields, name, "right", at)
            with self._translation.tables.watching() as read:
                equal.append(compared(a.read(), b.read(), "=", at))
            if read:
                self._translation.tables.equal(read, may)
            met = common(a.type, b.type) or a.type
            one, other = converted(Typed(a.sql, a.type), met).sql, converted(Typed(b.sql, b.type), met).sql
            sql = {"RIGHT": other, "FULL": f"coalesce({one}, {other})"}.get(side, one)
            merged.append(Field(name, sql, met))
        rest = [replace(f, merged=f.merged or (f.name or "").lower() in names) for f in (*left.fields, *right.fields)]
        return Relation(f"{left.sql} {word} {right.sql} ON {' AND '.join(equal)}", [*merged, *rest])

    def _only(self, fields: Sequence[Field], name: str, side: str, at: tuple[int, int]) -> Field:
        found = [field for field in fields if (field.name or "").lower() == name and not field.merged]
        if len(found) == 1:
            return found[0]
        if found:
            raise QueryFailure("AMBIGUOUS_NAME", f"Column '{name}' is ambiguous", at)
        raise QueryFailure("COLUMN_NOT_FOUND", f"Column '{name}' is missing from {side} side of join", at)


def _hashed(condition: exp.Expr, inside: Expressions) -> list[str]:
    """For each equality of arrays or rows in ON one more by which the engine can join, as of the true ones it only
    sees what it would have to try for each pair: where it says no, theirs is not true either."""
    found = []
    for part in conjuncts(condition):
        if isinstance(part, exp.EQ) and not isinstance(part.expression, (exp.Any, exp.All)):
            left, right = inside.value(part.this), inside.value(part.expression)
            met = common(left.type, right.type)
            if met is not None and met.args and not has_any(met, ("map", "char")):
                found.append(f"({converted(left, met).sql} = {converted(right, met).sql})")
    return found
