"""Commands of two words beside one that takes any text: `query history` beside `query "SELECT 1"`.

They are registered under both words. Of what follows `query` the first word that is no option, nor the value of one,
decides; so options may stand on either side, as everywhere. No statement of SQL is one of these words alone.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """The commands of the root."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        words = _words(command, rest)
        for place in words:
            if _is_comment(rest[place]):
                rest[place] = f" {rest[place]}"  # which no parser takes for an option
        if not words or f"{name} {rest[words[0]]}" not in self.commands:
            return name, command, rest
        both = f"{name} {rest.pop(words[0])}"
        return both, self.commands[both], rest


def _words(command: Any, args: list[str]) -> list[int]:
    """Where the arguments of `command` stand that are no options."""
    with_value = {option for each in command.params if not getattr(each, "is_flag", True) for option in each.opts}
    found, place = [], 0
    while place < len(args) and args[place] != "--":
        if not args[place].startswith("-") or args[place] == "-" or _is_comment(args[place]):
            found.append(place)
        place += 2 if args[place] in with_value else 1
    return found


def _is_comment(word: str) -> bool:
    """How a statement of SQL may begin, and no option does."""
    return word.startswith("--") and word[2:3].isspace()
