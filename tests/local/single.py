"""Clients that try once, so that a test sees what an endpoint answers the first time; and what came of it."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from typing import Any

from botocore.config import Config

from tests.aws import new_session


def once(service: str, endpoint: str) -> Any:
    """A client without retries."""
    return new_session().client(service, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))


def until(true: Callable[[], bool]) -> None:
    """Wait for a condition; the time-out is the test's."""
    while not true():
        time.sleep(0.02)


def lake(endpoint: str) -> list[dict[str, Any]]:
    """Every row that the pipeline has delivered, with the records that failed."""
    s3 = once("s3", endpoint)
    (bucket,) = (one["Name"] for one in s3.list_buckets()["Buckets"] if one["Name"].startswith("salespipe-"))
    rows = []
    for prefix in ("orders/", "errors/"):
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for one in page.get("Contents", []):
                body = s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read()
                rows += [json.loads(line) for line in gzip.decompress(body).splitlines()]
    return rows
