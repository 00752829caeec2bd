"""URLs: https://trino.io/docs/current/functions/url.html"""

from __future__ import annotations

from salespipe.local.athena.rules.registry import define, macros

PAGE = "functions/url.html"
_SCHEME = "[A-Za-z][A-Za-z0-9+.-]*"
# Java's classes: what is not ASCII may stand anywhere, unless it is a control character or a space.
_ANY = r"%[0-9A-Fa-f]{2}|[^\x00-\x{9F}\p{Z}]"
_PLAIN = r"A-Za-z0-9_.!~*''()@&=+$,;:\-"
_URIC = rf"(?:[{_PLAIN}/?\[\]]|{_ANY})*"
_PATH = rf"(?:[{_PLAIN}/]|{_ANY})*"
_AUTHORITY = rf"(?:[{_PLAIN}\[\]]|{_ANY})"
_HIERARCHY = rf"(?://{_AUTHORITY}+(?:/{_PATH})?|///{_PATH}|/(?:[{_PLAIN}]|{_ANY}){_PATH}|/)"
_RELATIVE = rf"(?:{_HIERARCHY}|(?:(?:[{_PLAIN.replace(':', '')}]|{_ANY})+(?:/{_PATH})?)?)"
_VALID = (
    rf"(?:{_SCHEME}:(?:{_HIERARCHY}(?:\?{_URIC})?|(?:[{_PLAIN}?\[\]]|{_ANY}){_URIC})|{_RELATIVE}(?:\?{_URIC})?)"
    rf"(?:#{_URIC})?|(?:{_SCHEME}:)?//(?:\?{_URIC}(?:#{_URIC})?|#{_URIC})"  # no authority, where something follows
)
_PARTS = rf"^(?:({_SCHEME}):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_LAST_LABEL = "[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_HOST = rf"\d{{1,3}}(?:\.\d{{1,3}}){{3}}|(?:{_LABEL}\.)*{_LAST_LABEL}\.?|{_LABEL}|\[[0-9A-Za-z:.%]+\]"
_SERVER = rf"^(?:[^@]*@)?({_HOST})(?::(\d*))?$"

macros(
    "trino_form_decode(s) AS url_decode(replace(s, '+', ' '))",
    # NULL for what java.net.URI does not read; of `mailto:a@b` there is a scheme and a fragment
    f"trino_url_part(u, g) AS CASE WHEN NOT regexp_full_match(u, '{_VALID}') THEN NULL "
    f"WHEN g BETWEEN 2 AND 4 AND regexp_matches(u, '^{_SCHEME}:[^/]') THEN '' "
    f"WHEN u IS NOT NULL THEN regexp_extract(u, '{_PARTS}', g) END",
    f"trino_url_server(u, g) AS regexp_extract(trino_url_part(u, 2), '{_SERVER}', g)",
    # the first of the name; the value of `a` alone is an empty text
    "trino_url_parameter(u, n) AS list_transform(list_filter(string_split(trino_url_part(u, 4), '&'), "
    "lambda p: split_part(p, '=', 1) = n), "
    "lambda p: trino_form_decode(CASE WHEN contains(p, '=') THEN p[strpos(p, '=') + 1:] ELSE '' END))[1]",
)

define(
    PAGE,
    "scalar",
    ("url_extract_protocol(varchar) -> varchar", "trino_url_part({0}, 1)"),
    ("url_extract_host(varchar) -> varchar", "trino_url_server({0}, 1)"),
    ("url_extract_port(varchar) -> bigint", "TRY_CAST(trino_url_server({0}, 2) AS BIGINT)"),
    ("url_extract_path(varchar) -> varchar", "url_decode(trino_url_part({0}, 3))"),
    ("url_extract_query(varchar) -> varchar", "url_decode(trino_url_part({0}, 4))"),
    ("url_extract_fragment(varchar) -> varchar", "url_decode(trino_url_part({0}, 5))"),
    ("url_extract_parameter(varchar, varchar) -> varchar", "trino_url_parameter({0}, {1})"),
    # Java's form encoding: + for a blank, * as it is, ~ escaped
    (
        "url_encode(varchar) -> varchar",
        "replace(replace(replace(url_encode({0}), '%20', '+'), '%2A', '*'), '~', '%7E')",
    ),
    ("url_decode(varchar) -> varchar", "trino_form_decode({0})"),
)
