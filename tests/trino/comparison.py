"""Examples of https://trino.io/docs/current/functions/comparison.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/comparison.html"
_CONTINENTS = "(VALUES 'America', 'Asia', 'Africa', 'Europe', 'Australia', 'Antarctica') AS t (continent)"
EXAMPLES: Examples = [
    ("1 < 2", "true"),
    ("1 > 2", "false"),
    ("1 <= 2", "true"),
    ("1 >= 2", "false"),
    ("1 = 2", "false"),
    ("1 <> 2", "true"),
    ("1 != 2", "true"),
    ("3 BETWEEN 2 AND 6", "true"),
    ("3 >= 2 AND 3 <= 6", "true"),
    ("3 NOT BETWEEN 2 AND 6", "false"),
    ("3 < 2 OR 3 > 6", "false"),
    ("NULL BETWEEN 2 AND 4", None),
    ("2 BETWEEN NULL AND 6", None),
    ("2 BETWEEN 3 AND NULL", "false"),
    ("8 BETWEEN NULL AND 6", "false"),
    ("'Paul' BETWEEN 'John' AND 'Ringo'", "true"),
    ("'John' BETWEEN 2.3 AND 35.2", "!TYPE_MISMATCH"),
    ("NULL IS NULL", "true"),
    ("3.0 IS NULL", "false"),
    ("NULL IS DISTINCT FROM NULL", "false"),
    ("NULL IS NOT DISTINCT FROM NULL", "true"),
    ("1 IS DISTINCT FROM 1", "false"),
    ("1 IS NOT DISTINCT FROM 1", "true"),
    ("1 IS DISTINCT FROM 2", "true"),
    ("1 IS NOT DISTINCT FROM 2", "false"),
    ("1 IS DISTINCT FROM NULL", "true"),
    ("1 IS NOT DISTINCT FROM NULL", "false"),
    ("1 = NULL", None),
    ("1 <> NULL", None),
    ("NULL = NULL", None),
    ("greatest(1, 3, 2)", "3"),
    ("greatest(1, NULL, 2)", None),
    ("least('b', 'a')", "a"),
    ("'hello' = ANY (VALUES 'hello', 'world')", "true"),
    ("21 < ALL (VALUES 19, 20, 21)", "false"),
    ("42 >= SOME (SELECT 41 UNION ALL SELECT 42 UNION ALL SELECT 43)", "true"),
    (f"SELECT * FROM {_CONTINENTS} WHERE continent LIKE 'E%'", [["Europe"]]),
    (
        f"SELECT * FROM {_CONTINENTS} WHERE continent NOT LIKE 'E%'",
        [["Africa"], ["America"], ["Antarctica"], ["Asia"], ["Australia"]],
    ),
    (f"SELECT * FROM {_CONTINENTS} WHERE continent LIKE 'A__a'", [["Asia"]]),
    (f"SELECT * FROM {_CONTINENTS} WHERE continent LIKE 'A__A'", []),
    (r"'South_America' LIKE 'South\_America' ESCAPE '\'", "true"),
    (r"'South America' LIKE 'South\_America' ESCAPE '\'", "false"),
    (r"'a\b' LIKE 'a\\b' ESCAPE '\'", "true"),
    ("'AMERICA' IN ('AMERICA', 'EUROPE')", "true"),
    ("'ASIA' NOT IN ('AMERICA', 'EUROPE')", "true"),
]
