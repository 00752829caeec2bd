"""`salespipe chaos`: faults on request, on the local target."""

from __future__ import annotations

import textwrap
from typing import Annotated

import typer

from salespipe.cli import options
from salespipe.cli.shell import Shell
from salespipe.cli.views import chaos as view
from salespipe.errors import UsageError
from salespipe.services.faults import KNOWN, Known, check, known

_ACTIONS = ("start", "stop")


def chaos(
    shell: Shell,
    action: Annotated[str | None, typer.Argument(metavar="start|stop", help="Begin or end a fault.")] = None,
    fault: Annotated[
        str | None, typer.Argument(metavar="FAULT", help="Which one; without it, stop ends every fault.")
    ] = None,
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="End by itself after so long, e.g. 30s, 5m.")
    ] = None,
    share: Annotated[str | None, typer.Option(metavar="S", help="Strike in this share of all cases, 0 to 1.")] = None,
    rate: Annotated[str | None, typer.Option(metavar="N", help="Let so many units a second through.")] = None,
    delay: Annotated[str | None, typer.Option(metavar="TIME", help="How long to wait, e.g. 0.5s.")] = None,
) -> None:
    if action is not None:
        options.choice("action", action, _ACTIONS)
    given = {
        "share": options.given(_share, "--share", share),
        "rate": options.given(options.positive, "--rate", rate),
        "delay": options.given(options.duration, "--delay", delay),
    }
    with_options = {option: value for option, value in given.items() if value is not None}
    seconds = options.given(options.duration, "--for", length)
    which = None if fault is None else known(fault)
    if action != "start" and (with_options or seconds is not None):
        raise UsageError("--for, --share, --rate and --delay belong to: salespipe chaos start FAULT")
    if action == "start":
        if which is None:
            raise UsageError("which fault shall be started?", f"use one of: {', '.join(each.name for each in KNOWN)}")
        check(which, timed=seconds is not None, options=with_options)
    from salespipe.services import chaos as service

    with shell.open_faulty() as target:
        faults = target.faults
        assert faults is not None
        if action is None:
            view.show(shell.console, service.look(faults))
        elif which is not None and action == "start":
            active = service.start(target.pipeline, faults, which.name, seconds=seconds, options=with_options)
            view.show_started(shell.console, which, active)
        else:
            view.show_stopped(shell.console, service.stop(faults, fault))


def _share(option: str, text: str) -> float:
    value = options.positive(option, text, "0.5")
    if value > 1:
        raise UsageError(f"{option} {text!r} is not above 0 and at most 1", f"for example {option} 0.5")
    return value


def _paragraph(fault: Known) -> str:
    """A fault in the help: an unwrapped block, as `\\b` tells typer."""
    lines = [f"{fault.name}  {fault.takes}".rstrip()]
    for word, text in (("", fault.does), ("seen: ", fault.seen), ("recovers: ", fault.recovers)):
        lines += textwrap.wrap(
            word + (text[:1].lower() + text[1:] if word else text), 74, initial_indent="  ", subsequent_indent="    "
        )
    return "\b\n" + "\n".join(lines)


chaos.__doc__ = "\n\n".join(
    (
        "Make things go wrong on purpose, on the local target.",
        "Alone it lists the faults and which are active. A fault ends after --for, with stop, or when the runtime is "
        "started anew; none is kept. Started again it begins anew.",
        *map(_paragraph, KNOWN),
    )
)
