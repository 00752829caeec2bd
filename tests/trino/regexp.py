"""Examples of https://trino.io/docs/current/functions/regexp.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/regexp.html"
_FRUIT = "'I have 23 apples, 5 pears and 13 oranges'"
EXAMPLES: Examples = [
    (r"regexp_count('1a 2b 14m', '\s*[a-z]+\s*')", "3"),
    (r"regexp_extract_all('1a 2b 14m', '\d+')", "[1, 2, 14]"),
    (r"regexp_extract_all('1a 2b 14m', '(\d+)([a-z]+)', 2)", "[a, b, m]"),
    (r"regexp_extract('1a 2b 14m', '\d+')", "1"),
    (r"regexp_extract('1a 2b 14m', '(\d+)([a-z]+)', 2)", "a"),
    (r"regexp_like('1a 2b 14m', '\d+b')", "true"),
    (r"regexp_like('1a 2b 14m', '^\d+b$')", "false"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b')", "8"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b', 5)", "8"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b', 12)", "19"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b', 12, 1)", "19"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b', 12, 2)", "31"),
    (rf"regexp_position({_FRUIT}, '\b\d+\b', 12, 3)", "-1"),
    (r"regexp_replace('1a 2b 14m', '\d+[ab] ')", "14m"),
    (r"regexp_replace('1a 2b 14m', '(\d+)([ab]) ', '3c$2 ')", "3ca 3cb 14m"),
    (r"regexp_replace('new york', '(\w)(\w*)', x -> upper(x[1]) || lower(x[2]))", "New York"),
    (r"regexp_split('1a 2b 14m', '\s*[a-z]+\s*')", "[1, 2, 14, ]"),
]
