"""S3 prefixes and object names as Firehose evaluates them.

Cases from https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html and, where marked, from keys seen on AWS.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.workers.java_time import JavaTimeError, java_format
from salespipe.local.workers.prefix import PrefixError, check_prefixes, evaluate_prefix, object_name

AT = datetime(2025, 2, 12, 11, 4, 9, 123000, UTC)
ERROR = "processing-failed"


def evaluate(prefix: str, error_type: str | None = None, at: datetime = AT) -> str:
    return evaluate_prefix(prefix, at, random=Random(7), error_type=error_type)


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("", "2025/02/12/11/"),
        ("orders/", "orders/2025/02/12/11/"),
        # Seen on AWS: joined literally, no slash is put in.
        ("gadgetsales_", "gadgetsales_2025/02/12/11/"),
        ("a/!{timestamp:yyyy-MM-dd}", "a/2025-02-12"),
        ("orders/dt=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/", "orders/dt=2025-02-12/hour=11/"),
        ("!{timestamp:'year='yyyy'/month='MM}/", "year=2025/month=02/"),
        ("!{timestamp:EEE}-!{timestamp:MMM}-!{timestamp:dd}", "Wed-Feb-12"),
    ],
)
def test_data_prefixes(prefix: str, key: str) -> None:
    assert evaluate(prefix) == key


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        # Seen on AWS: the type is joined to the data prefix as literally.
        ("gadgetsales_", "gadgetsales_processing-failed/2025/02/12/11/"),
        ("errors/!{firehose:error-output-type}/", "errors/processing-failed/"),
        ("errors/!{firehose:error-output-type}/!{timestamp:yyyy}/", "errors/processing-failed/2025/"),
    ],
)
def test_error_prefixes(prefix: str, key: str) -> None:
    assert evaluate(prefix, ERROR) == key


def test_random_string_has_eleven_characters_and_differs_within_a_prefix() -> None:
    first, second, rest = evaluate("!{firehose:random-string}/!{firehose:random-string}/").split("/", 2)
    assert len(first) == len(second) == 11
    assert (first + second).isalnum()
    assert first != second
    assert rest == "2025/02/12/11/"


def test_time_zone() -> None:
    at = AT.astimezone(ZoneInfo("Australia/Sydney"))
    assert evaluate("", at=at) == "2025/02/12/22/"


def test_object_name() -> None:
    identity = UUID(int=5)
    assert object_name("hose", "2", AT, identity, ".gz") == f"hose-2-2025-02-12-11-04-09-{identity}.gz"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "message"),
    [
        ("!{timestamp:yyyy}/", "", "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions"),
        ("!{timestamp:yyyy}/", "errors/", "must contain at least one occurrence of !{firehose:error-output-type}"),
        ("!{firehose:error-output-type}/", "e/!{firehose:error-output-type}/", "Prefix must not contain"),
        ("!{time:yyyy}/", "e/!{firehose:error-output-type}/", "(time) is an invalid keyword!"),
        ("!{timestamp:ppp}/", "e/!{firehose:error-output-type}/", "Invalid conversion character"),
        ("!{timestamp:yyyy/", "e/!{firehose:error-output-type}/", "Invalid expression usage"),
        ("!{firehose:nonsense}/", "e/!{firehose:error-output-type}/", "Invalid expression usage"),
        ("x" * 513, "", "Length of evaluated prefix cannot be greater than 512"),
    ],
)
def test_prefixes_that_are_refused(prefix: str, error_prefix: str, message: str) -> None:
    with pytest.raises(PrefixError) as refused:
        check_prefixes(prefix, error_prefix, AT)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy-MM-dd-HH-mm-ss", "2025-02-12-11-04-09"),
        ("yy/M/d H:m:s.SSS", "25/2/12 11:4:9.123"),
        ("hh a", "11 AM"),
        ("EEEE, MMMM d", "Wednesday, February 12"),
        ("DDD", "043"),
        ("'it''s' ''yyyy''", "it's '2025'"),
        ("XXX Z z", "Z +0000 UTC"),
        ("kk KK", "11 11"),
    ],
)
def test_java_patterns(pattern: str, text: str) -> None:
    assert java_format(pattern, AT) == text


@pytest.mark.parametrize("pattern", ["J", "HHH", "b", "'open", "[yyyy]", "{"])
def test_java_patterns_that_are_refused(pattern: str) -> None:
    with pytest.raises(JavaTimeError):
        java_format(pattern, AT)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))
def test_numbers_agree_with_the_standard_library(at: datetime) -> None:
    expected = f"{at.year:04d}" + at.strftime("/%m/%d/%H/%M/%S/%j")
    assert java_format("yyyy/MM/dd/HH/mm/ss/DDD", at) == expected
