"""S3 key prefixes of a delivery stream: literal text with `!{namespace:value}` expressions, and the object's name.

The time in a key is the arrival time of the oldest record in the object, UTC unless a time zone is set; prefix and
name are joined literally, without a slash of their own.
https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from datetime import datetime
from random import Random
from uuid import UUID

from salespipe.local.workers.java_time import JavaTimeError, java_format

_EXPRESSION = re.compile(r"!\{([^:{}]*):([^{}]*)\}")
_LETTERS = string.ascii_letters + string.digits
_RANDOM_LENGTH = 11
_LONGEST = 512
DEFAULT_PATTERN = "yyyy/MM/dd/HH/"
PROCESSING_FAILED = "processing-failed"


class PrefixError(ValueError):
    """The prefix cannot be evaluated; the message is the service's."""


def evaluate_prefix(prefix: str, at: datetime, *, random: Random, error_type: str | None = None) -> str:
    """The prefix of one object; `error_type` is given for the error prefix alone.

    Without an expression in it the prefix is followed by `yyyy/MM/dd/HH/`; for errors the type and a slash come
    between the two. Raises PrefixError.
    """
    seen: set[str] = set()

    def replace(found: re.Match[str]) -> str:
        namespace, value = found.groups()
        seen.add(namespace)
        return _value(namespace, value, at, random, error_type)

    made = _EXPRESSION.sub(replace, prefix)
    if "!{" in made:
        raise PrefixError("Invalid expression usage")
    if error_type is not None and not seen:
        made += f"{error_type}/"
    if "timestamp" not in seen and (error_type is None or not seen):
        made += java_format(DEFAULT_PATTERN, at)
    if len(made.encode()) > _LONGEST:
        raise PrefixError("Length of evaluated prefix cannot be greater than 512")
    return made


def _value(namespace: str, value: str, at: datetime, random: Random, error_type: str | None) -> str:
    if namespace == "timestamp":
        try:
            return java_format(value, at)
        except JavaTimeError as error:
            raise PrefixError("Invalid conversion character used in the value of the expression in Prefix") from error
    if namespace == "firehose":
        if value == "random-string":
            return "".join(random.choices(_LETTERS, k=_RANDOM_LENGTH))
        if value == "error-output-type":
            if error_type is None:
                raise PrefixError("Prefix must not contain any occurrence of !{firehose:error-output-type}")
            return error_type
        raise PrefixError("Invalid expression usage")
    if namespace in ("partitionKeyFromQuery", "partitionKeyFromLambda"):
        raise PrefixError("dynamic partitioning is not available on the local target")
    raise PrefixError(f"Namespace to the left of colon ({namespace}) is an invalid keyword!")


def check_prefixes(prefix: str, error_prefix: str, now: datetime) -> None:
    """Raise PrefixError for prefixes that the service would refuse."""
    if "!{" in prefix:
        if not error_prefix:
            raise PrefixError("ErrorOutputPrefix cannot be null or empty when Prefix contains expressions")
        if "!{firehose:error-output-type}" not in error_prefix:
            raise PrefixError("ErrorOutputPrefix must contain at least one occurrence of !{firehose:error-output-type}")
    evaluate: Callable[..., str] = evaluate_prefix
    evaluate(prefix, now, random=Random(0))
    evaluate(error_prefix, now, random=Random(0), error_type=PROCESSING_FAILED)


def object_name(stream: str, version: str, at: datetime, identity: UUID, extension: str) -> str:
    """`<stream>-<version>-yyyy-MM-dd-HH-mm-ss-<uuid><extension>`."""
    return f"{stream}-{version}-{java_format('yyyy-MM-dd-HH-mm-ss', at)}-{identity}{extension}"
