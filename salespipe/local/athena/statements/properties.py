"""The WITH clause of CTAS and UNLOAD: `name = 'text' | number | true | ARRAY['a', 'b']`.

https://docs.aws.amazon.com/athena/latest/ug/create-table-as.html#ctas-table-properties
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from salespipe.local.athena.catalog import CATALOG
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.statements.words import Words


def with_clause(words: Words) -> dict[str, Any]:
    """The properties by name, texts, whole numbers, booleans and lists of texts. Raises SyntaxFailure."""
    found: dict[str, Any] = {}
    words.expect("(")
    while True:
        name = words.identifier()
        words.expect("=")
        found[name] = _value(words)
        if words.accept(")"):
            return found
        words.expect(",")


def _value(words: Words) -> Any:
    if words.accept("ARRAY", "["):
        items: list[str] = []
        while not words.accept("]"):
            items.append(words.string())
            if not words.accept(","):
                words.expect("]")
                break
        return items
    for keyword, value in (("TRUE", True), ("FALSE", False)):
        if words.accept(keyword):
            return value
    word = words.peek()
    if word is not None and word.kind == "number" and word.text.isdigit():
        return int(words.take().text)
    return words.string()


def check_known(properties: Mapping[str, Any], known: Collection[str]) -> None:
    """Raises INVALID_TABLE_PROPERTY for a name that is no property, and by name for what is not offered."""
    for name in properties:
        if name in ("bucketed_by", "bucket_count"):
            raise NotSupported(name)
        if name not in known:
            raise QueryFailure(
                "INVALID_TABLE_PROPERTY", f"Catalog '{CATALOG}' table property '{name}' does not exist", (1, 1)
            )


def partition_names(properties: Mapping[str, Any]) -> list[str]:
    """`partitioned_by`, in lower case."""
    names = properties.get("partitioned_by", [])
    if not isinstance(names, list):
        raise QueryFailure(
            "INVALID_TABLE_PROPERTY", "Invalid value for table property 'partitioned_by': an ARRAY is wanted"
        )
    return [str(name).lower() for name in names]
