"""Saved statements: Athena's named queries in the pipeline's workgroup, where any other client sees them too.

Only those of our workgroup are read or touched, which itself is only touched with our tag; deleting the workgroup
deletes them. Athena lets several have one name; of these the first that it lists counts, and deleting takes them all.
https://docs.aws.amazon.com/athena/latest/APIReference/API_NamedQuery.html
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from salespipe.aws.errors import translated
from salespipe.errors import NotThereError, SalespipeError, UsageError
from salespipe.services import provision
from salespipe.services.pipeline import Pipeline
from salespipe.services.query.listing import BATCH, ids
from salespipe.services.query.text import placeholders, statements

_LONGEST_NAME = 128


@dataclass(frozen=True)
class Saved:
    """A saved statement; `parameters` is how many values it takes."""

    name: str
    sql: str
    id: str

    @property
    def parameters(self) -> int:
        return placeholders(self.sql)


def save(p: Pipeline, name: str, sql: str, *, replace: bool = False) -> bool:
    """Keep one statement under `name`; whether one was there before.

    Raises UsageError for a name or a text that cannot be kept, SalespipeError when the name is taken and is not to be
    replaced, NotThereError when the pipeline is not there.
    """
    if not name.strip() or len(name) > _LONGEST_NAME:
        raise UsageError(f"the name {name!r} is not one of 1 to {_LONGEST_NAME} characters")
    found = statements(sql)
    if len(found) != 1:
        raise UsageError(f"there are {len(found)} statements to save", "give one")
    provision.require(p)
    athena = p.aws.client("athena")
    there = next((each for each in saved(p) if each.name == name), None)
    if there is not None and not replace:
        raise SalespipeError(f"there is a saved query {name!r} already", "replace it with --replace")
    with translated():
        if there is not None:
            athena.update_named_query(NamedQueryId=there.id, Name=name, QueryString=found[0])
        else:
            athena.create_named_query(
                Name=name, Database=p.names.database, QueryString=found[0], WorkGroup=p.names.workgroup
            )
    return there is not None


def saved(p: Pipeline) -> list[Saved]:
    """All saved statements, by name. Raises NotThereError when the pipeline is not there."""
    athena = p.aws.client("athena")
    found: list[Saved] = []
    left = ids(p, "list_named_queries", "NamedQueryIds")
    while batch := list(islice(left, BATCH)):
        with translated():
            page = athena.batch_get_named_query(NamedQueryIds=batch)
        for each in page["NamedQueries"]:
            found.append(Saved(str(each["Name"]), str(each["QueryString"]), str(each["NamedQueryId"])))
    return sorted(found, key=lambda each: each.name)


def one(p: Pipeline, name: str) -> Saved:
    """The saved statement of that name. Raises NotThereError."""
    for each in saved(p):
        if each.name == name:
            return each
    raise _not_there(name)


def delete(p: Pipeline, name: str) -> None:
    """Forget a saved statement. Raises NotThereError when there is none of that name."""
    there = [each for each in saved(p) if each.name == name]
    if not there:
        raise _not_there(name)
    for each in there:
        with translated():
            p.aws.client("athena").delete_named_query(NamedQueryId=each.id)


def _not_there(name: str) -> NotThereError:
    return NotThereError(f"there is no saved query {name!r}", "list them with: salespipe query list")
