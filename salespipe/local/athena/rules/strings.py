r"""Texts: https://trino.io/docs/current/functions/string.html

Positions count code points from 1. What the engine does otherwise and is put right here: substr with start 0 or
before the text, split_part behind the end (NULL, not ''), replace with an empty search, lpad of a text that is too
long, concat with NULL.
"""

from __future__ import annotations

from salespipe.local.athena.calls import Arguments
from salespipe.local.athena.casts import converted, converted_or_none
from salespipe.local.athena.concatenation import concatenated
from salespipe.local.athena.errors import NotSupported, QueryFailure
from salespipe.local.athena.rules.registry import built, define, macros
from salespipe.local.athena.scope import Typed
from salespipe.local.athena.types import TEXT, VARCHAR, array, text

PAGE = "functions/string.html"
# Character.isWhitespace
_WHITESPACE = (
    " \t\n\x0b\x0c\r\x1c\x1d\x1e\x1f\u1680"
    + "".join(map(chr, (*range(0x2000, 0x2007), 0x2008, 0x2009, 0x200A)))
    + ("\u2028\u2029\u205f\u3000")
)

macros(
    # of one sign, as Java has it, where the engine makes a capital sign of ß
    "trino_upper(s) AS CASE WHEN contains(s, 'ß') THEN array_to_string(list_transform(string_split(s, 'ß'), "
    "lambda p: upper(p)), 'ß') ELSE upper(s) END",
    "trino_substr(s, p) AS CASE WHEN p = 0 OR abs(p) > length(s) THEN CASE WHEN s IS NULL OR p IS NULL THEN "
    "NULL ELSE '' END "
    "WHEN p > 0 THEN substring(s, p) ELSE substring(s, length(s) + p + 1) END",
    "trino_substr_n(s, p, n) AS CASE WHEN s IS NULL OR p IS NULL OR n IS NULL THEN NULL WHEN n <= 0 THEN '' "
    "ELSE left(trino_substr(s, p), n) END",
    "trino_split_part(s, d, i) AS CASE WHEN s IS NULL OR d IS NULL THEN NULL WHEN i <= 0 THEN "
    "error('INVALID_FUNCTION_ARGUMENT: Index must be "
    "greater than zero') "
    "WHEN d = '' THEN CASE WHEN i <= length(s) THEN s[i] END "
    "WHEN i > len(string_split(s, d)) THEN NULL ELSE string_split(s, d)[i] END",
    "trino_strpos(s, f) AS CASE WHEN f = '' THEN CASE WHEN s IS NULL THEN NULL ELSE 1 END ELSE strpos(s, f) END",
    # Matches may overlap; a negative number counts from the end.
    "trino_places(s, f) AS list_filter(range(1, length(s) - length(f) + 2), lambda i: s[i:i + length(f) - 1] = f)",
    "trino_strpos_n(s, f, n) AS CASE WHEN s IS NULL OR f IS NULL THEN NULL WHEN n = 0 THEN "
    "error('INVALID_FUNCTION_ARGUMENT: ''instance'' must be "
    "a positive or negative number.') WHEN s IS NULL OR f IS NULL OR n IS NULL THEN NULL "
    "WHEN f = '' THEN CASE WHEN n > 0 THEN 1 ELSE length(s) + 1 END ELSE coalesce(trino_places(s, f)[n], 0) END",
    "trino_luhn(s) AS CASE WHEN s IS NULL THEN NULL WHEN s = '' THEN false WHEN NOT regexp_full_match(s, '[0-9]+') "
    "THEN error('INVALID_FUNCTION_ARGUMENT: Input contains non-digit characters') "
    "ELSE list_sum(list_transform(string_split(reverse(s), ''), lambda c, i: CASE WHEN i % 2 = 1 "
    "THEN CAST(c AS INTEGER) ELSE CAST(c AS INTEGER) * 2 - CASE WHEN c >= '5' THEN 9 ELSE 0 END END)) % 10 = 0 END",
    "trino_lpad(s, n, f) AS CASE WHEN s IS NULL OR n IS NULL THEN NULL WHEN f = '' THEN "
    "error('INVALID_FUNCTION_ARGUMENT: Padding string must not be empty') "
    "WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]') "
    "ELSE lpad(s, CAST(n AS INTEGER), f) END",
    "trino_rpad(s, n, f) AS CASE WHEN s IS NULL OR n IS NULL THEN NULL WHEN f = '' THEN "
    "error('INVALID_FUNCTION_ARGUMENT: Padding string must not be empty') "
    "WHEN n < 0 THEN error('INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]') "
    "ELSE rpad(s, CAST(n AS INTEGER), f) END",
    # An empty search puts the replacement in front of every character and behind the last.
    "trino_replace(s, f, r) AS CASE WHEN f = '' THEN r || array_to_string(list_transform(string_split(s, ''), "
    "lambda c: c || r), '') ELSE replace(s, f, r) END",
    "trino_codepoint(s) AS CASE WHEN length(s) = 1 THEN unicode(s) "
    "WHEN s IS NOT NULL THEN error('INVALID_FUNCTION_ARGUMENT: Input string must be a single character string') END",
    "trino_chr(n) AS CASE WHEN n NOT BETWEEN 0 AND 1114111 THEN error('INVALID_FUNCTION_ARGUMENT: Not a valid Unicode "
    "code point: ' || n) ELSE chr(CAST(n AS INTEGER)) END",
    "trino_hamming(s, t) AS CASE WHEN length(s) <> length(t) THEN error('INVALID_FUNCTION_ARGUMENT: The input strings "
    "to hamming_distance function must have the same length') WHEN s = '' AND t = '' THEN 0 ELSE hamming(s, t) END",
    "trino_translate(s, f, t) AS translate(s, f, t)",
    "trino_split(s, d) AS CASE WHEN s IS NULL OR d IS NULL THEN NULL WHEN d = '' THEN "
    "error('INVALID_FUNCTION_ARGUMENT: The delimiter may not be "
    "the empty string') "
    "ELSE string_split(s, d) END",
    "trino_levenshtein(a, b) AS CASE WHEN least(length(a), length(b)) > 0 AND greatest(length(a), length(b)) "
    "* (least(length(a), length(b)) - 1) > 1000000 THEN error('INVALID_FUNCTION_ARGUMENT: The combined inputs for "
    "Levenshtein distance are too large') ELSE levenshtein(a, b) END",
    "trino_split_n(s, d, n) AS CASE WHEN s IS NULL OR d IS NULL OR n IS NULL THEN NULL WHEN n <= 0 THEN "
    "error('INVALID_FUNCTION_ARGUMENT: Limit must be positive') "
    "WHEN n > 2147483647 THEN error('INVALID_FUNCTION_ARGUMENT: Limit is too large') "
    "WHEN len(trino_split(s, d)) <= n THEN trino_split(s, d) "
    "ELSE list_concat(trino_split(s, d)[1:n - 1], [trino_joined(trino_split(s, d)[n:], d)]) END",
)

