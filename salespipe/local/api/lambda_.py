"""Lambda's Invoke; every other operation of Lambda stays with moto.

API: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from urllib.parse import unquote

import orjson

from salespipe.local.errors import AwsError
from salespipe.local.functions import Functions
from salespipe.local.http import Reply, Request

_PATH = re.compile(r"/2015-03-31/functions/([^/]+)/invocations/?")


class LambdaApi:
    """Invocation types RequestResponse, Event and DryRun; LogType Tail."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def handle(self, request: Request) -> Reply | None:
        """Answer an Invoke; None leaves the request to moto."""
        found = _PATH.fullmatch(request.path)
        if found is None or request.method != "POST":
            return None
        status, headers, body = self.invoke(request.region, unquote(found[1]), request.body, request.headers)
        return Reply(status, list(headers.items()), body)

    def invoke(
        self, region: str, name: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and payload; `name` may be an ARN, header names are in lower case. Errors are answers too."""
        try:
            return self._invoke(region, name, body, headers)
        except AwsError as error:
            document = {"Type": "User", "Message": error.message, "message": error.message}
            return error.status, _json(error.code), orjson.dumps(document)

    def _invoke(
        self, region: str, name: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        kind = headers.get("x-amz-invocation-type", "RequestResponse")
        if body:
            try:
                orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise AwsError(
                    "InvalidRequestContentException", f"Could not parse request body into json: {error}"
                ) from error
        if kind == "DryRun":
            self._functions.require(region, name)
            return 204, {}, b""
        if kind == "Event":
            self._functions.invoke_later(region, name, body)
            return 202, {}, b""
        if kind != "RequestResponse":
            raise AwsError("InvalidParameterValueException", f"Unknown invocation type: {kind}")
        made = self._functions.invoke(region, name, body)
        answer = {"Content-Type": "application/json", "X-Amz-Executed-Version": "$LATEST"}
        if made.error is not None:
            answer["X-Amz-Function-Error"] = made.error
        if headers.get("x-amz-log-type") == "Tail":
            answer["X-Amz-Log-Result"] = base64.b64encode(made.log_tail.encode()[-4096:]).decode()
        return 200, answer, made.payload


def _json(code: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "x-amzn-ErrorType": code}
