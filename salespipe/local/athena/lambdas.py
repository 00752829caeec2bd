"""Fields of a lambda's parameter as the engine reads them everywhere.

In HAVING it takes `p.k` for a column `k` that is not grouped, and `(p).k` for what it is.
"""

from __future__ import annotations

import re

from salespipe.local.athena.failing import unquoted

_PARAMETERS = re.compile(r"\blambda ([a-z0-9_, ]+):")


def bracketed(sql: str) -> str:
    """The same SQL with every parameter of a lambda in brackets where a field of it is named."""
    names = {name for found in _PARAMETERS.findall(sql) for name in found.split(", ")}
    if not names:
        return sql
    field = re.compile(rf"(?<![\w.\"])({'|'.join(sorted(names))})\.")
    return "".join(part if is_text else field.sub(r"(\1).", part) for part, is_text in unquoted(sql))
