"""Where a pipeline runs: the only module that knows both AWS and the embedded runtime.

Both give the same thing, clients in a Pipeline; local differs by its endpoint and throw-away credentials, and by the
settings in `settings.BY_TARGET`. What people have set up for AWS (profiles, proxies, endpoints) counts for aws alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
import botocore.session
from botocore.exceptions import UnknownRegionError

from salespipe.aws.clients import Clients
from salespipe.aws.errors import translated
from salespipe.errors import AccessError, NotThereError, SalespipeError, UnreachableError, UsageError
from salespipe.local import loss, runtime
from salespipe.local.errors import HomeError, NoHomeError
from salespipe.local.faults.control import Control, set_limits
from salespipe.local.faults.registry import FaultError
from salespipe.local.home import default_home, make
from salespipe.local.limits.rates import OFF, VARIABLE, Rates, parse
from salespipe.services.chaos import Faults, blamed, resources
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import DEFAULT_PIPELINE, Names, check_pipeline_name, kept_hint, up_hint

LOCAL_REGION = "us-east-1"


class Start(Enum):
    """Whether a command may bring an embedded runtime up."""

    IF_NEEDED = "if needed"  # up, plan, demo, env
    IF_DATA = "if data"  # every other command: only one that should be running anyway
    IF_KEPT = "if kept"  # down: also one that holds nothing but the data that an earlier down kept


@dataclass(frozen=True)
class Target:
    """A pipeline and where it runs. `exports` are the variables for other AWS tools, `where` is for people; `faults`
    is None where none can be injected. `problems` tells what the services themselves would not say: a line each.
    `warning`, if any, is to be said before anything is done. `explain` is asked when a `with` block ends with an error;
    what it gives, if anything, is raised instead."""

    name: str
    pipeline: Pipeline
    exports: dict[str, str]
    where: str
    _release: Callable[[bool], None]
    faults: Faults | None = None
    problems: Callable[[], tuple[str, ...]] = tuple
    warning: str = ""
    explain: Callable[[SalespipeError], SalespipeError | None] = lambda error: None

    def release(self, *, deleted: bool = False) -> None:
        """After `down`: give back what only the target itself held; `deleted`: the data was deleted as well."""
        self._release(deleted)

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pipeline.aws.close()
        if isinstance(error, SalespipeError) and (explained := self.explain(error)) is not None:
            raise explained from error


def open_target(
    name: str, *, pipeline: str, profile: str | None, region: str | None, start: Start, faulty: bool = False
) -> Target:
    """The target called `name` (`local` or `aws`); with `faulty` only one that faults can be injected into.

    Raises UsageError, NotThereError (nothing runs here), AccessError (no credentials or region) or SalespipeError.
    """
    check_pipeline_name(pipeline)
    if name == "local":
        return _local(pipeline, region or LOCAL_REGION, start)
    if name == "aws":
        if faulty:
            raise UsageError("faults can be injected into the local target only, not into aws", "use --target local")
        return _aws(pipeline, profile, region)
    raise UsageError(f"target {name!r} is not known", "use --target local or --target aws")


def home_folder() -> Path:
    """The folder for what is kept on this machine whatever the target, its owner's alone. Raises as `open_target`."""
    with _home_errors():
        home = default_home()
        make(home)
    return home


def _local(pipeline: str, region: str, start: Start) -> Target:
    session = _session_of_its_own(region)
    _check_region(session)
    limits = _limits()
    with _home_errors():
        home = default_home()
        here = runtime.is_active(home) or (start is Start.IF_KEPT and runtime.has_store(home))
    if start is not Start.IF_NEEDED and not here:
        with _home_errors():
            runtime.check_store(home)  # which is not the same as a pipeline that is not there
        bucket = Names(pipeline, "[0-9]" * 12, region).bucket  # who the account is, only a running one says
        hint = kept_hint(pipeline) if runtime.has_objects(home, bucket) else up_hint(pipeline)
        raise NotThereError(f"pipeline {pipeline!r} is not there: nothing runs in {home}", hint)
    try:
        with _home_errors():
            running = runtime.ensure(home)
    except runtime.RuntimeStartError as error:
        raise SalespipeError(
            f"the local runtime could not be started: {error}", f"its log is {home / 'runtime.log'}"
        ) from error
    if limits is not None and limits.text != running.limits:
        # It runs already and has the environment of another command: it is told.
        with _fault_errors():
            running = replace(running, limits=set_limits(running, limits.text))
    clients = Clients(session, running.endpoint, direct=True)
    names = Names(pipeline, clients.account, region)

    def release(deleted: bool) -> None:
        answer = runtime.health(running)
        if answer is not None and not answer["moves"]:
            with _home_errors():
                runtime.stop(home, emptied=deleted and not answer["data"])

    def problems() -> tuple[str, ...]:
        answer = runtime.health(running)
        if answer is None:
            return ()
        refused = {f"pipe {names.pipe}": "pipe", f"delivery {names.delivery}": "delivery"}
        cannot = [f"{refused[who]}: {why}" for who, why in answer["refused"].items() if who in refused]
        return (*([] if answer["storage"] is None else [str(answer["storage"])]), *cannot)

    faults = _LocalFaults(Control(running, f"{pipeline} in {region}", resources(names)))

    def explain(error: SalespipeError) -> SalespipeError | None:
        return unreachable() if isinstance(error, UnreachableError) else _blaming(faults, pipeline, error)

    def unreachable() -> SalespipeError | None:
        """Loopback has no network to be checked: the process is gone, or it hangs."""
        if not runtime.alive(running.pid):
            return UnreachableError(
                f"the local runtime stopped while this command ran (process {running.pid} is gone)",
                "any command starts it again, with all that was acknowledged; "
                f"what it said last is in {home / 'runtime.log'}",
            )
        if runtime.health(running) is None:
            return UnreachableError(
                f"the local runtime does not answer (process {running.pid})",
                f"see what keeps it in {home / 'runtime.log'}, or end it: the next command starts it again",
            )
        return None

    return Target(
        name="local",
        pipeline=Pipeline(clients, names, BY_TARGET["local"]),
        exports={
            "AWS_ENDPOINT_URL": running.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": region,
        },
        where=f"{running.endpoint} (process {running.pid}, {home}{_told(running.limits)})",
        _release=release,
        faults=faults,
        problems=problems,
        warning="; ".join(filter(None, (_moved(running), loss.told(home)))),
        explain=explain,
    )


