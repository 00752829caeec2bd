"""SQL that may fail, and the same SQL failing in a way that the engine's TRY and OVER can do with.

Our rules fail through the engine's `error(…)`, directly or inside a `trino_…` macro. Every macro has two twins that
fail through a cast, `steady_trino_…` and, but for what is refused, `tried_trino_…`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

RAISED = "salespipe raises "
"""Before what a cast is said to fail with; MACROS has the one that does."""
REFUSED = "Invalid escape string"
"""What an error says that TRY lets through."""
MACROS = (
    f"trino_raised(said) AS CASE WHEN CAST('{RAISED}' || said AS INTEGER) IS NULL THEN NULL END",
    "trino_refused(said) AS CASE WHEN like_escape(said, said, 'no') IS NULL THEN NULL END",
)

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_ALIAS = re.compile(r"\b([a-z]\d+)\.")
_ERROR = re.compile(r"\berror\(")
_OWN = re.compile(r"\btrino_(?!raised\(|refused\()")
_RISKY = re.compile(r"\berror\(|\btrino_|//|\bCAST\(")


def may_fail(sql: str) -> bool:
    """Whether evaluating it may raise an error."""
    return any(_RISKY.search(part) for part, is_text in unquoted(sql) if not is_text)


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
    return {name for part, is_text in unquoted(sql) if not is_text for name in _ALIAS.findall(part)}


def steady(sql: str) -> str:
    """The same expression for the OVER of a window: the engine takes `error(…)` for something that may be another thing
    each time, and wants none there. So a cast fails in its place."""
    return _raising(sql, "steady_")


def tried(sql: str) -> str:
    """The same expression for the engine's TRY, which does not take `error(…)` and does see a cast that fails. What is
    refused stays so, by an error that TRY lets through. (TryFunction.propagateIfUnhandled in Trino's source.)"""
    return _raising(sql, "tried_", "'NOT_SUPPORTED:")


def _raising(sql: str, prefix: str, refused: str | None = None) -> str:
    """With a cast that fails for every error but those whose text begins with `refused`; of our macros the twins."""
    parts = list(unquoted(sql))
    shown = []
    for (part, is_text), following in zip(parts, [*(text for text, _ in parts[1:]), ""], strict=True):
        if is_text:
            shown.append(part)
            continue
        changed = _ERROR.sub("trino_raised(", _OWN.sub(f"{prefix}trino_", part))
        if refused is not None and following.startswith(refused) and changed.endswith("trino_raised("):
            changed = changed.removesuffix("raised(") + "refused("
        shown.append(changed)
    return "".join(shown)


def unquoted(sql: str) -> Iterator[tuple[str, bool]]:
    """The text cut into what is quoted and what is not."""
    position = 0
    for quoted in _QUOTED.finditer(sql):
        yield sql[position : quoted.start()], False
        yield quoted.group(), True
        position = quoted.end()
    yield sql[position:], False
