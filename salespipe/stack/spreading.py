"""The errors that pass by themselves: a role that has not spread yet, a name or bucket that is still settling.

The services give them the codes of lasting errors, so only their words tell. Seen live; see also
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency.
Neither AccessDenied on iam:PassRole nor an explicit deny is ever one of them: they do not pass
(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html).
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
FIREHOSE = (
    "unable to assume role",
    "security token included in the request is invalid",
    "Access was denied when calling",
    "is not authorized to perform",
    "Verify that the IAM role has access",
)
PIPES = (  # why a pipe is CREATE_FAILED, never the error of a call
    "Cannot access stream",
    "The provided customer role does not have permissions to call",
    "Error occurred while sending message to SQS queue",
)
_WORDS: dict[str, tuple[str, ...]] = {
    "InvalidParameterValueException": ("cannot be assumed by Lambda",),
    "InvalidArgumentException": FIREHOSE,
    "InvalidInputException": ("unable to assume provided role", "unable to assume role"),
}
_LASTING = ("iam:PassRole", "explicit deny")


def is_spreading(error: ClientError) -> bool:
    """Whether the same call will succeed when the change before it has spread."""
    code = error_code(error)
    return code in _CODES or passes(str(error), _WORDS.get(code, ()))


def passes(text: str, known: tuple[str, ...]) -> bool:
    """Whether the text, an error's or a failed resource's reason, is one of the `known` ones that pass."""
    return any(words in text for words in known) and not any(words in text for words in _LASTING)
