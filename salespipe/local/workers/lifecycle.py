"""Lifecycle rules of buckets: which objects and unfinished uploads have expired, and removing them.

As on AWS an object of a rule with days expires at the midnight (UTC) that follows its age:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html. So once a day is often enough, and
whenever the rules are changed. Objects have no tags here: a rule for objects with tags is for none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from xml.etree import ElementTree

from salespipe.local.api import s3_multipart
from salespipe.local.http import Reply, Request
from salespipe.local.stores import Stores

_DAY = 86400
_LOOK = 200
_AT_ONCE = 50


@dataclass(frozen=True)
class Rule:
    """An enabled rule. Objects expire `days` after they were written, or all of them at `date` (epoch seconds);
    uploads are aborted `abort_days` after they were begun. None: not by this rule."""

    prefix: str
    days: int | None
    date: float | None
    abort_days: int | None

    def expires(self, written: float) -> float:
        """When an object that was written then expires, in epoch seconds; never is infinity."""
        if self.date is not None:
            return self.date
        return math.inf if self.days is None else _midnight_after(written, self.days)

    def aborts(self, begun: float) -> float:
        """The same of an upload."""
        return math.inf if self.abort_days is None else _midnight_after(begun, self.abort_days)


def _midnight_after(moment: float, days: int) -> float:
    return math.ceil((moment + days * _DAY) / _DAY) * _DAY


def read_rules(document: bytes) -> list[Rule]:
    """The enabled rules of a LifecycleConfiguration that can concern objects here."""
    rules = []
    for rule in ElementTree.fromstring(document).iterfind("{*}Rule"):
        if rule.findtext("{*}Status") != "Enabled" or rule.find(".//{*}Tag") is not None:
            continue
        prefix = next((found.text for found in rule.iter() if found.tag.rpartition("}")[2] == "Prefix"), None)
        date = rule.findtext("{*}Expiration/{*}Date")
        rules.append(
            Rule(
                prefix=prefix or "",
                days=_number(rule, "{*}Expiration/{*}Days"),
                date=datetime.fromisoformat(date).timestamp() if date else None,
                abort_days=_number(rule, "{*}AbortIncompleteMultipartUpload/{*}DaysAfterInitiation"),
            )
        )
    return rules


def _number(rule: ElementTree.Element, path: str) -> int | None:
    text = rule.findtext(path)
    return int(text) if text else None


class Lifecycle:
    """Applies the rules of all buckets. `ask` answers a request to the S3 control plane."""

    def __init__(self, stores: Stores, ask: Callable[[Request], Reply]) -> None:
        self._stores = stores
        self._ask = ask
        self._done: tuple[int, dict[str, list[Rule]]] | None = None

    def steps(self, now: float) -> Iterator[int]:
        """All that is due at `now` (epoch seconds), a few objects a step, which gives how many went."""
        day, rules = int(now) // _DAY, self._rules()
        if (day, rules) == self._done:
            return
        for bucket, of_bucket in rules.items():
            for rule in of_bucket:
                if rule.days is not None or rule.date is not None:
                    yield from self._expire(bucket, rule, now)
                if rule.abort_days is not None:
                    yield from self._abort(bucket, rule, now)
        self._done = day, rules

    def _rules(self) -> dict[str, list[Rule]]:
        """Of every bucket that has rules."""
        listed = self._ask(Request("GET", "/", "", {}))
        found = {}
        for name in ElementTree.fromstring(listed.body).iterfind("{*}Buckets/{*}Bucket/{*}Name"):
            reply = self._ask(Request("GET", f"/{name.text}", "lifecycle", {}))
            if reply.status == 200:
                found[str(name.text)] = read_rules(reply.body)
        return found

    def _expire(self, bucket: str, rule: Rule, now: float) -> Iterator[int]:
        objects, after = self._stores.objects, ""
        while found := objects.list(bucket, rule.prefix, after, _LOOK):
            old = [one for one in found if rule.expires(one.modified) <= now]
            for begin in range(0, len(old), _AT_ONCE):
                with self._stores.db.write():
                    # One that was replaced since it was listed is new.
                    still = [one.key for one in old[begin : begin + _AT_ONCE] if objects.get(bucket, one.key) == one]
                    objects.delete(bucket, still)
                yield len(still)
            after = found[-1].key
            yield 0

    def _abort(self, bucket: str, rule: Rule, now: float) -> Iterator[int]:
        for upload, document in self._stores.documents.all(s3_multipart.KIND).items():
            concerned = document["Bucket"] == bucket and document["Key"].startswith(rule.prefix)
            if concerned and rule.aborts(document["Initiated"]) <= now:
                s3_multipart.forget(self._stores, upload)
                yield 1
