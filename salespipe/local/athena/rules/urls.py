"""URLs: https://trino.io/docs/current/functions/url.html"""

from __future__ import annotations

from salespipe.local.athena.rules.registry import define, macros

PAGE = "functions/url.html"
_URL = r"^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d+))?)?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$"

macros(
    "trino_form_decode(s) AS url_decode(replace(s, '+', ' '))",
    f"trino_url_part(u, g) AS CASE WHEN u IS NOT NULL THEN regexp_extract(u, '{_URL}', g) END",
    # the first of the name; the value of `a` alone is an empty text
    "trino_url_parameter(u, n) AS list_transform(list_filter(string_split(trino_url_part(u, 5), '&'), "
    "lambda p: trino_form_decode(split_part(p, '=', 1)) = n), "
    "lambda p: trino_form_decode(CASE WHEN contains(p, '=') THEN p[strpos(p, '=') + 1:] ELSE '' END))[1]",
)

define(
    PAGE,
    "scalar",
    ("url_extract_protocol(varchar) -> varchar", "trino_url_part({0}, 1)"),
    ("url_extract_host(varchar) -> varchar", "trino_url_part({0}, 2)"),
    ("url_extract_port(varchar) -> bigint", "TRY_CAST(trino_url_part({0}, 3) AS BIGINT)"),
    ("url_extract_path(varchar) -> varchar", "trino_url_part({0}, 4)"),
    ("url_extract_query(varchar) -> varchar", "trino_url_part({0}, 5)"),
    ("url_extract_fragment(varchar) -> varchar", "trino_url_part({0}, 6)"),
    ("url_extract_parameter(varchar, varchar) -> varchar", "trino_url_parameter({0}, {1})"),
    # Java's form encoding: + for a blank, * as it is, ~ escaped
    (
        "url_encode(varchar) -> varchar",
        "replace(replace(replace(url_encode({0}), '%20', '+'), '%2A', '*'), '~', '%7E')",
    ),
    ("url_decode(varchar) -> varchar", "trino_form_decode({0})"),
)
