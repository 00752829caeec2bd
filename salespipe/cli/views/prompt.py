"""`salespipe query` without SQL: a prompt, with history and completion.

A statement may have many lines; Enter runs it once it ends with a semicolon. Ctrl-C drops what is typed, or stops the
query that runs, and the prompt comes back; Ctrl-D leaves. An error is shown and the prompt comes back, too, unless the
other end is gone. SIGTERM ends it like any command.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from salespipe.cli.views import answers
from salespipe.cli.views.completion import Words
from salespipe.cli.views.console import Console
from salespipe.cli.views.failure import told
from salespipe.errors import SalespipeError, UnreachableError, UsageError
from salespipe.services.pipeline import Pipeline
from salespipe.services.query import run
from salespipe.services.query.text import is_finished, placeholders, statements
from salespipe.services.uncrawled import uncrawled

HISTORY = "query-history"
LEAVE = ("quit", "exit", "\\q")
HELP = ("help", "?", "\\?")
_KEYS = "end a statement with ; and Enter; Tab completes, Up recalls, Ctrl-C cancels, Ctrl-D leaves"
_HELP = f"{_KEYS}\nSHOW TABLES; and DESCRIBE orders; tell what there is; saved statements: salespipe query --help"


def converse(console: Console, p: Pipeline) -> None:
    """Ask for statements and show their answers until the person leaves."""
    words = Words(p)
    session: PromptSession[str] = PromptSession(
        history=_history(console),
        completer=words,
        complete_while_typing=False,
        complete_in_thread=True,
        multiline=True,
        prompt_continuation=lambda width, line, wrapped: "." * (width - 1) + " ",
        key_bindings=_keys(),
    )
    console.talk(f"pipeline {p.names.pipeline}; {_KEYS}")
    with _terminable() as ended:
        while True:
            try:
                text = session.prompt(f"{p.names.pipeline}> ")
                if _command(text) in LEAVE:
                    return
                if _command(text) in HELP:
                    console.error(_HELP)
                    continue
                for statement in statements(text):
                    _answer(console, p, statement)
                    words.forget()
            except EOFError:
                return
            except KeyboardInterrupt:
                if ended():
                    raise
                console.error("cancelled")


def _answer(console: Console, p: Pipeline, statement: str) -> None:
    began = time.monotonic()
    try:
        answer = run(p, statement)
        answers.show(console, answer, answers.Asked("table"), began)
        if answer.reads and not console.quiet:
            answers.unseen(console, uncrawled(p, statement))
    except UnreachableError:
        raise
    except SalespipeError as error:
        if isinstance(error, UsageError) and placeholders(statement):
            error.hint = "write the value itself in the place of each ?"
        for line in told(error):
            console.error(line)


def _command(text: str) -> str:
    return text.strip().rstrip(";").strip().lower()


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @Condition
    def ready() -> bool:
        text = get_app().current_buffer.text
        return not text.strip() or _command(text) in (*LEAVE, *HELP) or is_finished(text)

    @keys.add("enter", filter=ready)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys


def _history(console: Console) -> History:
    """What was typed, in a file of the home that is its owner's alone; or in memory where none can be."""
    from salespipe.targets import home_folder

    try:
        path = home_folder() / HISTORY
        _own(path)
    except (SalespipeError, OSError) as error:
        console.error(f"what you type is not kept: {error}")
        return InMemoryHistory()
    return FileHistory(path)


def _own(path: Path) -> None:
    """Make the file if need be, and take from others what rights they have to it."""
    number = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        os.fchmod(number, 0o600)
    finally:
        os.close(number)


@contextmanager
def _terminable() -> Iterator[Callable[[], bool]]:
    """Tells SIGTERM, which arrives as KeyboardInterrupt, from Ctrl-C."""
    came = False

    def terminated(number: int, frame: object) -> NoReturn:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield lambda: came
    finally:
        signal.signal(signal.SIGTERM, before)
