"""Examples of https://trino.io/docs/current/functions/url.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/url.html"
EXAMPLES: Examples = [
    ("url_extract_fragment('https://trino.io/docs?x=1#top')", "top"),
    ("url_extract_host('https://trino.io/docs')", "trino.io"),
    ("url_extract_parameter('https://trino.io/docs?a=1&b=2&a=3', 'a')", "1"),
    ("url_extract_parameter('https://trino.io/docs?a=1', 'c')", None),
    ("url_extract_path('https://trino.io/docs/current?x=1')", "/docs/current"),
    ("url_extract_port('http://localhost:8080/req_path')", "8080"),
    ("url_extract_protocol('http://localhost:8080/req_path')", "http"),
    ("url_extract_protocol('https://127.0.0.1:8080/req_path')", "https"),
    ("url_extract_protocol('ftp://path/file')", "ftp"),
    ("url_extract_query('https://trino.io/docs?a=1&b=2')", "a=1&b=2"),
    ("url_encode('a.b-c*d_e f')", "a.b-c*d_e+f"),
    ("url_encode('é/?')", "%C3%A9%2F%3F"),
    ("url_decode('%C3%A9%2F%3F+x')", "é/? x"),
]
