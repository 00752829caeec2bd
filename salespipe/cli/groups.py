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
        place = _first_word(command, rest)
        if place is None or f"{name} {rest[place]}" not in self.commands:
            return name, command, rest
        both = f"{name} {rest[place]}"
        return both, self.commands[both], [*rest[:place], *rest[place + 1 :]]


def _first_word(command: Any, args: list[str]) -> int | None:
    """Where the first argument of `command` stands that is no option."""
    with_value = {option for each in command.params if not getattr(each, "is_flag", True) for option in each.opts}
    place = 0
    while place < len(args):
        if args[place] == "--":
            return None
        if not args[place].startswith("-") or args[place] == "-":
            return place
        place += 2 if args[place] in with_value else 1
    return None
