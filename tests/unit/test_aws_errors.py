"""botocore's errors as ours: what kind they become, with the service's own words."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.retries import standard

from salespipe.aws.errors import client_error, translate, translated
from salespipe.errors import AccessError, NotThereError, SalespipeError, TransientError

THEIRS = (
    "InternalError",  # S3
    "InternalErrorException",  # Pricing
    "InternalException",  # Pipes
    "InternalFailure",  # common to all
    "InternalFailureException",  # Kinesis
    "InternalServerError",  # DynamoDB and its streams
    "InternalServerException",  # Athena, CloudWatch Logs
    "InternalServiceError",  # CloudWatch
    "InternalServiceException",  # Glue
    "ServiceException",  # Lambda
    "ServiceFailure",  # IAM
    "ServiceUnavailable",  # common to all
    "ServiceUnavailableException",  # Firehose, CloudWatch Logs
)
"""What the services call a failure of their own."""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("AccessDeniedException", AccessError),
        ("403", AccessError),
        ("Forbidden", AccessError),
        ("NoSuchBucket", NotThereError),
        ("ThrottlingException", TransientError),
        *((code, TransientError) for code in THEIRS),
        # Almost always a quota, which the same call meets again.
        ("LimitExceededException", SalespipeError),
        ("SomethingNew", SalespipeError),
    ],
)
def test_the_code_says_what_to_do_next(code: str, kind: type[SalespipeError]) -> None:
    error = translate(client_error("HeadBucket", code, "no"))
    assert type(error) is kind
    assert str(error) == f"HeadBucket: {code}: no"


def test_what_botocore_tries_again_may_be_tried_again() -> None:
    own = {
        *standard.TransientRetryableChecker._TRANSIENT_ERROR_CODES,
        *standard.ThrottledRetryableChecker._THROTTLED_ERROR_CODES,
    }
    kinds = {code: type(translate(client_error("Call", code, "no"))) for code in own}
    assert {code for code, kind in kinds.items() if kind is not TransientError} == {"LimitExceededException"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (500, "SomethingNew", TransientError),
        (503, "503", TransientError),  # HEAD of S3, which has no body
        (599, "", TransientError),
        (501, "NotImplemented", SalespipeError),  # S3, which will not have it the next time either
        (429, "SomethingNew", TransientError),
        (499, "SomethingNew", SalespipeError),
        (403, "AccessDenied", AccessError),
        (500, "AccessDenied", AccessError),
    ],
)
def test_a_failure_of_the_service_is_known_by_its_status(status: int, code: str, kind: type[SalespipeError]) -> None:
    said: Any = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert type(translate(ClientError(said, "Call"))) is kind


def test_without_credentials_and_without_a_network() -> None:
    with pytest.raises(AccessError) as caught, translated():
        raise NoCredentialsError
    assert "--profile" in caught.value.hint
    assert isinstance(caught.value.__cause__, NoCredentialsError)
    with pytest.raises(TransientError, match="example"), translated():
        raise EndpointConnectionError(endpoint_url="http://example")
