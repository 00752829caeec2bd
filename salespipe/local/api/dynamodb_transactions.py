"""Transactions: all of their parts or none, and if none, a reason for each part.

A write that is sent again with its ClientRequestToken, as boto3 does when no answer came, is carried out once within
ten minutes: the token is stored in the very transaction that carries it out, so no kill comes between the two. Sent
again it costs no units here, and those of reading its items on AWS.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactGetItems.html
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from typing import Any

import orjson

from salespipe.local.api.dynamodb_metering import Meter, unless
from salespipe.local.api.dynamodb_requests import check_used, table_of
from salespipe.local.api.dynamodb_search import project
from salespipe.local.api.dynamodb_single import SingleItems
from salespipe.local.api.dynamodb_values import invalid, key, stored
from salespipe.local.call import Call
from salespipe.local.errors import AwsError
from salespipe.local.itemsize import item_size
from salespipe.local.stores import Stores

MAX_TRANSACTION = 100
MAX_BYTES = 4 * 1024 * 1024
MAX_TOKEN = 36
TOKENS = "dynamodb-token"
"""Of the documents: the tokens of the transactions that were carried out."""
TOKENS_KEPT = 10 * 60

_CODES = {"ThrottlingException": "ThrottlingError"}


class Transactions:
    """TransactWriteItems and TransactGetItems; the writes are those of `single`."""

    def __init__(self, stores: Stores, meter: Meter, single: SingleItems) -> None:
        self._stores = stores
        self._items = stores.items
        self._meter = meter
        self._single = single

    def transact_get_items(self, call: Call) -> dict[str, Any]:
        """The items in the order asked for, all as they were at one moment: nobody writes while they are read."""
        gets = [element["Get"] for element in _parts(call)]
        work = [(table := table_of(self._items, call, asked["TableName"]), key(asked["Key"], table)) for asked in gets]
        _check_different([(table.arn, table.place(place)) for table, place in work])
        with self._stores.db.turn:
            found = [self._items.get(table, place) for table, place in work]
        _check_bytes(sum(item_size(item) for item in found if item is not None))
        if self._meter.on:
            read = self._meter.read
            _cancel_for(
                [
                    _cancellation(read(table, place, item, asked, times=2))
                    for (table, place), item, asked in zip(work, found, gets, strict=True)
                ]
            )
        answers = zip(found, gets, strict=True)
        return {"Responses": [{} if item is None else {"Item": project(item, asked)} for item, asked in answers]}

    def transact_write_items(self, call: Call) -> dict[str, Any]:
        """All of the writes, or none and the reason of each; none either if its token says that they were made."""
        elements = _parts(call)
        _check_different([self._place(call, *one) for element in elements for one in element.items()])
        token = _token(call)
        digest = _digest(call.params)
        reasons: list[dict[str, str]] = []
        size = 0
        with self._stores.db.write():
            if token and self._carried_out(token, digest):
                return {}
            for element in elements:
                ((kind, params),) = element.items()
                try:
                    size += self._transact(call, kind, params)
                    reasons.append(_cancellation(None))
                except AwsError as error:
                    reasons.append(_cancellation(error))
                _check_bytes(size)
            _cancel_for(reasons)
            if token:
                self._stores.documents.put(TOKENS, token, {"digest": digest})
        return {}

    def _carried_out(self, token: str, digest: str) -> bool:
        """Whether this very request was; inside `write()`. Raises AwsError if it was another that had the token."""
        documents = self._stores.documents
        known = documents.get(TOKENS, token, since=time.time() - TOKENS_KEPT)
        if known is None:
            # One that is too old would keep its moment.
            documents.delete(TOKENS, token)
            return False
        if known["digest"] != digest:
            raise AwsError(
                "IdempotentParameterMismatchException",
                "The request uses the same client token as a previous, but non-identical request",
            )
        return True

    def _place(self, call: Call, kind: str, params: dict[str, Any]) -> tuple[str, tuple[bytes, bytes]]:
        """Which item an element of a transaction is about."""
        table = table_of(self._items, call, params.get("TableName"))
        if kind == "Put":
            return table.arn, table.place(stored(params.get("Item"), table)[0])
        return table.arn, table.place(key(params.get("Key"), table))

    def _transact(self, call: Call, kind: str, params: dict[str, Any]) -> int:
        """Carry one part out; the bytes of its item, before or after it, whichever are more."""
        check_used(params)
        inner = Call(call.service, kind, call.account, call.region, params)
        if kind == "Put":
            done = self._single.put(inner, times=2)
        elif kind == "Delete":
            done = self._single.delete(inner, times=2)
        elif kind == "Update":
            done = self._single.update(inner, times=2)
        else:
            table = table_of(self._items, call, params["TableName"])
            place = key(params["Key"], table)
            found = self._items.get_for_update(table, place)
            if self._meter.on:
                unless(self._meter.check(table, place, found))
            self._single.check(params, found)
            return 0 if found is None else item_size(found)
        return max(done.write.size, 0 if done.old is None else item_size(done.old))


def _parts(call: Call) -> list[dict[str, Any]]:
    """The parts of a transaction. Raises AwsError (ValidationException) for none or too many."""
    parts: list[dict[str, Any]] = call.params.get("TransactItems") or []
    if not 1 <= len(parts) <= MAX_TRANSACTION:
        raise invalid(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have "
            f"length between 1 and {MAX_TRANSACTION}"
        )
    return parts


def _check_different(places: list[tuple[str, tuple[bytes, bytes]]]) -> None:
    if len(set(places)) != len(places):
        raise invalid("Transaction request cannot include multiple operations on one item")


def _check_bytes(size: int) -> None:
    if size > MAX_BYTES:
        raise invalid(f"The aggregate size of the items in the transaction exceeds {MAX_BYTES} bytes")


def _token(call: Call) -> str:
    """The request's token, which is its region's own; empty without one."""
    given = call.params.get("ClientRequestToken")
    if given is None:
        return ""
    if not isinstance(given, str) or not 1 <= len(given) <= MAX_TOKEN:
        raise invalid(
            "1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: Member must have "
            f"length between 1 and {MAX_TOKEN}"
        )
    return f"{call.region} {given}"


def _digest(params: dict[str, Any]) -> str:
    """Of all that a request says but for its token."""
    said = {name: content for name, content in params.items() if name != "ClientRequestToken"}
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _cancellation(error: AwsError | None) -> dict[str, str]:
    """The reason of one part, from the error that it would have been alone."""
    if error is None:
        return {"Code": "None"}
    return {"Code": _CODES.get(error.code, error.code.removesuffix("Exception")), "Message": error.message}


def _cancel_for(reasons: Sequence[dict[str, str]]) -> None:
    """Raise AwsError (TransactionCanceledException) if a part has a reason not to be carried out."""
    if all(reason["Code"] == "None" for reason in reasons):
        return
    codes = ", ".join(reason["Code"] for reason in reasons)
    raise AwsError(
        "TransactionCanceledException",
        f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]",
        details={"CancellationReasons": list(reasons)},
    )
