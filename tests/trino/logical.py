"""Examples of https://trino.io/docs/current/functions/logical.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/logical.html"
EXAMPLES: Examples = [
    ("CAST(null AS boolean) AND true", None),
    ("CAST(null AS boolean) AND false", "false"),
    ("CAST(null AS boolean) AND CAST(null AS boolean)", None),
    ("CAST(null AS boolean) OR CAST(null AS boolean)", None),
    ("CAST(null AS boolean) OR false", None),
    ("CAST(null AS boolean) OR true", "true"),
    ("true AND true", "true"),
    ("true AND false", "false"),
    ("true AND NULL", None),
    ("false AND true", "false"),
    ("false AND false", "false"),
    ("false AND NULL", "false"),
    ("NULL AND true", None),
    ("NULL AND false", "false"),
    ("NULL AND NULL", None),
    ("true OR true", "true"),
    ("true OR false", "true"),
    ("true OR NULL", "true"),
    ("false OR true", "true"),
    ("false OR false", "false"),
    ("false OR NULL", None),
    ("NULL OR true", "true"),
    ("NULL OR false", None),
    ("NULL OR NULL", None),
    ("NOT CAST(null AS boolean)", None),
    ("NOT true", "false"),
    ("NOT false", "true"),
]
