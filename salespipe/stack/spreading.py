"""The errors that pass by themselves: a role that has not spread yet, a name or bucket that is still settling.

The services give them the codes of lasting errors, so only their words tell. Seen live; see also
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency.
AccessDenied on iam:PassRole is never one of them: it does not pass.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from salespipe.aws.errors import error_code

_CODES = frozenset(
    {
        "AWS.SimpleQueueService.QueueDeletedRecently",  # the name is free after 60 s
        "QueueDeletedRecently",
        "BucketNotEmpty",  # an object arrived while the bucket was being emptied
        "OperationAborted",  # S3: another change of the same bucket is not finished
    }
)
_WORDS: dict[str, tuple[str, ...]] = {
    "InvalidParameterValueException": ("cannot be assumed by Lambda",),
    "InvalidArgumentException": (
        "unable to assume role",
        "security token included in the request is invalid",
        "Access was denied when calling",
        "is not authorized to perform",
        "Verify that the IAM role has access",
    ),
    "InvalidInputException": ("unable to assume provided role", "unable to assume role"),
}


def is_spreading(error: ClientError) -> bool:
    """Whether the same call will succeed when the change before it has spread."""
    text = str(error)
    if "iam:PassRole" in text:
        return False
    code = error_code(error)
    return code in _CODES or any(words in text for words in _WORDS.get(code, ()))
