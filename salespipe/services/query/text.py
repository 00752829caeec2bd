"""A statement as text: where it ends, and where its parameters stand.

Only what strings, quoted names and comments hide has to be known for that; all else is Athena's to judge.
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements.html
"""

from __future__ import annotations

import re

from salespipe.errors import UsageError

# What is not closed reaches to the end of the text.
_HIDDEN = r"'(?:[^']|'')*(?:'|\Z)|\"(?:[^\"]|\"\")*(?:\"|\Z)|`[^`]*(?:`|\Z)|--[^\n]*|/\*.*?(?:\*/|\Z)"
_SIGN = re.compile(rf"(?P<hidden>{_HIDDEN})|(?P<sign>[;?])", re.DOTALL)
_COMMENT = re.compile(rf"(?P<text>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`)|{_HIDDEN}", re.DOTALL)
_CLOSED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|--[^\n]*|/\*.*?\*/", re.DOTALL)
_LITERAL = re.compile(
    r"-?\d+(\.\d+)?([eE][+-]?\d+)?|true|false|null|((date|timestamp|decimal)\s+)?'([^']|'')*'", re.IGNORECASE
)
_QUOTED = re.compile(r"((date|timestamp|decimal)\s+)?'", re.IGNORECASE)


def statements(sql: str) -> list[str]:
    """The statements of a text, without the semicolons between them; none is blank or nothing but comments."""
    ends = [match.start() for match in _SIGN.finditer(sql) if match["sign"] == ";"]
    parts = [sql[start:end].strip() for start, end in zip([0, *(end + 1 for end in ends)], [*ends, None], strict=True)]
    return [part for part in parts if _COMMENT.sub(lambda match: match["text"] or "", part).strip()]


def is_finished(sql: str) -> bool:
    """Whether the last thing in the text, but for comments, is the semicolon that ends a statement."""
    last = None
    for last in _SIGN.finditer(sql):
        if last["sign"] == ";" and not _COMMENT.sub(lambda m: m["text"] or "", sql[last.end() :]).strip():
            return True
    return False


def unclosed(sql: str) -> int | None:
    """Where the string, the quoted name or the comment begins that never ends."""
    for match in _SIGN.finditer(sql):
        if match["hidden"] and not _CLOSED.fullmatch(match["hidden"]):
            return match.start()
    return None


def words(sql: str) -> set[str]:
    """The words and names of a text in lower case, but not what strings and comments say."""
    return {word.lower() for word in re.findall(r"\w+", _COMMENT.sub(_without_strings, sql))}


def _without_strings(match: re.Match[str]) -> str:
    kept = match["text"] or ""
    return " " if kept.startswith("'") else f" {kept} "


def told_apart(sql: str, who: str) -> str:
    """A statement that nobody typed, with a comment before it that says so in the history of any client. For those
    that Trino parses: Athena's DDL of Hive's grammar refuses one (https://github.com/Tomme/dbt-athena/pull/64)."""
    return f"/* salespipe {who} */ {sql}"


def placeholders(sql: str) -> int:
    """How many `?` wait for a value. (In MATCH_RECOGNIZE it may also be a quantifier.)"""
    return sum(match["sign"] == "?" for match in _SIGN.finditer(sql))


def literal(value: str) -> str:
    """The SQL literal for one parameter as a person types it: numbers, true, false, NULL, quoted strings and DATE,
    TIMESTAMP and DECIMAL literals as they are, anything else as a string (`'5905'` is the string of a number). Raises
    UsageError for what begins as a quoted string and is none."""
    if _LITERAL.fullmatch(value.strip()):
        return value.strip()
    text = "'" + value.replace("'", "''") + "'"
    if _QUOTED.match(value.strip()):
        raise UsageError(
            f"--param {value} begins with a quotation mark and is not one quoted text",
            f'quotation marks in a text are doubled; if they all belong to it: --param "{text}"',
        )
    return text