@contextmanager
def _home_errors() -> Iterator[None]:
    try:
        yield
    except NoHomeError as error:
        raise UsageError(f"SALESPIPE_HOME cannot be used: {error}") from error
    except HomeError as error:
        raise SalespipeError(f"the local runtime cannot be used: {error}") from error


def _limits() -> Rates | None:
    """The throughput limits that the environment asks for; None when it says nothing. Raises UsageError."""
    text = os.environ.get(VARIABLE)
    try:
        return parse(text) if text else None
    except ValueError as error:
        raise UsageError(str(error), f"for example {VARIABLE}=aws, =0.1 (a tenth of AWS's limits) or =off") from None


def _moved(running: runtime.Running) -> str:
    if running.moved_from is None:
        return ""
    return f'port {running.moved_from} is taken, now on {running.port}; run eval "$(salespipe env)" again'


def _told(limits: str) -> str:
    return "" if limits == OFF else f", throughput limits {limits}"


class _LocalFaults:
    """The faults of the embedded runtime, with our errors."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def active(self) -> tuple[str, list[dict[str, Any]]]:
        with _fault_errors():
            return self._control.active()

    def start(self, name: str, seconds: float | None, options: Mapping[str, float]) -> dict[str, Any]:
        with _fault_errors():
            return self._control.start(name, seconds, options)

    def stop(self, name: str | None) -> list[str]:
        with _fault_errors():
            return self._control.stop(name)

    def kill(self) -> None:
        with _fault_errors():
            self._control.kill()


def _blaming(faults: Faults, pipeline: str, error: SalespipeError) -> SalespipeError | None:
    """The error with the faults that may have caused it and their end in its hint; None when none may have."""
    try:
        found = blamed(faults, str(error))
    except SalespipeError:
        return None
    if not found:
        return None
    stop = "salespipe chaos stop" + ("" if pipeline == DEFAULT_PIPELINE else f" --name {pipeline}")
    ends = f"{' and '.join(found)} is active, which answers so on purpose; end it with: {stop}"
    return type(error)(str(error), f"{error.hint}; {ends}" if error.hint else ends)


@contextmanager
def _fault_errors() -> Iterator[None]:
    try:
        yield
    except FaultError as error:
        raise SalespipeError(str(error)) from error
    except OSError as error:
        raise UnreachableError(str(error)) from error


def _session_of_its_own(region: str) -> boto3.Session:
    """A session that reads no variable and no file of AWS's: a broken profile must not break what is not on AWS."""
    deaf = {
        name: (None, None, default, kind)
        for name, (_, _, default, kind) in botocore.session.Session.SESSION_VARIABLES.items()
    }
    for file in ("config_file", "credentials_file"):
        deaf[file] = (None, None, os.devnull, None)
    return boto3.Session(
        botocore_session=botocore.session.Session(session_vars=deaf),
        aws_access_key_id="local",
        aws_secret_access_key="local",
        region_name=region,
    )


def _check_region(session: boto3.Session) -> None:
    """Every name we give and every policy we write says `arn:aws:`, which is wrong in AWS's other partitions."""
    region = session.region_name
    try:
        partition = session.get_partition_for_region(region)
    except UnknownRegionError:
        raise UsageError(f"region {region!r} is not known", "for example --region eu-central-1") from None
    if partition != "aws":
        raise UsageError(
            f"region {region!r} belongs to {partition}, where salespipe cannot work", "use one of aws's own"
        )


def _aws(pipeline: str, profile: str | None, region: str | None) -> Target:
    with translated():
        session = boto3.Session(profile_name=profile, region_name=region)
        if session.get_credentials() is None:
            raise AccessError(
                "no AWS credentials were found",
                "set AWS_PROFILE or pass --profile, and check with: aws sts get-caller-identity",
            )
    if session.region_name is None:
        raise AccessError("no AWS region is set", "pass --region or set AWS_REGION")
    _check_region(session)
    clients = Clients(session)
    # As after `eval "$(salespipe env)"`, when everything would seem to be on AWS already.
    elsewhere = os.environ.get("AWS_ENDPOINT_URL", "")
    exports = {"AWS_DEFAULT_REGION": clients.region} | ({"AWS_PROFILE": profile} if profile else {})
    return Target(
        name="aws",
        pipeline=Pipeline(clients, Names(pipeline, clients.account, clients.region), BY_TARGET["aws"]),
        exports=exports,
        where=f"account {clients.account}, {clients.region}" + (f", through {elsewhere}" if elsewhere else ""),
        _release=lambda deleted: None,
        warning=f"AWS_ENDPOINT_URL is set: --target aws talks to {elsewhere}, which is not AWS" if elsewhere else "",
    )
