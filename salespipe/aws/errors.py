"""One table that turns botocore's errors into ours; `with translated():` is where AWS is called.

Codes: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html and each service's API reference; those to
try again are botocore's own (`botocore.retries.standard`), but for LimitExceededException, and what services call a
failure of theirs. Such a failure comes with status 500 or above (but for 501, which will be the same next time), and
counts with whatever code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore import exceptions as boto

from salespipe.errors import AccessError, NotThereError, SalespipeError, TransientError, UnreachableError

_SIGN_IN = "set AWS_PROFILE or pass --profile, and check with: aws sts get-caller-identity"

_TOO_MANY, _NOT_IMPLEMENTED = 429, 501

_BY_CODE: dict[type[SalespipeError], frozenset[str]] = {
    AccessError: frozenset(
        {
            "403",  # S3 answers HEAD without a body, and so without a code
            "AccessDenied",
            "AccessDeniedException",
            "AuthFailure",
            "ExpiredToken",
            "ExpiredTokenException",
            "Forbidden",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationToken",
            "NotAuthorized",
            "OptInRequired",
            "RequestExpired",
            "SignatureDoesNotMatch",
            "UnauthorizedOperation",
            "UnrecognizedClientException",
        }
    ),
    NotThereError: frozenset(
        {
            "EntityNotFoundException",
            "NoSuchBucket",
            "NoSuchEntity",
            "NoSuchKey",
            "NotFoundException",
            "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDoesNotExist",
            "ResourceNotFoundException",
        }
    ),
    TransientError: frozenset(
        {
            "BandwidthLimitExceeded",
            "EC2ThrottledException",
            "InternalError",
            "InternalErrorException",
            "InternalException",
            "InternalFailure",
            "InternalFailureException",
            "InternalServerError",
            "InternalServerException",
            "InternalServiceError",
            "InternalServiceException",
            "PriorRequestNotComplete",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceeded",
            "RequestThrottled",
            "RequestThrottledException",
            "RequestTimeout",
            "RequestTimeoutException",
            "ServiceException",
            "ServiceFailure",
            "ServiceUnavailable",
            "ServiceUnavailableException",
            "SlowDown",
            "ThrottledException",
            "Throttling",
            "ThrottlingException",
            "TooManyRequestsException",
            "TransactionInProgressException",
        }
    ),
}
_BY_TYPE: tuple[tuple[type[Exception], type[SalespipeError], str], ...] = (
    (boto.NoCredentialsError, AccessError, _SIGN_IN),
    (boto.PartialCredentialsError, AccessError, _SIGN_IN),
    (boto.CredentialRetrievalError, AccessError, _SIGN_IN),
    (boto.ProfileNotFound, AccessError, "list the profiles with: aws configure list-profiles"),
    (boto.TokenRetrievalError, AccessError, "sign in again with: aws sso login"),
    (boto.SSOTokenLoadError, AccessError, "sign in again with: aws sso login"),
    (boto.UnauthorizedSSOTokenError, AccessError, "sign in again with: aws sso login"),
    (boto.NoRegionError, AccessError, "pass --region or set AWS_REGION"),
    (boto.HTTPClientError, UnreachableError, "check the network and try again"),
    (boto.ConnectionError, UnreachableError, "check the network and try again"),
)


def error_code(error: boto.ClientError) -> str:
    """The service's error code, e.g. `ResourceNotFoundException`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def client_error(operation: str, code: str, message: str) -> boto.ClientError:
    """The error of a service that answered 200 and reported a failure inside, as if the call had failed."""
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, operation)


def translate(error: Exception) -> SalespipeError:
    """Our error for one of botocore's; the service's own words are kept in the message."""
    if isinstance(error, boto.ClientError):
        code = error_code(error)
        text = f"{error.operation_name}: {code}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
        for kind, codes in _BY_CODE.items():
            if code in codes:
                return kind(text, _SIGN_IN if kind is AccessError else "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        again = status == _TOO_MANY or (status >= 500 and status != _NOT_IMPLEMENTED)
        return TransientError(text) if again else SalespipeError(text)
    for foreign, kind, hint in _BY_TYPE:
        if isinstance(error, foreign):
            return kind(" ".join(str(error).split()), hint)
    return SalespipeError(" ".join(str(error).split()) or type(error).__name__)


@contextmanager
def translated() -> Iterator[None]:
    """Let botocore's errors leave as ours, with the original as the cause."""
    try:
        yield
    except (boto.ClientError, boto.BotoCoreError, boto.HTTPClientError) as error:
        raise translate(error) from error
