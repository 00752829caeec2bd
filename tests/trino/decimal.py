"""Examples of https://trino.io/docs/current/functions/decimal.html"""

from __future__ import annotations

from tests.trino import Examples

PAGE = "functions/decimal.html"
EXAMPLES: Examples = [
    ("typeof(DECIMAL '0')", "decimal(1,0)"),
    ("typeof(DECIMAL '12345')", "decimal(5,0)"),
    ("typeof(DECIMAL '0000012345.1234500000')", "decimal(20,10)"),
    ("typeof(DECIMAL '1.5' + DECIMAL '10.25')", "decimal(5,2)"),
    ("typeof(DECIMAL '1.5' - DECIMAL '10.25')", "decimal(5,2)"),
    ("typeof(DECIMAL '1.5' * DECIMAL '10.25')", "decimal(6,3)"),
    ("typeof(DECIMAL '1.5' / DECIMAL '10.25')", "decimal(5,2)"),
    ("typeof(DECIMAL '1.5' % DECIMAL '10.25')", "decimal(3,2)"),
    ("DECIMAL '1.5' + DECIMAL '10.25'", "11.75"),
    ("DECIMAL '1.5' - DECIMAL '10.25'", "-8.75"),
    ("DECIMAL '1.5' * DECIMAL '10.25'", "15.375"),
    ("DECIMAL '1.5' / DECIMAL '10.25'", "0.15"),
    ("DECIMAL '1.5' % DECIMAL '10.25'", "1.50"),
    ("DECIMAL '99999999999999999999999999999999999999' + DECIMAL '1'", "!NUMERIC_VALUE_OUT_OF_RANGE"),
    ("DECIMAL '1.0' = DECIMAL '1.00'", "true"),
    ("-DECIMAL '1.50'", "-1.50"),
    ("typeof(-DECIMAL '1.50')", "decimal(3,2)"),
]
