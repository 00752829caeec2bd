"""SQL that may fail, and the same SQL giving NULL instead.

Our rules fail through the engine's `error(…)`, directly or inside a `trino_…` macro. Every macro has a twin,
`null_trino_…`, one that just refuses, `only_trino_…`, and one that fails in another way, `steady_trino_…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

RAISED = "salespipe raises "
"""Before what a cast is said to fail with; MACROS has the one that does."""
MACROS = (f"trino_raised(said) AS CASE WHEN CAST('{RAISED}' || said AS INTEGER) IS NULL THEN NULL END",)

_REFUSAL = "'NOT_SUPPORTED: "
_MACRO = re.compile(r"\btrino_\w+")
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_ALIAS = re.compile(r"\b([a-z]\d+)\.")
_RISKY = re.compile(r"\berror\(|\btrino_|//|\bCAST\(")


def may_fail(sql: str) -> bool:
    """Whether evaluating it may raise an error."""
    return any(_RISKY.search(part) for part, is_text in _parts(sql) if not is_text)


def conjunction(parts: Sequence[str]) -> str:
    """AND of conditions, in which one that may fail is only looked at where those before it do not say no.

    `b <> 0 AND a / b > 1` counts on that, and the engine is free to begin with any of them. A condition on several
    relations stays as it is, so that the engine can join by it; Trino, too, evaluates it apart from the others.
    """
    shown = []
    for index, part in enumerate(parts):
        mentioned = _relations(part)
        guards = [before for before in parts[:index] if _relations(before) <= mentioned]
        if guards and len(mentioned) < 2 and may_fail(part):
            shown.append(f"CASE WHEN NOT ({' AND '.join(guards)}) THEN false ELSE {part} END")
        else:
            shown.append(part)
    return f"({' AND '.join(shown)})" if len(shown) > 1 else shown[0]


def _relations(sql: str) -> set[str]:
    """The aliases in an expression."""
    return {name for part, is_text in _parts(sql) if not is_text for name in _ALIAS.findall(part)}


def without_errors(sql: str) -> str:
    """The same expression with NULL wherever one of our own errors would be raised."""
    return _without_errors(sql, "null_", but="")


def refusals(sql: str) -> str:
    """The same expression with NULL for every error of ours but that something is not supported."""
    return _without_errors(sql, "only_", but=_REFUSAL)


def _without_errors(sql: str, prefix: str, but: str) -> str:
    start = _error(sql, but)
    while start is not None:
        end = _closing(sql, start + len("error"))
        sql = f"{sql[:start]}NULL{sql[end:]}"
        start = _error(sql, but)
    return "".join(part if is_text else re.sub(r"\btrino_", f"{prefix}trino_", part) for part, is_text in _parts(sql))


def may_refuse(sql: str, macros: Mapping[str, str]) -> bool:
    """Whether it may say that something is not supported; `macros` are their definitions by name."""
    if _REFUSAL in sql:
        return True
    return any(may_refuse(macros[name].partition("AS")[2], macros) for name in _MACRO.findall(sql) if name in macros)


def steady(sql: str) -> str:
    """The same expression for the OVER of a window: the engine takes `error(…)` for something that may be another thing
    each time, and wants none there. So a cast fails in its place."""
    own = (
        part if is_text else re.sub(r"\b(?=(only_)?trino_(?!raised\())", "steady_", part)
        for part, is_text in _parts(sql)
    )
    return "".join(
        part if is_text else re.sub(r"\berror\(", "trino_raised(", part) for part, is_text in _parts("".join(own))
    )


def _error(sql: str, but: str) -> int | None:
    """Where the first `error(…)` is whose text does not begin with `but`."""
    position = 0
    for part, is_text in _parts(sql):
        for found in [] if is_text else re.finditer(r"\berror\(", part):
            if not but or not sql.startswith(but, position + found.end()):
                return position + found.start()
        position += len(part)
    return None


def _closing(sql: str, opening: int) -> int:
    depth, position = 0, opening
    while True:
        quoted = _QUOTED.match(sql, position)
        if quoted:
            position = quoted.end()
            continue
        depth += {"(": 1, ")": -1}.get(sql[position], 0)
        position += 1
        if depth == 0:
            return position


def _parts(sql: str) -> Iterator[tuple[str, bool]]:
    """The text cut into what is quoted and what is not."""
    position = 0
    for quoted in _QUOTED.finditer(sql):
        yield sql[position : quoted.start()], False
        yield quoted.group(), True
        position = quoted.end()
    yield sql[position:], False
