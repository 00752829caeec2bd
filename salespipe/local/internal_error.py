"""An internal failure as each service words and writes it: status 500, which every AWS SDK repeats by itself.

Codes: the errors of each service's API reference, else the common ones
(https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). What SDKs repeat:
https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
"""

from __future__ import annotations

import uuid
from urllib.parse import unquote

import orjson

from salespipe.local.api import s3_xml
from salespipe.local.errors import AwsError
from salespipe.local.http import Reply, Request
from salespipe.local.protocols import encode_error, operation_of

_CODES = {
    "athena": "InternalServerException",
    "dynamodb": "InternalServerError",
    "glue": "InternalServiceException",
    "iam": "ServiceFailure",
    "lambda": "ServiceException",
    "logs": "ServiceUnavailableException",
    "monitoring": "InternalServiceError",
    "pipes": "InternalException",
    "s3": "InternalError",
}
_COMMON = "InternalFailure"


def internal_error(request: Request, message: str) -> Reply:
    """The answer to a request that failed here, in the protocol that the request speaks."""
    error = AwsError(_CODES.get(request.service, _COMMON), message, 500)
    headers = [("x-amzn-RequestId", str(uuid.uuid4()))]
    if request.service == "s3":
        body = b"" if request.method == "HEAD" else s3_xml.error(error, unquote(request.path))
        return Reply(error.status, [*headers, ("Content-Type", "application/xml")], body)
    spoken = operation_of(request)
    if spoken is not None:
        return encode_error(spoken[0], error)
    headers += [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.code)]
    return Reply(error.status, headers, orjson.dumps({"message": message, "Message": message}))
