"""Absence as a value: the error codes that mean "there is no such thing", and a call that answers None for them.

The codes are those of each service's API reference, e.g.
https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code

ABSENT = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "EntityNotFoundException",
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "NoSuchTagSet",
        "NotFoundException",
        "OwnershipControlsNotFoundError",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "ServerSideEncryptionConfigurationNotFoundError",
    }
)


def if_there(call: Callable[..., Any], /, **params: Any) -> Any:
    """What the call answers, or None when the service says that the thing does not exist.

    Every other error is raised as botocore raises it.
    """
    try:
        return call(**params)
    except ClientError as error:
        if error_code(error) in ABSENT:
            return None
        raise
