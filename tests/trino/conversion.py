"""Examples of https://trino.io/docs/current/functions/conversion.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/conversion.html"
EXAMPLES: Examples = [
    ("cast('42' AS bigint)", "42"),
    ("try_cast('a' AS bigint)", None),
    ("upper(5)", "!FUNCTION_NOT_FOUND"),
    ("format('%s%%', 123)", "123%"),
    ("format('%.5f', pi())", "3.14159"),
    ("format('%03d', 8)", "008"),
    ("format('%,.2f', 1234567.89)", "1,234,567.89"),
    ("format('%-7s,%7s', 'hello', 'world')", "hello  ,  world"),
    ("format('%2$s %3$s %1$s', 'a', 'b', 'c')", "b c a"),
    ("format('%1$tA, %1$tB %1$te, %1$tY', date '2006-07-04')", "Tuesday, July 4, 2006"),
    ("format_number(123456)", "123K"),
    ("format_number(1000000)", "1M"),
    ("parse_data_size('1B')", "1"),
    ("parse_data_size('1kB')", "1024"),
    ("parse_data_size('1MB')", "1048576"),
    ("parse_data_size('2.3MB')", "2411724"),
    ("typeof(123)", "integer"),
    ("typeof('cat')", "varchar(3)"),
    ("typeof(cos(2) + 1.5)", "double"),
]
