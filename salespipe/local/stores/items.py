"""Table items, and with every write the change record it makes, in one transaction.

A write that changes nothing makes no record, as on AWS:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
Items lie in the order in which they came, beside an index by key: what was written lately is changed most, and lies
together, so a write costs the same however large the table is.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple

import orjson

from salespipe.local.stores.bell import Bell
from salespipe.local.stores.changes import ChangeLog, NewChange
from salespipe.local.stores.database import Database
from salespipe.local.stores.keys import sortable
from salespipe.local.stores.metrics import Metrics

Item = dict[str, Any]
"""An item in DynamoDB JSON: `{"orderid": {"S": "a"}, "quantity": {"N": "2"}}`."""


BEHIND_ALL = b"\xff"
"""A place behind that of every key value."""


@dataclass(frozen=True, slots=True)
class Table:
    """What the item operations need to know of a table."""

    arn: str
    number: int
    hash_key: str
    hash_type: str
    range_key: str | None
    range_type: str | None
    stream_arn: str | None
    view: str | None

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.hash_key,) if self.range_key is None else (self.hash_key, self.range_key)

    def key_of(self, item: Item) -> Item:
        """The key attributes of an item."""
        return {name: item[name] for name in self.keys}

    def place(self, item: Item) -> tuple[bytes, bytes]:
        """Where an item with these key attributes is stored."""
        return sortable(item[self.hash_key]), b"" if self.range_key is None else sortable(item[self.range_key])


class Write(NamedTuple):
    """Put `item`, or delete what has its key when `delete` is set.

    `size` is the item's in bytes as DynamoDB counts them, 0 for a delete.
    """

    item: Item
    delete: bool
    size: int


class TableGoneError(Exception):
    """The table was deleted between looking it up and writing to it."""


class SameItemError(Exception):
    """Two writes of one request are on the same key."""


class ItemStore:
    """Reads see what was committed; `apply` is all or nothing."""

    def __init__(
        self, db: Database, bell: Bell, changes: ChangeLog, metrics: Metrics, sizeof: Callable[[Item], int]
    ) -> None:
        self._db = db
        self._metrics = metrics
        self._bell = bell
        self._changes = changes
        self._sizeof = sizeof
        self._tables: dict[str, Table] = {}

    def declare(
        self,
        arn: str,
        hash_key: tuple[str, str],
        range_key: tuple[str, str] | None,
        stream_arn: str | None,
        view: str | None,
    ) -> None:
        """Make the table known, or change its stream. Keys are (name, type), e.g. `("orderid", "S")`."""
        with self._db.write() as connection:
            connection.execute(
                "insert into tables (id, hash_key, hash_type, range_key, range_type, stream_arn, view)"
                " values (?,?,?,?,?,?,?)"
                " on conflict (id) do update set stream_arn = excluded.stream_arn, view = excluded.view",
                (self._db.number(arn), *hash_key, *(range_key or (None, None)), stream_arn, view),
            )
            self._tables.pop(arn, None)

    def table(self, arn: str) -> Table | None:
        """The table with this ARN, if it exists."""
        found = self._tables.get(arn)
        if found is None:
            # Under the writer's lock, so that what is remembered is never older than the last change.
            with self._db.write() as connection:
                row = connection.execute(
                    "select id, hash_key, hash_type, range_key, range_type, stream_arn, view"
                    " from tables natural join arns where arn = ?",
                    (arn,),
                ).fetchone()
                if row is None:
                    return None
                found = self._tables[arn] = Table(arn, *row)
        return found

    def arns(self) -> list[str]:
        """The ARNs of all tables."""
        rows = self._db.read().execute("select arn from tables natural join arns order by arn")
        return [row[0] for row in rows]

    def counts(self, arn: str) -> tuple[int, int]:
        """Items and bytes of a table."""
        row = self._db.read().execute("select item_count, item_bytes from tables where id = ?", (self._db.known(arn),))
        return tuple(row.fetchone() or (0, 0))

    def drop(self, arn: str) -> None:
        """Forget a table and its items. The changes of its streams stay: they go by age."""
        with self._db.write() as connection:
            connection.execute("delete from tables where id = ?", (self._db.number(arn),))
            self._db.forget(arn)
            self._tables.pop(arn, None)

    def get(self, table: Table, key: Item) -> Item | None:
        """The item with this key."""
        row = self._db.read().execute(
            "select item from items where table_id = ? and hash = ? and range = ?",
            (table.number, *table.place(key)),
        )
        found = row.fetchone()
        return None if found is None else orjson.loads(found[0])

    def get_for_update(self, table: Table, key: Item) -> Item | None:
        """The same inside `write()`: sees this transaction's own writes, and nothing can change it before it ends."""
        with self._db.write() as connection:
            row = connection.execute(
                "select item from items where table_id = ? and hash = ? and range = ?",
                (table.number, *table.place(key)),
            ).fetchone()
        return None if row is None else orjson.loads(row[0])

    def scan(self, table: Table, after: Item | None = None) -> Iterator[Item]:
        """Every item in key order, beginning behind the key `after`."""
        place = (b"", b"") if after is None else table.place(after)
        rows = self._db.read().execute(
            "select item from items where table_id = ? and (hash, range) > (?, ?) order by hash, range",
            (table.number, *place),
        )
        for row in rows:
            yield orjson.loads(row[0])

    def partition(
        self,
        table: Table,
        hash_value: dict[str, str],
        *,
        low: bytes = b"",
        high: bytes = BEHIND_ALL,
        after: Item | None = None,
        forward: bool = True,
    ) -> Iterator[Item]:
        """The items of one hash key value in range key order, from the place `low` to `high` (both included), beginning
        behind the key `after`; nothing else is read."""
        left_out = None
        if after is not None:
            left_out = table.place(after)[1]
            low, high = (max(low, left_out), high) if forward else (low, min(high, left_out))
        rows = self._db.read().execute(
            "select item from items where table_id = ? and hash = ? and range >= ? and range <= ? and range is not ?"
            " order by range " + ("asc" if forward else "desc"),
            (table.number, sortable(hash_value), low, high, left_out),
        )
        for row in rows:
            yield orjson.loads(row[0])

    def apply(self, table: Table, writes: Sequence[Write]) -> None:
        """Carry the writes out in one transaction, with the change records they make.

        Raises SameItemError if two are on one key, TableGoneError.
        """
        if not writes:
            return
        made: list[NewChange] = []
        puts: list[tuple[int, bytes, bytes, int, bytes]] = []
        updates: list[tuple[bytes, int, int]] = []
        deletes: list[tuple[int]] = []
        count = total = 0
        place_of = table.place
        places = [place_of(write.item) for write in writes]
        if len(places) > 1 and len(set(places)) != len(places):
            raise SameItemError
        with self._db.write() as connection:
            before = self._before(connection, table, places)
            for (item, delete, size), place in zip(writes, places, strict=True):
                row, old_size, old = before.get(place) or _NOTHING
                new = None if delete else orjson.dumps(item)
                if _same(old, new):
                    continue
                if new is None:
                    deletes.append((row,))
                    count -= 1
                elif old is None:
                    puts.append((table.number, *place, size, new))
                    count += 1
                else:
                    updates.append((new, size, row))
                total += size - old_size
                if table.stream_arn is not None:
                    made.append(self._change(table, item, old, new, old_size + size))
            if puts:
                connection.executemany("insert into items (table_id, hash, range, size, item) values (?,?,?,?,?)", puts)
            if updates:
                connection.executemany("update items set item = ?, size = ? where id = ?", updates)
            if deletes:
                connection.executemany("delete from items where id = ?", deletes)
            counted = connection.execute(
                "update tables set item_count = item_count + ?, item_bytes = item_bytes + ? where id = ?",
                (count, total, table.number),
            )
            if counted.rowcount == 0:
                raise TableGoneError(table.arn)
            if made and table.stream_arn is not None:
                stream_arn = table.stream_arn
                self._changes.append(connection, stream_arn, table.view or "", time.time(), made)
                # AWS publishes no count of change events; ours lets `status` tell what has not been piped yet.
                self._metrics.add("Salespipe", "Changes", {"TableName": table.name}, len(made))
                self._db.afterwards(lambda: self._bell.ring(stream_arn))

    def _before(
        self, connection: sqlite3.Connection, table: Table, places: Sequence[tuple[bytes, bytes]]
    ) -> dict[tuple[bytes, bytes], tuple[int, int, bytes]]:
        """The stored items at these places: their rows, sizes and texts."""
        wanted = ",".join(["(?,?)"] * len(places))
        rows = connection.execute(
            # "cross join" fixes the order: each wanted key is looked up, where "in (values ...)" would scan the table.
            f"with wanted (h, r) as (values {wanted}) select hash, range, id, size, item from wanted"
            " cross join items on table_id = ? and hash = h and range = r",
            (*chain.from_iterable(places), table.number),
        )
        return {(hash_, range_): (row, size, item) for hash_, range_, row, size, item in rows}

    def _change(self, table: Table, item: Item, old: bytes | None, new: bytes | None, images: int) -> NewChange:
        """The record of one write, with the images that the stream's view asks for; `images` are the bytes of both."""
        name = b"REMOVE" if new is None else b"INSERT" if old is None else b"MODIFY"
        hash_key = table.hash_key
        keys = {hash_key: item[hash_key]} if table.range_key is None else table.key_of(item)
        size = self._sizeof(keys) + images
        if table.view != "NEW_AND_OLD_IMAGES":
            # Rare, so the size of what is left out is found by reading it.
            if table.view != "OLD_IMAGE" and old is not None:
                size -= self._sizeof(orjson.loads(old))
                old = None
            if table.view != "NEW_IMAGE" and new is not None:
                size -= self._sizeof(orjson.loads(new))
                new = None
        return NewChange(name, orjson.dumps(keys), new, old, size)


_NOTHING: tuple[int, int, bytes | None] = (0, 0, None)


def _same(old: bytes | None, new: bytes | None) -> bool:
    """Whether two stored items are equal; their attributes may be in another order, which never changes the length."""
    if old is None or new is None:
        return old is new
    return old == new or (len(old) == len(new) and orjson.loads(old) == orjson.loads(new))
