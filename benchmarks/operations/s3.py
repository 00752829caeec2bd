"""Objects of 1 MB put into a bucket."""

from __future__ import annotations

from functools import cache
from random import Random
from typing import Any
from uuid import uuid4

from benchmarks.endpoint import Endpoint
from benchmarks.load import Send
from benchmarks.operations.operation import Stage, played

_BYTES = 1024 * 1024
_BODIES = 16  # different ones, taken in turn


class PutObject:
    name, unit, service, count = "S3 PutObject (1 MB)", "objects", "s3", 200

    def stage(self, endpoint: Endpoint, count: int) -> Stage:
        client, bucket = endpoint.client("s3"), f"orders-{uuid4().hex}"
        client.create_bucket(Bucket=bucket)

        def lost(acknowledged: int) -> int:
            keys = _keys(endpoint, bucket)
            kept = (client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)
            return acknowledged - [body == _body(int(key)) for key, body in zip(keys, kept, strict=True)].count(True)

        def remove() -> None:
            for key in _keys(endpoint, bucket):
                client.delete_object(Bucket=bucket, Key=key)
            client.delete_bucket(Bucket=bucket)

        return Stage(range(count), _put(bucket), lost, remove)

    def alone(self, count: int) -> tuple[Stage, bytes]:
        return played(range(count), _put("orders")), b""


def _put(bucket: str) -> Send:
    def send(client: Any, number: Any) -> int:
        client.put_object(Bucket=bucket, Key=str(number), Body=_body(number))
        return 1

    return send


def _body(number: int) -> bytes:
    return _bodies()[number % _BODIES]


@cache
def _bodies() -> tuple[bytes, ...]:
    random = Random(1)
    return tuple(random.randbytes(_BYTES) for _ in range(_BODIES))


def _keys(endpoint: Endpoint, bucket: str) -> list[str]:
    pages = endpoint.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return [each["Key"] for page in pages for each in page.get("Contents", [])]
