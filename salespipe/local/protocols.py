"""The three protocols that CloudWatch's clients may speak: Smithy RPC v2 CBOR, AWS JSON and AWS Query.

Requests become plain documents and answers bytes, after the service's own model in botocore. Timestamps are epoch
seconds on this side. CBOR is botocore's own reader and writer.
https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html,
https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html, https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Literal
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import botocore.session
import orjson
from botocore.parsers import ResponseParserError, RpcV2CBORParser
from botocore.serialize import RpcV2CBORSerializer

from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request

Protocol = Literal["cbor", "json", "query"]
_CBOR_PATH = re.compile(r"/service/(?P<service>\w+)/operation/(?P<operation>\w+)/?")


class _CborWriter(RpcV2CBORSerializer):  # type: ignore[misc]
    """botocore writes requests only; a response's body has the same form."""

    def body(self, document: dict[str, Any], shape: Any) -> bytes:
        return bytes(self._serialize_body_params(document, shape))


@cache
def service_model(service: str) -> Any:
    """botocore's model of a service."""
    return botocore.session.get_session().get_service_model(service)


def operation_of(request: Request) -> tuple[Protocol, str] | None:
    """The protocol and the operation of a request, None when it is in none of the three."""
    match = _CBOR_PATH.fullmatch(request.path)
    if match:
        return "cbor", match["operation"]
    if request.target[1]:
        return "json", request.target[1]
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        action = dict(parse_qsl(request.body.decode("utf-8", "replace"))).get("Action")
        return ("query", action) if action else None
    return None


def decode(protocol: Protocol, request: Request, shape: Any) -> dict[str, Any]:
    """The request's document. Raises AwsError when it cannot be read."""
    try:
        if protocol == "cbor":
            parser = RpcV2CBORParser()
            document = parser.parse_data_item(parser.get_peekable_stream_from_bytes(request.body or b"\xa0"))
        elif protocol == "json":
            document = orjson.loads(request.body or b"{}")
        else:
            document = _from_query(dict(parse_qsl(request.body.decode(), keep_blank_values=True)), "", shape)
    except (ResponseParserError, ValueError) as error:
        raise AwsError("SerializationException", f"the request cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise AwsError("SerializationException", "the request is no structure")
    found: dict[str, Any] = _seconds(document)
    return found


def encode(protocol: Protocol, operation: str, document: dict[str, Any], shape: Any) -> Reply:
    """The answer to an operation as this protocol writes it."""
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    if protocol == "cbor":
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return Reply(200, headers, _CborWriter().body(_times(document, shape), shape))
    if protocol == "json":
        return Reply(200, [*headers, ("Content-Type", "application/x-amz-json-1.0")], orjson.dumps(document))
    root = ElementTree.Element(f"{operation}Response", xmlns=service_model("cloudwatch").metadata["xmlNamespace"])
    _to_xml(ElementTree.SubElement(root, f"{operation}Result"), document, shape)
    metadata = ElementTree.SubElement(root, "ResponseMetadata")
    ElementTree.SubElement(metadata, "RequestId").text = request_id
    return Reply(200, [*headers, ("Content-Type", "text/xml")], ElementTree.tostring(root))


def encode_error(protocol: Protocol, error: AwsError) -> Reply:
    """The error as this protocol writes it."""
    request_id = str(uuid.uuid4())
    headers = [("x-amzn-RequestId", request_id)]
    fault = "Receiver" if error.status >= 500 else "Sender"
    if protocol == "cbor":
        shape = service_model("cloudwatch").shape_for("InvalidParameterValueException")
        body = _CborWriter().body({"message": error.message}, shape)
        # The modelled shapes lack `__type`; the map of two entries begins with its count.
        body = b"\xa2" + _cbor_text("__type") + _cbor_text(error.code) + body[1:]
        headers += [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]
        return Reply(error.status, [*headers, ("x-amzn-query-error", f"{error.code};{fault}")], body)
    if protocol == "json":
        body = orjson.dumps({"__type": error.code, "message": error.message})
        return Reply(error.status, [*headers, ("Content-Type", "application/x-amz-json-1.0")], body)
    root = ElementTree.Element("ErrorResponse")
    inner = ElementTree.SubElement(root, "Error")
    for name, value in (("Type", fault), ("Code", error.code), ("Message", error.message)):
        ElementTree.SubElement(inner, name).text = value
    ElementTree.SubElement(root, "RequestId").text = request_id
    return Reply(error.status, [*headers, ("Content-Type", "text/xml")], ElementTree.tostring(root))


def _cbor_text(text: str) -> bytes:
    data = text.encode()
    return (bytes([0x60 + len(data)]) if len(data) < 24 else bytes([0x78, len(data)])) + data


def _seconds(value: Any) -> Any:
    """Times as epoch seconds, as JSON has them."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {name: _seconds(inner) for name, inner in value.items()}
    return [_seconds(inner) for inner in value] if isinstance(value, list) else value


def _times(value: Any, shape: Any) -> Any:
    """Epoch seconds as times, where the model has a timestamp."""
    if shape.type_name == "structure":
        return {name: _times(inner, shape.members[name]) for name, inner in value.items()}
    if shape.type_name == "list":
        return [_times(inner, shape.member) for inner in value]
    return datetime.fromtimestamp(value, UTC) if shape.type_name == "timestamp" else value


def _from_query(fields: Mapping[str, str], prefix: str, shape: Any) -> Any:
    """The value under `prefix` in form fields such as `Dimensions.member.1.Name`; None where there is none."""
    if shape.type_name == "structure":
        found = {
            name: value
            for name, member in shape.members.items()
            if (value := _from_query(fields, f"{prefix}.{name}" if prefix else name, member)) is not None
        }
        return found if found or not prefix else None
    if shape.type_name == "list":
        items: list[Any] = []
        while (value := _from_query(fields, f"{prefix}.member.{len(items) + 1}", shape.member)) is not None:
            items.append(value)
        return items or None
    text = fields.get(prefix)
    if text is None:
        return None
    if shape.type_name in ("integer", "long"):
        return int(text)
    if shape.type_name == "boolean":
        return text == "true"
    if shape.type_name == "timestamp":
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return text


def _to_xml(parent: ElementTree.Element, value: Any, shape: Any) -> None:
    if shape.type_name == "structure":
        for name, inner in value.items():
            _to_xml(ElementTree.SubElement(parent, name), inner, shape.members[name])
    elif shape.type_name == "list":
        for inner in value:
            _to_xml(ElementTree.SubElement(parent, "member"), inner, shape.member)
    elif shape.type_name == "timestamp":
        parent.text = datetime.fromtimestamp(value, UTC).isoformat().replace("+00:00", "Z")
    else:
        parent.text = str(value)
