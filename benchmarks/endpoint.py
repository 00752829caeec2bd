"""Stock boto3 clients, as any program makes them: without what our own commands do to save the client work."""

from __future__ import annotations

import os
from typing import Any

import boto3
import botocore.loaders
import botocore.session
from botocore.config import Config

REGION = "us-east-1"
# The service models are read and parsed once for all clients, which takes longer than to make one.
_MODELS = botocore.loaders.create_loader()


class Endpoint:
    """An AWS endpoint on the loopback address. Nothing that is set up for AWS on this machine is read."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._kept: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client that makes and reads back what is measured."""
        if service not in self._kept:
            self._kept[service] = self.new_client(service)
        return self._kept[service]

    def new_client(self, service: str) -> Any:
        """A client of its own, with connections of its own; boto3's defaults but for proxies, of which it uses none."""
        return _session().client(service, endpoint_url=self.url, config=Config(proxies={}))

    def close(self) -> None:
        """Close the connections of the kept clients."""
        for client in self._kept.values():
            client.close()
        self._kept.clear()


def _session() -> boto3.Session:
    variables = botocore.session.Session.SESSION_VARIABLES.items()
    deaf = {name: (None, None, default, kind) for name, (_, _, default, kind) in variables}
    for file in ("config_file", "credentials_file"):
        deaf[file] = (None, None, os.devnull, None)
    core = botocore.session.Session(session_vars=deaf)
    core.register_component("data_loader", _MODELS)
    return boto3.Session(
        botocore_session=core,
        aws_access_key_id="local",
        aws_secret_access_key="local",
        region_name=REGION,
    )
