"""Custom classifiers: stored as given, with version and times.

API: https://docs.aws.amazon.com/glue/latest/dg/aws-glue-api-crawler-classifiers.html
"""

from __future__ import annotations

import time
from typing import Any

from salespipe.local.api.paging import page
from salespipe.local.call import Call, Handler
from salespipe.local.errors import AwsError
from salespipe.local.stores import Stores
from salespipe.local.workers.crawler import CLASSIFIERS

_REQUIRED = {
    "JsonClassifier": ("Name", "JsonPath"),
    "CsvClassifier": ("Name",),
    "GrokClassifier": ("Name", "Classification", "GrokPattern"),
    "XMLClassifier": ("Name", "Classification", "RowTag"),
}


class Classifiers:
    """A classifier's document is `{structure: {...}}`, one of the four structures of the API."""

    def __init__(self, stores: Stores) -> None:
        self._documents = stores.documents
        self._db = stores.db

    def operations(self) -> dict[str, Handler]:
        """Handlers by operation name."""
        return {
            "CreateClassifier": self.create,
            "DeleteClassifier": self.delete,
            "GetClassifier": self.get,
            "GetClassifiers": self.get_all,
            "UpdateClassifier": self.update,
        }

    def create(self, call: Call) -> dict[str, Any]:
        """CreateClassifier."""
        structure, given = _given(call)
        for name in _REQUIRED[structure]:
            if not given.get(name):
                raise AwsError("InvalidInputException", f"{structure}.{name} must not be empty")
        id = f"{call.region}/{given['Name']}"
        now = time.time()
        with self._db.write():
            if self._documents.get(CLASSIFIERS, id) is not None:
                raise AwsError("AlreadyExistsException", f"Classifier with name {given['Name']} already exists")
            body = {**given, "CreationTime": now, "LastUpdated": now, "Version": 1}
            self._documents.put(CLASSIFIERS, id, {structure: body})
        return {}

    def update(self, call: Call) -> dict[str, Any]:
        """UpdateClassifier: what is given replaces what was."""
        structure, given = _given(call)
        with self._db.write():
            id, document = self._require(call, str(given.get("Name", "")))
            if structure not in document:
                raise AwsError("InvalidInputException", f"Classifier {given['Name']} is no {structure}")
            before = document[structure]
            changes = {"LastUpdated": time.time(), "Version": before["Version"] + 1}
            self._documents.put(CLASSIFIERS, id, {structure: {**before, **given, **changes}})
        return {}

    def get(self, call: Call) -> dict[str, Any]:
        """GetClassifier."""
        return {"Classifier": self._require(call, str(call.params.get("Name", "")))[1]}

    def get_all(self, call: Call) -> dict[str, Any]:
        """GetClassifiers."""
        found = self._documents.all(CLASSIFIERS)
        mine = [document for id, document in found.items() if id.startswith(f"{call.region}/")]
        return page(mine, "Classifiers", call.params)

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteClassifier."""
        with self._db.write():
            self._documents.delete(CLASSIFIERS, self._require(call, str(call.params.get("Name", "")))[0])
        return {}

    def _require(self, call: Call, name: str) -> tuple[str, dict[str, Any]]:
        id = f"{call.region}/{name}"
        document = self._documents.get(CLASSIFIERS, id)
        if document is None:
            raise AwsError("EntityNotFoundException", f"Classifier entry with name {name} does not exist")
        return id, document


def _given(call: Call) -> tuple[str, dict[str, Any]]:
    """The one structure of the request."""
    given = [(name, call.params[name]) for name in _REQUIRED if call.params.get(name)]
    if len(given) != 1:
        raise AwsError("InvalidInputException", "Exactly one classifier must be given")
    return given[0]
