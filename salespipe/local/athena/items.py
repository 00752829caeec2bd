"""What a SELECT gives: its items with their names, and * as the columns that it stands for.

https://trino.io/docs/current/sql/select.html#select-clause
"""

from __future__ import annotations

from sqlglot import exp

from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.expressions import Expressions
from salespipe.local.athena.json_text import shown
from salespipe.local.athena.query_parts import own_name
from salespipe.local.athena.scope import Field, Relation


def select_items(node: exp.Select, inside: Expressions, relation: Relation) -> list[Field]:
    """The columns that a query gives, each with what it needs of its tables."""
    items: list[Field] = []
    for item in node.expressions:
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            items.extend(_star(item, inside, relation))
            continue
        alias = item.alias if isinstance(item, exp.Alias) else ""
        inner = item.this if isinstance(item, exp.Alias) else item
        with inside.translation.tables.needed.apart() as needs:
            value = shown(inside.value(inner))
        name = alias or own_name(inner)
        origin = next((field.origin for field in relation.fields if field.sql == value.sql), ())
        items.append(Field(name, value.sql, value.type, origin=origin, needs=frozenset(needs)))
    return items


def _star(item: exp.Expr, inside: Expressions, relation: Relation) -> list[Field]:
    at = inside.at(item)
    if isinstance(item, exp.Star):
        if item.args.get("except_") or item.args.get("replace"):
            raise NotSupported("* EXCEPT or REPLACE", at)
        found = [field for field in relation.fields if not field.merged and not field.hidden]
        if not found:
            raise QueryFailure("COLUMN_NOT_FOUND", "SELECT * not allowed in queries without FROM clause", at)
    else:
        parts = [part.name.lower() for part in item.parts[:-1]] if isinstance(item, exp.Column) else []
        own = [f for f in relation.fields if list(f.qualifier[-len(parts) :]) == parts and not f.hidden]
        found = [field for field in own if not field.merged]
        if not own:
            raise QueryFailure("TABLE_NOT_FOUND", f"Unable to resolve reference {'.'.join(parts)}", at)
    return [_shown(field, inside) for field in found]


def _shown(field: Field, inside: Expressions) -> Field:
    with inside.translation.tables.needed.apart() as needs:
        sql = field.read().sql
    return Field(field.name, sql, field.type, origin=field.origin, needs=frozenset(needs))
