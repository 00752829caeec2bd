"""The Lambda between Firehose and S3: each change event becomes one flat JSON row of the lake.

This file is the whole deployment: standard library only, nothing of ours, no state between calls. Firehose's event
and response: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html
The change event: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-dynamodb.html

A row has the columns of COLUMNS in this order, null where the item has no such attribute, then whatever other
attributes the item has, then exactly one newline. INSERT and MODIFY carry the new image. REMOVE, a tombstone, has no
new image: it carries the last values known from the old image, and at least the key. Numbers are written as the
decimal text DynamoDB gave and never pass through a float.

Each record has its own result:
    Ok                a row
    Dropped           the record is blank, as a keep-alive is: no data is lost with it
    ProcessingFailed  anything else that is no change event of an order (also one with a known attribute of the wrong
                      type); Firehose puts it under the error prefix, as it came
What is not Ok is logged with its reason, one JSON line a record; order data is never logged.
"""

import json
import re
from base64 import b64encode
from binascii import a2b_base64
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from json.encoder import encode_basestring as quoted  # leaves UTF-8 as it is: a row is never longer than its event
from typing import Any

ORDER_COLUMNS = (
    "orderid",
    "product_name",
    "quantity",
    "price",
    "amount",
    "customer_id",
    "category",
    "region",
    "channel",
    "status",
    "ordered_at",
    "updated_at",
)
EVENT_COLUMNS = ("event_type", "event_id", "event_time", "sequence_number")
COLUMNS = ORDER_COLUMNS + EVENT_COLUMNS

_RESPONSE_LIMIT = 6 * 1024 * 1024  # Lambda's limit for a synchronous answer, in bytes
_AROUND_A_RECORD = 64  # bytes of the answer's own JSON for each record
_KNOWN = frozenset(ORDER_COLUMNS)
_NUMBERS = frozenset({"quantity", "price", "amount"})
_HEADS = tuple((name, f'"{name}":', "N" if name in _NUMBERS else "S") for name in ORDER_COLUMNS)
_is_json_number = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?").fullmatch


class NotAnEvent(ValueError):
    """The record is no change event; the message says why."""


def _no_constant(name: str) -> None:
    raise NotAnEvent(f"{name} is not JSON")


_read = json.JSONDecoder(parse_constant=_no_constant).decode


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer Firehose's batch: every record id exactly once, in order, each with its own result."""
    answers = []
    room = _RESPONSE_LIMIT - 1024
    for record in event["records"]:
        record_id = record["recordId"]
        data = record.get("data", "")
        result, reason = "Ok", ""
        try:
            given = a2b_base64(data, strict_mode=True)
            if given.isspace() or not given:
                result, reason = "Dropped", "the record is blank"
            else:
                data = b64encode(row(given)).decode("ascii")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            result, reason = "ProcessingFailed", _why(error)
        room -= len(data) + len(record_id) + _AROUND_A_RECORD
        if room < 0:
            room += len(data)
            data, result, reason = "", "ProcessingFailed", "the answer would pass Lambda's 6 MB"
        if reason:
            _log(record, result, reason)
        answers.append({"recordId": record_id, "result": result, "data": data})
    return {"records": answers}


def row(given: bytes) -> bytes:
    """The row, with its newline, of one change event. Raises NotAnEvent, or what reading a malformed one raises."""
    event = _read(given.decode())
    change = event["dynamodb"]
    keys = change["Keys"]
    name = event["eventName"]
    if name == "REMOVE":
        image = change.get("OldImage") or keys
    elif name == "INSERT" or name == "MODIFY":
        image = change["NewImage"]
    else:
        raise NotAnEvent(f"unknown event name {name!r:.40}")
    if not isinstance(keys["orderid"]["S"], str) or image["orderid"] != keys["orderid"]:
        raise NotAnEvent("the key is not the image's")
    text = []
    others = len(image)
    for column, head, kind in _HEADS:
        value = image.get(column)
        if value is None:
            text.append(head + "null")
            continue
        others -= 1
        if kind not in value and "NULL" not in value:
            # One text among the amounts would make the whole column text for the crawler, and sums impossible.
            raise NotAnEvent(f"{column} is no {'number' if kind == 'N' else 'text'}")
        text.append(head + (quoted(value["S"]) if "S" in value else _json(value)))
    text.append(
        f'"event_type":"{name}","event_id":{quoted(event["eventID"])},'
        f'"event_time":"{_iso(change["ApproximateCreationDateTime"])}",'
        f'"sequence_number":{quoted(change["SequenceNumber"])}'
    )
    if others:
        text.extend(_other_attributes(image))
    return ("{" + ",".join(text) + "}\n").encode()


def _json(value: dict[str, Any]) -> str:
    """One of DynamoDB's typed values as JSON text; binary stays base64 text, sets become arrays."""
    if len(value) != 1:
        raise NotAnEvent("an attribute is not one typed value")
    for kind, inner in value.items():
        if kind == "S" or kind == "B":
            return quoted(inner)
        if kind == "N":
            return inner if _is_json_number(inner) else _number(inner)
        if kind == "BOOL" and isinstance(inner, bool):
            return "true" if inner else "false"
        if kind == "NULL":
            return "null"
        if kind == "M":
            return "{" + ",".join(f"{quoted(name)}:{_json(part)}" for name, part in inner.items()) + "}"
        if kind == "L":
            return "[" + ",".join(map(_json, inner)) + "]"
        if kind == "SS" or kind == "BS":
            return "[" + ",".join(map(quoted, inner)) + "]"
        if kind == "NS":
            return "[" + ",".join(_json({"N": part}) for part in inner) + "]"
    raise NotAnEvent(f"unknown attribute type {next(iter(value))!r:.40}")


def _number(text: str) -> str:
    """JSON text of a number that DynamoDB would accept in a form JSON does not have: `+5`, `.5`, `007`."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise NotAnEvent("an N attribute is not a number") from None
    if not number.is_finite():
        raise NotAnEvent("an N attribute is not a number")
    return str(number)


def _iso(seconds: float) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise NotAnEvent("ApproximateCreationDateTime is not a number of seconds")
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:23] + "Z"
    except (OverflowError, OSError):
        raise NotAnEvent("ApproximateCreationDateTime is out of range") from None


def _other_attributes(image: dict[str, Any]) -> list[str]:
    """The attributes beyond the known ones, so that a new one reaches the lake without a change here.

    Athena's column names know no case, and a row with one name twice cannot be read: such an attribute is
    written as `attribute_<name>`.
    """
    taken = set(COLUMNS)
    text = []
    for name, value in image.items():
        if name not in _KNOWN:
            while name.lower() in taken:
                name = f"attribute_{name}"
            taken.add(name.lower())
            text.append(f"{quoted(name)}:{_json(value)}")
    return text


def _why(error: Exception) -> str:
    if isinstance(error, NotAnEvent):
        return str(error)
    if isinstance(error, KeyError):
        return f"the event has no {error}"
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at character {error.pos}"
    return f"not a change event: {type(error).__name__}"


def _log(record: dict[str, Any], result: str, reason: str) -> None:
    source = record.get("kinesisRecordMetadata") or {}
    line = {
        "level": "INFO" if result == "Dropped" else "ERROR",
        "result": result,
        "reason": reason,
        "recordId": record["recordId"],
        "shardId": source.get("shardId"),
        "sequenceNumber": source.get("sequenceNumber"),
    }
    print(json.dumps(line))
