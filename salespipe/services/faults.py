"""The faults there are: what each does, what a person sees of it, and what recovers from it.

One list for the help, the command's table and the check of what is asked for. It loads nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from salespipe.errors import UsageError

KILL = "kill-runtime"


@dataclass(frozen=True)
class Known:
    """A fault there is. `brief` is a few words for a table; `options` are what it takes.

    `lasts` is false for one that is over as soon as it was done, which so takes no time. `says` is the error code that
    it gives to who calls; empty where it gives none to a command.
    """

    name: str
    brief: str
    does: str
    seen: str
    recovers: str
    options: tuple[str, ...] = ()
    lasts: bool = True
    says: str = ""

    @property
    def takes(self) -> str:
        """The options as they are typed, e.g. `--for --share`; empty without any."""
        return " ".join(f"--{name}" for name in ((("for",) if self.lasts else ()) + self.options))


KNOWN = (
    Known(
        "throttle-table",
        "the table refuses operations",
        "The table refuses half of all item operations, or a --share of them, or what is above --rate units a second.",
        "generate and replay go on and report `retried` above 0; with --share 1 they give up after 30 s.",
        "By itself: what was refused is sent again. Nothing is lost, nothing comes twice.",
        ("share", "rate"),
        says="ThrottlingException",
    ),
    Known(
        "fail-lambda",
        "the transform fails",
        "Calls of the transform, or a --share of them, end with an error.",
        "After its retries the delivery writes the records under errors/; status counts them.",
        "By itself for new records. Those under errors/ stay there, each with its rawData, as on AWS.",
        ("share",),
    ),
    Known(
        "time-out-lambda",
        "the transform times out",
        "Calls of the transform, or a --share of them, run into their time-out: after --delay, or else at once.",
        "As fail-lambda, with the error code Lambda.FunctionTimedOut.",
        "As fail-lambda.",
        ("share", "delay"),
    ),
    Known(
        "fail-s3",
        "writes to the lake fail",
        "Writes into the bucket, or a --share of them, are answered SlowDown.",
        "Lag and age of the delivery grow in status; queries fail, as their results cannot be written.",
        "By itself: the delivery repeats its write until it succeeds, within 5 s of the end. Nothing is lost.",
        ("share",),
        says="SlowDown",
    ),
    Known(
        "delay-s3",
        "writes to the lake are slow",
        "Writes into the bucket, or a --share of them, take 1 s longer, or --delay.",
        "The lake is later by as much; nothing fails.",
        "By itself.",
        ("share", "delay"),
    ),
    Known(
        "expire-iterators",
        "every shard iterator expires",
        "Every shard iterator that was handed out until now has expired.",
        "Readers are told ExpiredIteratorException; tail goes on.",
        "By itself: tail takes a new iterator behind the last record it had.",
        lasts=False,
    ),
    Known(
        "disable-stream",
        "the table's stream is switched off",
        "The table's change stream is switched off; at the end a new one, with a new ARN, is switched on.",
        "The pipe is dead for good and status says so; changes made while the stream is off are in no stream.",
        "salespipe up: plan shows the pipe as replace, and the new pipe reads the new stream from its beginning.",
    ),
    Known(
        KILL,
        "the runtime is killed",
        "The process that everything runs in is killed (SIGKILL).",
        "Commands under way lose their connection; every other fault is over.",
        "The next command starts it again: what was acknowledged is there, and each change arrives once.",
        lasts=False,
    ),
)


def known(name: str) -> Known:
    """The fault of that name. Raises UsageError."""
    for fault in KNOWN:
        if fault.name == name:
            return fault
    raise UsageError(f"there is no fault {name!r}", f"use one of: {', '.join(fault.name for fault in KNOWN)}")


def check(fault: Known, *, timed: bool, options: Iterable[str]) -> None:
    """Raise UsageError for what the fault does not take: a time, or options by name."""
    given = tuple(options)
    if timed and not fault.lasts:
        raise UsageError(f"{fault.name} is over as soon as it was done", "leave --for out")
    for option in given:
        if option not in fault.options:
            raise UsageError(f"{fault.name} takes no --{option}", f"it takes {fault.takes or 'no options'}")
    if "share" in given and "rate" in given:
        raise UsageError(f"{fault.name} takes --share or --rate, not both")
