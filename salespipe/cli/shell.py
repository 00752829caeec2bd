"""What a command is given: its settings, where its words go, and the way to its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from types import GeneratorType
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

import typer

from salespipe.cli.config import Config
from salespipe.cli.views.console import Console
from salespipe.cli.views.streams import ClosedPipe, OutputError
from salespipe.cli.waits import Waits

if TYPE_CHECKING:
    from salespipe.targets import Start, Target

R = TypeVar("R")
T = TypeVar("T")

CHECK_FOUND = 5
INTERRUPTED = 130


class Shell:
    """One run of one command."""

    def __init__(self, config: Config, console: Console) -> None:
        self.config = config
        self.console = console
        self.waits = Waits(console)

    def start(self) -> Target:
        """The target, started when it is not running."""
        from salespipe.targets import Start

        return self._target(Start.IF_NEEDED)

    def open(self) -> Target:
        """The target as it is. Raises NotThereError when there is nothing to open."""
        from salespipe.targets import Start

        return self._target(Start.IF_DATA)

    def open_kept(self) -> Target:
        """The same, or one that holds nothing but what an earlier `down` kept."""
        from salespipe.targets import Start

        return self._target(Start.IF_KEPT)

    def open_faulty(self) -> Target:
        """The target as it is, if things can be made to go wrong there. Raises UsageError where they cannot."""
        from salespipe.targets import Start

        return self._target(Start.IF_DATA, faulty=True)

    def _target(self, start: Start, *, faulty: bool = False) -> Target:
        from salespipe.targets import open_target

        config = self.config
        target = open_target(
            config.target,
            pipeline=config.name,
            profile=config.profile,
            region=config.region,
            start=start,
            faulty=faulty,
        )
        target.pipeline.aws.on_repeat(self.waits.repeating)
        if target.warning:
            self.console.error(f"warning: {target.warning}")
        return target

    def exit(self, code: int) -> NoReturn:
        """End the command with `code`, after everything it opened is closed."""
        raise typer.Exit(code)


def generator(events: Iterator[T]) -> GeneratorType[T, None, None]:
    """A service's events as the generator they are, which can be closed and interrupted."""
    return cast("GeneratorType[T, None, None]", events)


def follow(events: Iterator[Any], result: type[R], show: Callable[[Any], None]) -> R:
    """Show a service's events and return its last one, the result, which is of the type `result`.

    Ctrl-C may strike while the service is not running, as while an event is being shown. It is handed to the service
    all the same, so that one place decides what is finished before the command ends.

    A stdout that takes no more does not stop the service half way either: it runs to its end, unseen, and then the
    ClosedPipe or OutputError is raised.
    """
    running = generator(events)
    left: Iterator[Any] = running
    unseen: ClosedPipe | OutputError | None = None
    event: Any = None
    while not isinstance(event, result):
        interrupt: KeyboardInterrupt | None = None
        try:
            # A loop, not next(): between the return of a call and what is done with it Ctrl-C may strike.
            for event in left:
                if isinstance(event, result):
                    break
                if unseen is None:
                    show(event)
            else:
                raise RuntimeError("a service ended without its result")
        except (ClosedPipe, OutputError) as error:
            unseen = error
        except KeyboardInterrupt as error:
            if running.gi_frame is None:  # the service has ended with it
                raise
            interrupt = error
        if interrupt is not None and not isinstance(event, result):
            left = chain([running.throw(interrupt)], running)
    if unseen is not None:
        raise unseen
    return event
