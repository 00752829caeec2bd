"""The runtime's own operations, under /_salespipe/: what is wrong with it on purpose, and its throughput limits.

    GET  /_salespipe/faults?scope=S                     {"limits", "faults": [...]}
    POST /_salespipe/faults {"start", "scope", "resources", "seconds", "options"}
                                                        the fault, as in the list
    POST /_salespipe/faults {"stop": name or null, "scope"}
                                                        {"stopped": [names]}
    POST /_salespipe/limits {"limits": text}            {"limits"}

What is wrong with a request is answered 400 {"error": one line}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from salespipe.local.errors import AwsError
from salespipe.local.faults.registry import FaultError, Registry
from salespipe.local.http import Reply, Request
from salespipe.local.limits.rates import parse
from salespipe.local.limits.throttle import Throttle

PREFIX = "/_salespipe/"


class Admin:
    """Answers what is asked under the prefix; may wait for the control plane."""

    def __init__(self, registry: Registry, throttle: Throttle) -> None:
        self._registry = registry
        self._throttle = throttle

    def handle(self, request: Request) -> Reply:
        """The answer, whatever was asked."""
        try:
            return _reply(200, self._answer(request))
        except (FaultError, ValueError) as error:
            return _reply(400, {"error": str(error)})
        except AwsError as error:
            return _reply(error.status, {"error": str(error)})
        except LookupError:
            return _reply(404, {"error": f"{request.method} {request.path} is nothing that the runtime answers"})

    def _answer(self, request: Request) -> dict[str, Any]:
        asked = (request.method, request.path.removeprefix(PREFIX))
        if asked == ("GET", "faults"):
            return {"limits": self._throttle.rates.text, "faults": self._registry.active(request.params.get("scope"))}
        if asked == ("POST", "limits"):
            self._throttle.configure(parse(_document(request, {"limits": str})["limits"]))
            return {"limits": self._throttle.rates.text}
        if asked == ("POST", "faults"):
            return self._change(_document(request, {}))
        raise LookupError

    def _change(self, document: dict[str, Any]) -> dict[str, Any]:
        if "stop" in document:
            return {"stopped": self._registry.stop(document["stop"], document.get("scope"))}
        wanted = {"start": str, "scope": str, "resources": dict}
        _check(document, wanted)
        options = document.get("options") or {}
        return self._registry.start(
            document["start"], document["scope"], document["resources"], document.get("seconds"), options
        )


def _document(request: Request, wanted: Mapping[str, type]) -> dict[str, Any]:
    document = orjson.loads(request.body or b"{}")
    if not isinstance(document, dict):
        raise ValueError("the request is no JSON object")
    _check(document, wanted)
    return document


def _check(document: dict[str, Any], wanted: Mapping[str, type]) -> None:
    for name, kind in wanted.items():
        if not isinstance(document.get(name), kind):
            raise ValueError(f"{name} has to be given, as {kind.__name__}")


def _reply(status: int, document: dict[str, Any]) -> Reply:
    return Reply(status, [("Content-Type", "application/json")], orjson.dumps(document))