define(
    PAGE,
    "scalar",
    ("length(varchar) -> bigint", "length({0})"),
    ("char_length(varchar) -> bigint", "length({0})"),
    ("character_length(varchar) -> bigint", "length({0})"),
    ("lower(varchar) -> varchar", "lower({0})"),
    ("upper(varchar) -> varchar", "trino_upper({0})"),
    ("lower(C) -> C", "lower({0})"),
    ("upper(C) -> C", "trino_upper({0})"),
    ("reverse(varchar) -> varchar", "reverse({0})"),
    ("reverse(array(T)) -> array(T)", "list_reverse({0})"),
    ("substr(varchar, bigint) -> varchar", "trino_substr({0}, {1})"),
    ("substr(varchar, bigint, bigint) -> varchar", "trino_substr_n({0}, {1}, {2})"),
    ("substring(varchar, bigint) -> varchar", "trino_substr({0}, {1})"),
    ("substring(varchar, bigint, bigint) -> varchar", "trino_substr_n({0}, {1}, {2})"),
    ("replace(varchar, varchar) -> varchar", "CASE WHEN {1} = '' THEN {0} ELSE replace({0}, {1}, '') END"),
    ("replace(varchar, varchar, varchar) -> varchar", "trino_replace({0}, {1}, {2})"),
    ("split(varchar, varchar) -> array(varchar)", "trino_split({0}, {1})"),
    ("split(varchar, varchar, bigint) -> array(varchar)", "trino_split_n({0}, {1}, {2})"),
    ("split_part(varchar, varchar, bigint) -> varchar", "trino_split_part({0}, {1}, {2})"),
    ("strpos(varchar, varchar) -> bigint", "CAST(trino_strpos({0}, {1}) AS BIGINT)"),
    ("strpos(varchar, varchar, bigint) -> bigint", "CAST(trino_strpos_n({0}, {1}, {2}) AS BIGINT)"),
    ("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})"),
    ("lpad(varchar, bigint, varchar) -> varchar", "trino_lpad({0}, {1}, {2})"),
    ("rpad(varchar, bigint, varchar) -> varchar", "trino_rpad({0}, {1}, {2})"),
    ("chr(bigint) -> varchar", "trino_chr({0})"),
    ("codepoint(varchar) -> integer", "trino_codepoint({0})"),
    ("levenshtein_distance(varchar, varchar) -> bigint", "trino_levenshtein({0}, {1})"),
    ("hamming_distance(varchar, varchar) -> bigint", "trino_hamming({0}, {1})"),
    ("luhn_check(varchar) -> boolean", "trino_luhn({0})"),
    ("translate(varchar, varchar, varchar) -> varchar", "trino_translate({0}, {1}, {2})"),
)


