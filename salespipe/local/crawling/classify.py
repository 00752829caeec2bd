"""Which format an object has, and what its start shows: the crawler's own classifiers in their order, then the
built-in ones; the first that recognises the object decides
(https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html). Grok and XML classifiers are stored but recognise
nothing here; the crawl's log says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from salespipe.local.crawling.csvformat import read_csv
from salespipe.local.crawling.jsonformat import json_path, read_json
from salespipe.local.crawling.parquetformat import read_parquet
from salespipe.local.crawling.runs import Runs
from salespipe.local.crawling.sampling import HEAD, LONGEST_HEAD, Head, read_head
from salespipe.local.crawling.schema import Columns, Format, Reading
from salespipe.local.stores.objects import StoredObject

UNRECOGNISED = Format("UNKNOWN", "none")


@dataclass(frozen=True)
class Classifier:
    """A custom classifier: `kind` is json, csv, grok or xml; `document` its structure in the API."""

    kind: str
    document: dict[str, Any]

    @property
    def works_here(self) -> bool:
        return self.kind in ("json", "csv")


def classify(
    stored: StoredObject, classifiers: Sequence[Classifier], runs: Mapping[str, Runs] | None = None
) -> Reading:
    """Read the start of an object. What nothing recognises has the format UNRECOGNISED and a problem. `runs` are
    those of the folder, by compression.

    Raises OSError or DamagedObjectError for an object that cannot be read.
    """
    try:
        head = read_head(stored)
        rows = None if runs is None else runs[head.compression]
        reading = _recognise(stored, head, classifiers, rows)
        if reading is None and not head.whole and len(head.data) == HEAD:
            head = read_head(stored, LONGEST_HEAD)
            reading = _recognise(stored, head, classifiers, rows)
    except ValueError as error:
        return Reading(UNRECOGNISED, Columns(), 0, str(error))
    if reading is None:
        return Reading(UNRECOGNISED, Columns(), 0, "it is neither JSON nor CSV nor Parquet")
    if reading.format.classification == "csv" and stored.key.lower().removesuffix(".gz").endswith((".json", ".jsonl")):
        return replace(reading, problem="it is named as JSON but reads as CSV")
    return reading


def _recognise(
    stored: StoredObject, head: Head, classifiers: Sequence[Classifier], runs: Runs | None
) -> Reading | None:
    for classifier in classifiers:
        reading = None
        if classifier.kind == "json":
            reading = read_json(head, json_path(str(classifier.document.get("JsonPath") or "$")), runs)
        elif classifier.kind == "csv":
            reading = read_csv(head, classifier.document)
        if reading is not None:
            return reading
    return read_parquet(stored, head.data) or read_json(head, (), runs) or read_csv(head)
