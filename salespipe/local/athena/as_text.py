"""Values as text, as CAST(… AS varchar) and results write them: 3.77E1, with the shortest digits that give it back.

https://trino.io/docs/current/functions/conversion.html; Double.toString and Float.toString of Java 19 and later.
"""

from __future__ import annotations

from salespipe.local.athena.casts_text import decimal_text
from salespipe.local.athena.errors import NotSupported
from salespipe.local.athena.json_text import once
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.times import local_time
from salespipe.local.athena.types import INTEGERS, TEXT, Type, text

MACROS = (
    # 3.77E1: one digit before the point, at least one behind it, from the shortest digits that give the value back,
    # which the engine writes as 37.7, 0.00377 or 3.77e-05. No subquery, so that it can stand in a lambda.
    r"""trino_scientific(t) AS CASE WHEN contains(t, 'e') THEN regexp_replace(split_part(t, 'e', 1), '^(-?\d)$', '\1.0')
        || 'E' || CAST(CAST(split_part(t, 'e', 2) AS INTEGER) AS VARCHAR)
        WHEN regexp_full_match(t, '-?0[.0]*') THEN regexp_replace(t, '0.*', '0.0E0')
        WHEN regexp_matches(t, '^-?0') THEN regexp_replace(regexp_replace(t, '^(-?)0[.]0*(\d)(\d*)$', '\1\2.\3'),
            '[.]$', '.0') || 'E-' || (length(regexp_extract(t, '[.](0*)', 1)) + 1)
        ELSE regexp_replace(regexp_replace(t, '^(-?\d)(\d*)[.]?(\d*)$', '\1.\2\3'), '([.]\d+?)0+$', '\1')
            || 'E' || (length(regexp_extract(t, '\d+')) - 1) END""",
    # the shortest digits that give a REAL back, of which the least have few; the engine writes those of its double
    # where it is large
    "trino_few_digits(x, f) AS abs(x) < 1.2e-38 AND CAST(printf(f, CAST(x AS DOUBLE)) AS FLOAT) = x",
    """trino_real_digits(x) AS CASE WHEN trino_few_digits(x, '%.2g')
        THEN printf('%.2g', CAST(x AS DOUBLE)) WHEN trino_few_digits(x, '%.3g')
        THEN printf('%.3g', CAST(x AS DOUBLE)) WHEN trino_few_digits(x, '%.4g')
        THEN printf('%.4g', CAST(x AS DOUBLE)) WHEN trino_few_digits(x, '%.5g')
        THEN printf('%.5g', CAST(x AS DOUBLE)) WHEN CAST(printf('%.6g', CAST(x AS DOUBLE)) AS FLOAT) = x
        THEN printf('%.6g', CAST(x AS DOUBLE)) WHEN CAST(printf('%.7g', CAST(x AS DOUBLE)) AS FLOAT) = x
        THEN printf('%.7g', CAST(x AS DOUBLE)) WHEN CAST(printf('%.8g', CAST(x AS DOUBLE)) AS FLOAT) = x
        THEN printf('%.8g', CAST(x AS DOUBLE)) ELSE printf('%.9g', CAST(x AS DOUBLE)) END""",
    """trino_real_text(x) AS CASE WHEN isnan(x) OR isinf(x) THEN trino_double_text(x)
        ELSE trino_scientific(trino_real_digits(x)) END""",
    """trino_double_text(x) AS CASE WHEN isnan(x) THEN 'NaN' WHEN isinf(x) AND x > 0 THEN 'Infinity'
        WHEN isinf(x) THEN '-Infinity' ELSE trino_scientific(CAST(x AS VARCHAR)) END""",
    # the engine writes 0002-01-01 (BC) for -0001-01-01
    """trino_date_text(d) AS CASE WHEN d BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN CAST(d AS VARCHAR)
        WHEN d IS NOT NULL THEN error('NOT_SUPPORTED: a date before the year 1 or after 9999 as text is not supported '
        || 'by the local Athena') END""",
    """trino_milliseconds(t) AS strftime(t, '%Y-%m-%d %H:%M:%S.')
        || lpad(CAST(CAST(extract(microsecond FROM t) AS BIGINT) // 1000 % 1000 AS VARCHAR), 3, '0')""",
)


def text_of(value: Typed) -> str:
    """A value as CAST(… AS varchar) writes it."""
    sql, name = value.sql, value.type.name
    if name in TEXT:
        return sql
    if name == "decimal":
        return decimal_text(sql, value.type)
    if name == "json":
        return once(sql, lambda j: f"trino_json_text({j})")
    if name == "date":
        return f"trino_date_text({sql})"
    if name in (*INTEGERS, "boolean", "uuid"):
        return f"CAST({sql} AS VARCHAR)"
    if name in ("double", "real"):
        return f"trino_{name}_text({sql})"
    if name == "timestamp":
        return timestamp_text(sql, value.type)
    if name == "timestamp with time zone":
        return f"({timestamp_text(local_time(value), value.type)} || {text(' ' + value.type.zone)})"
    raise NotSupported(f"a cast from {value.type} to varchar")


def timestamp_text(sql: str, type_: Type) -> str:
    """A TIMESTAMP with as many digits of a second as its type has."""
    digits = type_.numbers[0]
    if digits == 3:
        return f"trino_milliseconds({sql})"
    if digits == 0:
        return f"strftime({sql}, '%Y-%m-%d %H:%M:%S')"
    return f"substring(strftime({sql}, '%Y-%m-%d %H:%M:%S.%f'), 1, {20 + digits})"
