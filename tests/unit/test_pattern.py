"""Event patterns: cases from the EventBridge guide, and the filters that people write for DynamoDB changes.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from salespipe.local.workers.event_pattern import InvalidPatternError, compile_pattern

EVENT = {
    "eventName": "INSERT",
    "n": 5,
    "f": 3.018e2,
    "yes": True,
    "none": None,
    "empty": "",
    "tags": ["a", "b"],
    "no-tags": [],
    "ip": "10.0.0.17",
    "file": "dir/sub/picture.PNG",
    "dynamodb": {"Keys": {"orderid": {"S": "o-1"}}, "NewImage": {"quantity": {"N": "12"}}},
    "resources": [{"kind": "x", "size": 1}, {"kind": "y", "size": 2}],
}


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({"eventName": ["INSERT"]}, True),
        ({"eventName": ["MODIFY", "INSERT"]}, True),
        ({"eventName": ["insert"]}, False),
        ({"eventName": [{"equals-ignore-case": "insert"}]}, True),
        # DynamoDB's numbers are text, so they are matched as text and not with "numeric".
        ({"dynamodb": {"NewImage": {"quantity": {"N": ["12"]}}}}, True),
        ({"dynamodb": {"NewImage": {"quantity": {"N": [{"numeric": [">", 10]}]}}}}, False),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"orderid": {"S": [{"prefix": "o-"}]}}}}, True),
        ({"eventName": ["INSERT"], "dynamodb": {"Keys": {"orderid": {"S": [{"prefix": "x-"}]}}}}, False),
        ({"file": [{"suffix": ".PNG"}]}, True),
        ({"file": [{"suffix": ".png"}]}, False),
        ({"file": [{"suffix": {"equals-ignore-case": ".png"}}]}, True),
        ({"file": [{"prefix": {"equals-ignore-case": "DIR/"}}]}, True),
        ({"file": [{"wildcard": "dir/*.PNG"}]}, True),
        ({"file": [{"wildcard": "dir/*.jpg"}]}, False),
        ({"file": [{"wildcard": "*sub*"}]}, True),
        ({"file": [{"wildcard": "dir/\\*"}]}, False),
        ({"eventName": [{"anything-but": "REMOVE"}]}, True),
        ({"eventName": [{"anything-but": ["REMOVE", "INSERT"]}]}, False),
        ({"eventName": [{"anything-but": {"prefix": "INS"}}]}, False),
        ({"eventName": [{"anything-but": {"suffix": "IFY"}}]}, True),
        ({"eventName": [{"anything-but": {"equals-ignore-case": ["insert"]}}]}, False),
        ({"eventName": [{"anything-but": {"wildcard": "*MOV*"}}]}, True),
        ({"missing": [{"anything-but": "x"}]}, False),
        ({"n": [5]}, True),
        ({"f": [301.8]}, True),
        ({"n": ["5"]}, False),
        ({"n": [{"numeric": [">", 0, "<=", 5]}]}, True),
        ({"n": [{"numeric": ["<", 5]}]}, False),
        ({"n": [{"numeric": ["=", 5.0]}]}, True),
        ({"n": [{"anything-but": 5}]}, False),
        ({"yes": [True]}, True),
        ({"yes": [1]}, False),
        ({"yes": [{"numeric": [">", 0]}]}, False),
        ({"none": [None]}, True),
        ({"missing": [None]}, False),
        ({"empty": [""]}, True),
        ({"n": [{"exists": True}]}, True),
        ({"n": [{"exists": False}]}, False),
        ({"missing": [{"exists": False}]}, True),
        ({"missing": {"deeper": [{"exists": False}]}}, True),
        ({"missing": {"deeper": [{"exists": True}]}}, False),
        ({"dynamodb": [{"exists": True}]}, False),
        ({"tags": ["b"]}, True),
        ({"tags": ["c", {"prefix": "b"}]}, True),
        ({"tags": ["c"]}, False),
        ({"resources": {"kind": ["y"], "size": [2]}}, True),
        ({"resources": {"kind": ["x"], "size": [2]}}, False),
        ({"ip": [{"cidr": "10.0.0.0/24"}]}, True),
        ({"ip": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"file": [{"cidr": "10.0.1.0/24"}]}, False),
        ({"$or": [{"eventName": ["REMOVE"]}, {"n": [5]}]}, True),
        ({"$or": [{"eventName": ["REMOVE"]}, {"n": [6]}]}, False),
        ({"eventName": ["REMOVE"], "$or": [{"n": [5]}, {"n": [6]}]}, False),
        ({"dynamodb": {"$or": [{"Keys": {"x": ["1"]}}, {"NewImage": {"quantity": {"N": ["12"]}}}]}}, True),
    ],
)
def test_matching(pattern: dict[str, Any], matches: bool) -> None:
    assert compile_pattern(json.dumps(pattern))(EVENT) is matches


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nope", "Invalid Event Pattern"),
        ("[]", "Invalid Event Pattern"),
        ("{}", "Invalid Event Pattern. Reason: Empty objects are not allowed"),
        ('{"a": {}}', "Invalid Event Pattern. Reason: Empty objects are not allowed"),
        ('{"a": []}', "Invalid Event Pattern. Reason: Empty arrays are not allowed"),
        ('{"a": 1}', 'Invalid Event Pattern. Reason: "a" must be an object or an array'),
        ('{"a": [{"like": "x"}]}', "Invalid Event Pattern. Reason: Unrecognized match type like"),
        ('{"a": [{"prefix": 1}]}', "Invalid Event Pattern. Reason: prefix match pattern must be a string"),
        ('{"a": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed"),
        ('{"a": [{"exists": "yes"}]}', "exists match pattern must be either true or false"),
        ('{"a": [{"numeric": [">"]}]}', "Value of numeric must be an array"),
        ('{"a": [{"numeric": ["~", 1]}]}', "Unrecognized numeric range operator: ~"),
        ('{"a": [{"numeric": [">", "1"]}]}', "Value of numeric operator must be a number"),
        ('{"a": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters"),
        ('{"a": [{"wildcard": "a\\\\b"}]}', "Invalid escape character"),
        ('{"a": [{"anything-but": []}]}', "Empty arrays are not allowed"),
        ('{"a": [{"anything-but": [null]}]}', "Inside anything but list"),
        ('{"a": [{"cidr": "x"}]}', "Malformed CIDR"),
        ('{"a": [["x"]]}', "match value must be"),
    ],
)
def test_patterns_that_are_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidPatternError) as refused:
        compile_pattern(text)
    assert message in str(refused.value)


@given(value=st.text(), other=st.text(min_size=1))
def test_anything_but_is_the_opposite_of_equals(value: str, other: str) -> None:
    event = {"a": value}
    exact = compile_pattern(json.dumps({"a": [other]}))(event)
    assert compile_pattern(json.dumps({"a": [{"anything-but": other}]}))(event) is not exact
    assert exact is (value == other)


@given(text=st.text(alphabet="ab*\\"), value=st.text(alphabet="ab*\\"))
def test_a_wildcard_without_a_star_is_equality(text: str, value: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("*", "\\*")
    assert compile_pattern(json.dumps({"a": [{"wildcard": escaped}]}))({"a": value}) is (value == text)
