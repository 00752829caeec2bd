"""boto3 clients, made once each and shared by every service; an endpoint is all that tells targets apart."""

from __future__ import annotations

import platform
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import ClientError

import salespipe
from salespipe.aws.errors import translate, translated
from salespipe.errors import TransientError

USER_AGENT = (
    f"salespipe/{salespipe.__version__} Boto3/{boto3.__version__} Botocore/{botocore.__version__}"
    f" Python/{platform.python_version()} {platform.system()}/{platform.release()}"
)
"""Who we are, in CloudTrail too. Said once: botocore would put its own together twice a call, a tenth of its time."""

_TELL_SECONDS = 2.0


class Clients:
    """Cached, thread-safe boto3 clients of one session.

    `endpoint_url` replaces every service's own endpoint when given. Retries follow botocore's standard mode:
    only throttling and connection failures are repeated. `direct` connects past the proxies that the environment
    names. `config` is for who makes a client of its own.
    """

    def __init__(
        self, session: boto3.Session, endpoint_url: str | None = None, *, attempts: int = 5, direct: bool = False
    ) -> None:
        self.session = session
        self.endpoint_url = endpoint_url
        self.config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=32,
            connect_timeout=5,
            read_timeout=65,
            proxies={} if direct else None,
            user_agent=USER_AGENT,
        )
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        return str(self.session.region_name)

    @cached_property
    def account(self) -> str:
        """The account id of the caller; also the proof that the credentials work. Raises AccessError."""
        with translated():
            return str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str) -> Any:
        """The client of `service`, e.g. `dynamodb`, `dynamodbstreams`, `kinesis`, `s3`, `athena`."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self.session.client(
                    service, endpoint_url=self.endpoint_url, config=self.config
                )
            return self._clients[service]

    def on_repeat(self, tell: Callable[[str], None]) -> None:
        """From now on `tell`, from whatever thread, why an operation that every answer of the last seconds refused is
        repeated: the service's own words. For clients that are yet to be made."""
        failing: dict[str, float] = {}

        def answered(event_name: str, parsed_response: dict[str, Any] | None = None, **_: Any) -> None:
            if parsed_response is None:  # no answer at all is the target's to explain
                return
            if parsed_response["ResponseMetadata"]["HTTPStatusCode"] < 400:
                failing.pop(event_name, None)
                return
            error = translate(ClientError(parsed_response, event_name.rpartition(".")[2]))
            now = time.monotonic()
            if isinstance(error, TransientError) and now - failing.setdefault(event_name, now) >= _TELL_SECONDS:
                tell(str(error))

        self.session.events.register("response-received", answered)

    def close(self) -> None:
        """Close the connections of every client."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()
