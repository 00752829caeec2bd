"""Bytes: https://trino.io/docs/current/functions/binary.html

Positions count bytes from 1. The engine has none of these for its BLOB, so they work on its hexadecimal digits.
"""

from __future__ import annotations

from salespipe.local.athena.rules.registry import define, macros

PAGE = "functions/binary.html"

macros(
    "trino_bytes_from(b, p) AS CASE WHEN b IS NULL OR p IS NULL THEN NULL "
    "WHEN p = 0 OR abs(p) > octet_length(b) THEN '' "
    "ELSE substring(hex(b), 2 * CASE WHEN p > 0 THEN p ELSE octet_length(b) + p + 1 END - 1) END",
    "trino_bytes_of(b, p, n) AS CASE WHEN n IS NULL THEN NULL WHEN n <= 0 AND b IS NOT NULL AND p IS NOT NULL THEN '' "
    "ELSE left(trino_bytes_from(b, p), 2 * n) END",
    "trino_sized(b, n) AS CASE WHEN octet_length(b) <> n THEN error('INVALID_FUNCTION_ARGUMENT: expected ' || n || "
    "'-byte input, but got instead: ' || octet_length(b)) ELSE CAST('0x' || hex(b) AS HUGEINT) END",
    "trino_from_big_endian_32(b) AS CAST((trino_sized(b, 4) + 2147483648) % 4294967296 - 2147483648 AS INTEGER)",
    "trino_from_big_endian_64(b) AS CAST((trino_sized(b, 8) + 9223372036854775808) % 18446744073709551616 "
    "- 9223372036854775808 AS BIGINT)",
    "trino_hex_digits(s) AS CASE WHEN regexp_full_match(s, '([0-9a-fA-F]{2})*') THEN s WHEN s IS NOT NULL "
    "THEN error('INVALID_FUNCTION_ARGUMENT: hex encode string is not valid: ' || s) END",
    "trino_big_endian(x) AS lpad(hex(CAST(x AS BIGINT)), 16, '0')",
    "trino_from_utf8(b) AS CASE WHEN b IS NULL THEN NULL ELSE coalesce(TRY(decode(b)), error('NOT_SUPPORTED: "
    "from_utf8 of bytes that are no UTF-8 is not supported by the local Athena')) END",
)

define(
    PAGE,
    "scalar",
    ("length(varbinary) -> bigint", "octet_length({0})"),
    ("lpad(varbinary, bigint, varbinary) -> varbinary", "unhex(trino_lpad(hex({0}), 2 * {1}, hex({2})))"),
    ("rpad(varbinary, bigint, varbinary) -> varbinary", "unhex(trino_rpad(hex({0}), 2 * {1}, hex({2})))"),
    ("substr(varbinary, bigint) -> varbinary", "unhex(trino_bytes_from({0}, {1}))"),
    ("substr(varbinary, bigint, bigint) -> varbinary", "unhex(trino_bytes_of({0}, {1}, {2}))"),
    ("reverse(varbinary) -> varbinary",
     "unhex(array_to_string(list_reverse(regexp_extract_all(hex({0}), '..')), ''))"),
    ("to_utf8(varchar) -> varbinary", "encode({0})"),
    ("from_utf8(varbinary) -> varchar", "trino_from_utf8({0})"),
    ("from_utf8(varbinary, varchar) -> varchar", "CASE WHEN length({1}) < 2 THEN trino_from_utf8({0}) "
     "WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN error('INVALID_FUNCTION_ARGUMENT: Replacement character string "
     "must empty or a single character') END"),
    ("to_hex(varbinary) -> varchar", "hex({0})"),
    ("from_hex(varchar) -> varbinary", "unhex(trino_hex_digits({0}))"),
    ("to_base64(varbinary) -> varchar", "to_base64({0})"),
    ("from_base64(varchar) -> varbinary", "from_base64({0})"),
    ("to_base64url(varbinary) -> varchar", "translate(to_base64({0}), '+/', '-_')"),
    ("from_base64url(varchar) -> varbinary", "from_base64(translate({0}, '-_', '+/'))"),
    ("from_big_endian_32(varbinary) -> integer", "trino_from_big_endian_32({0})"),
    ("from_big_endian_64(varbinary) -> bigint", "trino_from_big_endian_64({0})"),
    ("to_big_endian_32(integer) -> varbinary", "unhex(right(trino_big_endian({0}), 8))"),
    ("to_big_endian_64(bigint) -> varbinary", "unhex(trino_big_endian({0}))"),
    ("md5(varbinary) -> varbinary", "unhex(md5({0}))"),
    ("sha1(varbinary) -> varbinary", "unhex(sha1({0}))"),
    ("sha256(varbinary) -> varbinary", "unhex(sha256({0}))"),
)  # fmt: skip
