"""Clients that try once, so that a test sees what an endpoint answers the first time."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from tests.aws import new_session


def once(service: str, endpoint: str) -> Any:
    """A client without retries."""
    return new_session().client(service, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
