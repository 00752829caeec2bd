"""The examples that the local Athena does not answer, with what its refusal names."""

from __future__ import annotations

REFUSED: dict[str, str] = {
    (
        "SELECT listagg(value, ',' ON OVERFLOW TRUNCATE '.....' WITH COUNT) WITHIN GROUP (ORDER BY "
        "value) FROM (VALUES 'a', 'b', 'c') t(value)"
    ): "ON OVERFLOW TRUNCATE",
    "cardinality(shuffle(ARRAY[1, 2, 3]))": "function shuffle",
    "to_base32(to_utf8('hello'))": "function to_base32",
    "from_base32('NBSWY3DP')": "function from_base32",
    "to_ieee754_64(1e0)": "function to_ieee754_64",
    "crc32(to_utf8('hello'))": "function crc32",
    "murmur3(from_base64('aaaaaa'))": "function murmur3",
    "format_number(123456)": "function format_number",
    "format_number(1000000)": "function format_number",
    "from_iso8601_timestamp_nanos('2020-05-11T11:15:05.123456789+01:00')": "function from_iso8601_timestamp_nanos",
    "from_unixtime_nanos(100)": "function from_unixtime_nanos",
    "timezone(TIMESTAMP '2024-01-01 12:00:00 Asia/Tokyo')": "function timezone",
    "timezone(TIMESTAMP '2024-01-01 12:00:00 +01:00')": "function timezone",
    "timezone(TIMESTAMP '2024-02-29 12:00:00 UTC')": "function timezone",
    "typeof(DECIMAL '0000012345.1234500000')": "a DECIMAL literal with leading zeros",
    'json_array_get(\'["a", [3, 9], "c"]\', 0)': "json_array_get of a text",
    'json_array_get(\'["c", [3, 9], "a"]\', -1)': "json_array_get of a text",
    (
        "SELECT id, json_exists(description, 'lax $.children[*]?(@ > 10)') FROM (VALUES (101, '{\"co"
        'mment" : "nice", "children" : [10, 13, 16]}\'), (102, \'{"comment" : "problematic", "childre'
        'n" : [8, 11]}\'), (103, \'{"comment" : "knows best", "children" : [2]}\')) customers(id, desc'
        "ription)"
    ): "function json_exists",
    (
        "SELECT id, json_query(description, 'lax $.children') AS children FROM (VALUES (101, '{\"com"
        'ment" : "nice", "children" : [10, 13, 16]}\'), (102, \'{"comment" : "problematic", "children'
        '" : [8, 11]}\'), (103, \'{"comment" : "knows best", "children" : [2]}\')) customers(id, descr'
        "iption)"
    ): "function json_query",
    (
        "SELECT id, json_value(description, 'lax $.comment' RETURNING char(12)) FROM (VALUES (101, "
        '\'{"comment" : "nice", "children" : [10, 13, 16]}\'), (102, \'{"comment" : "problematic", "ch'
        'ildren" : [8, 11]}\'), (103, \'{"comment" : "knows best", "children" : [2]}\')) customers(id,'
        " description)"
    ): "function json_value",
    "json_object('key1' : 1, 'key2' : true)": "function json_object",
    "json_array(true, 12e-1, 'text')": "function json_array",
    (
        "regexp_replace('once upon a time ...', '^(\\w)(\\w*)(\\s+.*)$',x -> upper(x[1]) || x[2] || x[3])"
    ): "regexp_replace with an argument 3",
    (
        "SELECT reduce_agg(value, 0, (a, b) -> a + b, (a, b) -> a + b) sum_values FROM (VALUES (1),"
        " (2), (3), (4), (5)) AS t(value)"
    ): "function reduce_agg",
    "cosine_similarity(MAP(ARRAY['a'], ARRAY[1.0]), MAP(ARRAY['a'], ARRAY[2.0]))": "function cosine_similarity",
    "regexp_replace('new york', '(\\w)(\\w*)', x -> upper(x[1]) || lower(x[2]))": "regexp_replace with an argument 3",
    "SELECT (CAST(ROW(1, true) AS ROW(field1 bigint, field2 boolean))).* AS (alias1, alias2)": "ALIASES",
    "SELECT (CAST(ROW(1, true) AS ROW(field1 bigint, field2 boolean))).*": "this form of a dotted name",
    "SELECT (ROW(1, true)).*": "this form of a dotted name",
    "SELECT x FROM (VALUES 1, 1, 2) t(x) ORDER BY x FETCH FIRST ROW WITH TIES": "FETCH FIRST … WITH TIES",
    "soundex('CHYNA') = soundex('CHINA')": "function soundex",
    "word_stem('running')": "function word_stem",
    "length(normalize(chr(233), NFD))": "normalize to the form NFD",
    "from_utf8(X'61FF62')": "from_utf8 of bytes that are no UTF-8",
    "from_utf8(X'61FF62', '?')": "from_utf8 of bytes that are no UTF-8",
    "from_utf8(X'61FF62', '')": "from_utf8 of bytes that are no UTF-8",
    "0x0A": "the number 0x0A",
    "0o40": "the number 0o40",
    "0b1001": "the number 0b1001",
    "123_456.789_123": "the number 123_456",
    "cast(TIMESTAMP '2020-06-10 15:55:23.383345' as TIMESTAMP(12))": "more than 6 digits of a second, timestamp(12)",
    "IPADDRESS '10.0.0.1'": "the type ipaddress",
}
