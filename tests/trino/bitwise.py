"""Examples of https://trino.io/docs/current/functions/bitwise.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/bitwise.html"
EXAMPLES: Examples = [
    ("bit_count(9, 64)", "2"),
    ("bit_count(9, 8)", "2"),
    ("bit_count(-7, 64)", "62"),
    ("bit_count(-7, 8)", "6"),
    ("bitwise_and(19,25)", "17"),
    ("bitwise_not(-12)", "11"),
    ("bitwise_not(19)", "-20"),
    ("bitwise_not(25)", "-26"),
    ("bitwise_or(19,25)", "27"),
    ("bitwise_xor(19,25)", "10"),
    ("bitwise_left_shift(1, 2)", "4"),
    ("bitwise_left_shift(5, 2)", "20"),
    ("bitwise_left_shift(20, 0)", "20"),
    ("bitwise_left_shift(42, 0)", "42"),
    ("bitwise_left_shift(0, 1)", "0"),
    ("bitwise_left_shift(0, 2)", "0"),
    ("bitwise_right_shift(8, 3)", "1"),
    ("bitwise_right_shift(9, 1)", "4"),
    ("bitwise_right_shift(20, 0)", "20"),
    ("bitwise_right_shift(42, 0)", "42"),
    ("bitwise_right_shift(12, 64)", "0"),
    ("bitwise_right_shift(-45, 64)", "0"),
    ("bitwise_right_shift(0, 1)", "0"),
    ("bitwise_right_shift(0, 2)", "0"),
    ("bitwise_right_shift_arithmetic(12, 64)", "0"),
    ("bitwise_right_shift_arithmetic(-45, 64)", "-1"),
]
