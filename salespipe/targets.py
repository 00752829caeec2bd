"""Where a pipeline runs: the only module that knows both AWS and the embedded runtime.

Both give the same thing, clients in a Pipeline; local differs by its endpoint and throw-away credentials, and by the
settings in `settings.BY_TARGET`. What people have set up for AWS (profiles, proxies, endpoints) counts for aws alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import TracebackType

import boto3
import botocore.session
from botocore.exceptions import UnknownRegionError

from salespipe.aws.clients import Clients
from salespipe.aws.errors import translated
from salespipe.errors import AccessError, NotThereError, SalespipeError, UsageError
from salespipe.local import runtime
from salespipe.services.pipeline import Pipeline
from salespipe.settings import BY_TARGET
from salespipe.stack.naming import Names, check_pipeline_name, up_hint

LOCAL_REGION = "us-east-1"


class Start(Enum):
    """Whether a command may bring an embedded runtime up."""

    IF_NEEDED = "if needed"  # up, plan, demo, env
    IF_DATA = "if data"  # every other command: only one that should be running anyway
    IF_KEPT = "if kept"  # down: also one that holds nothing but the data that an earlier down kept


@dataclass(frozen=True)
class Target:
    """A pipeline and where it runs. `exports` are the variables for other AWS tools, `where` is for people."""

    name: str
    pipeline: Pipeline
    exports: dict[str, str]
    where: str
    _release: Callable[[], None]

    def release(self) -> None:
        """After `down`: give back what only the target itself held."""
        self._release()

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pipeline.aws.close()


def open_target(name: str, *, pipeline: str, profile: str | None, region: str | None, start: Start) -> Target:
    """The target called `name` (`local` or `aws`).

    Raises UsageError, NotThereError (nothing runs here), AccessError (no credentials or region) or SalespipeError.
    """
    check_pipeline_name(pipeline)
    if name == "local":
        return _local(pipeline, region or LOCAL_REGION, start)
    if name == "aws":
        return _aws(pipeline, profile, region)
    raise UsageError(f"target {name!r} is not known", "use --target local or --target aws")


def _local(pipeline: str, region: str, start: Start) -> Target:
    session = _session_of_its_own(region)
    _check_region(session)
    home = runtime.default_home()
    here = runtime.is_active(home) or (start is Start.IF_KEPT and runtime.has_store(home))
    if start is not Start.IF_NEEDED and not here:
        raise NotThereError(f"pipeline {pipeline!r} is not there: nothing runs in {home}", up_hint(pipeline))
    try:
        running = runtime.ensure(home)
    except (runtime.RuntimeStartError, OSError) as error:
        raise SalespipeError(
            f"the local runtime could not be started: {error}", f"its log is {home / 'runtime.log'}"
        ) from error
    clients = Clients(session, running.endpoint, direct=True)

    def release() -> None:
        answer = runtime.health(running)
        if answer is not None and answer["workers"] == 0:
            runtime.stop(home)

    return Target(
        name="local",
        pipeline=Pipeline(clients, Names(pipeline, clients.account, region), BY_TARGET["local"]),
        exports={
            "AWS_ENDPOINT_URL": running.endpoint,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": region,
        },
        where=f"{running.endpoint} (process {running.pid}, {home})",
        _release=release,
    )


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
    exports = {"AWS_DEFAULT_REGION": clients.region} | ({"AWS_PROFILE": profile} if profile else {})
    return Target(
        name="aws",
        pipeline=Pipeline(clients, Names(pipeline, clients.account, clients.region), BY_TARGET["aws"]),
        exports=exports,
        where=f"account {clients.account}, {clients.region}",
        _release=lambda: None,
    )