@built(PAGE, "scalar", "trim", "ltrim", "rtrim")
def trimmed(call: Arguments) -> Typed:
    """Without what Java calls whitespace, or without the characters given; the padding of a char goes first."""
    call.expect(1, 2)
    value, text_ = call.value(0), converted_or_none(call.value(0), VARCHAR)
    if text_ is None and value.type.name != "char":
        raise call.unfit()
    sql = f"rtrim({value.sql}, ' ')" if value.type.name == "char" else converted(value, VARCHAR).sql
    if len(call.trees) == 1:
        return Typed(f"{call.name}({sql}, {text(_WHITESPACE)})", VARCHAR)
    signs = converted_or_none(call.value(1), VARCHAR)
    if signs is None:
        raise call.unfit()
    return Typed(f"{call.name}({sql}, {signs.sql})", VARCHAR)


@built(PAGE, "scalar", "concat")
def concat(call: Arguments) -> Typed:
    """Texts, arrays or binaries in a row; NULL among them gives NULL."""
    if len(call.trees) < 2:
        message = "There must be two or more concatenation arguments"
        raise QueryFailure("INVALID_FUNCTION_ARGUMENT", message, call.at)
    values = call.values()
    whole = values[0]
    for value in values[1:]:
        whole = concatenated(whole, value, call.at)
    return whole


@built(PAGE, "scalar", "concat_ws")
def concat_ws(call: Arguments) -> Typed:
    """Texts with a separator between; NULLs are left out, a NULL separator gives NULL."""
    if len(call.trees) < 2:
        raise call.unfit()
    values = call.values()
    if len(values) == 2 and values[1].type.name == "array":
        texts, separator = converted_or_none(values[1], array(VARCHAR)), converted_or_none(values[0], VARCHAR)
        if texts is None or separator is None:
            raise call.unfit()
        joined = f"list_filter({texts.sql}, lambda e: e IS NOT NULL)"
        return Typed(f"trino_join({joined}, {separator.sql})", VARCHAR)
    if any(value.type.name not in (*TEXT, "unknown") for value in values):
        raise call.unfit()
    return Typed(f"concat_ws({', '.join(converted(value, VARCHAR).sql for value in values)})", VARCHAR)


@built(PAGE, "scalar", "normalize")
def normalize(call: Arguments) -> Typed:
    """Composed characters: the form NFC, which is also the default."""
    call.expect(1, 2)
    value = converted_or_none(call.value(0), VARCHAR)
    if value is None:
        raise call.unfit()
    form = call.trees[1].name.upper() if len(call.trees) == 2 else "NFC"
    if form != "NFC":
        raise NotSupported(f"normalize to the form {form}", call.at)
    return Typed(f"nfc_normalize({value.sql})", VARCHAR)


@built(PAGE, "scalar", "typeof")
def type_of(call: Arguments) -> Typed:
    """The name of an expression's type: https://trino.io/docs/current/functions/conversion.html#typeof"""
    call.expect(1)
    value = call.value(0)
    name = f"'{value.type}'"
    # The value is kept: an aggregate without GROUP BY is one row, whatever is asked of it.
    return Typed(f"CASE WHEN {value.sql} IS NULL THEN {name} ELSE {name} END", VARCHAR)


@built(PAGE, "scalar", "soundex", "word_stem")
def refused(call: Arguments) -> Typed:
    """Known to Athena, not here."""
    raise NotSupported(f"function {call.name}", call.at)
