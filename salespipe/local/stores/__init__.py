"""Everything that the local target keeps, under one folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from salespipe.local.home import make
from salespipe.local.itemsize import item_size
from salespipe.local.stores.bell import Bell
from salespipe.local.stores.changes import ChangeLog
from salespipe.local.stores.control import ControlStore
from salespipe.local.stores.database import Database
from salespipe.local.stores.documents import Documents
from salespipe.local.stores.items import ItemStore
from salespipe.local.stores.metrics import Metrics
from salespipe.local.stores.objects import ObjectStore
from salespipe.local.stores.positions import Positions
from salespipe.local.stores.shards import ShardLog
from salespipe.local.trouble import Storage


@dataclass(frozen=True)
class Stores:
    """The stores of one home. They share a database, so writes to several of them can be one step."""

    home: Path
    storage: Storage
    db: Database
    bell: Bell
    items: ItemStore
    changes: ChangeLog
    shards: ShardLog
    objects: ObjectStore
    positions: Positions
    documents: Documents
    metrics: Metrics
    control: ControlStore
    close: Callable[[], None]

    @classmethod
    def open(cls, home: Path) -> Stores:
        """Open or create the store in `home`, readable by its owner only. Raises StoreError if it is unusable."""
        make(home)
        storage = Storage(home)
        db = Database(home / "store.db", home / "objects", storage)
        bell = Bell()
        changes = ChangeLog(db)
        metrics = Metrics(db)
        return cls(
            home=home,
            storage=storage,
            db=db,
            bell=bell,
            items=ItemStore(db, bell, changes, metrics, item_size),
            changes=changes,
            shards=ShardLog(db, bell),
            objects=ObjectStore(db, home / "objects"),
            positions=Positions(db),
            documents=Documents(db),
            metrics=metrics,
            control=ControlStore(db),
            close=db.close,
        )
