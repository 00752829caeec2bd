"""What can be done with queries besides asking one, by the word that follows `salespipe query`."""

from __future__ import annotations

from collections.abc import Callable

from salespipe.cli.commands.queries.delete import delete
from salespipe.cli.commands.queries.history import history
from salespipe.cli.commands.queries.list_ import list_
from salespipe.cli.commands.queries.run import run
from salespipe.cli.commands.queries.save import save
from salespipe.cli.commands.queries.show import show

SUBCOMMANDS: dict[str, Callable[..., None]] = {
    "history": history,
    "show": show,
    "save": save,
    "run": run,
    "list": list_,
    "delete": delete,
}
