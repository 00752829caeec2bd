"""DynamoDB batches sent as the JSON they already are.

botocore checks and copies every attribute of every item: 80 % of the client's time for a batch of orders. An item
in DynamoDB JSON without binary values is already what goes over the wire
(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.LowLevelAPI.html), so two of botocore's
public events (https://docs.aws.amazon.com/boto3/latest/guide/events.html) take the parameters out before that work
and put them in as the body after it. Signing, endpoints, retries and errors stay botocore's; what is wrong
with the parameters is told by DynamoDB instead.
"""

from __future__ import annotations

from typing import Any

import orjson

_OPERATION = "dynamodb.BatchWriteItem"
_BODY = "salespipe_verbatim_body"


def send_batches_verbatim(client: Any) -> None:
    """Let `client.batch_write_item` send its parameters as they are; with binary values botocore does its work.

    May be called again on the same client.
    """
    for event, handler in (("before-parameter-build", _take_out), ("before-call", _put_in)):
        client.meta.events.register(f"{event}.{_OPERATION}", handler, unique_id=f"salespipe-{event}")


def _take_out(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    try:
        context[_BODY] = orjson.dumps(params)
    except orjson.JSONEncodeError:
        return
    params["RequestItems"] = {}


def _put_in(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    if _BODY in context:
        params["body"] = context[_BODY]
