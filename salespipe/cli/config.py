"""The global settings of one command, each taken from the first place that has it.

    flag after the command > flag before it > environment > salespipe.toml in the working directory > default

A key in `salespipe.toml` that nobody reads is an error, because a misspelt `target` would otherwise be ignored
and the command would run against something else. An empty environment variable counts as not set. AWS's own
variables count for the target aws only: a pipeline on this machine must not seem to be gone because another shell
has another AWS_REGION.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from salespipe.errors import UsageError
from salespipe.stack.naming import DEFAULT_PIPELINE, check_pipeline_name

FILE = "salespipe.toml"
TARGETS = ("local", "aws")

# The first that is set counts, as in https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html
_REGION = ("AWS_REGION", "AWS_DEFAULT_REGION")
_TYPES: dict[str, type] = {"target": str, "name": str, "profile": str, "region": str, "quiet": bool}


@dataclass(frozen=True)
class Flags:
    """The global options as they were typed; None is "not typed"."""

    target: str | None = None
    name: str | None = None
    profile: str | None = None
    region: str | None = None
    quiet: bool | None = None
    no_color: bool | None = None
    json: bool | None = None

    def over(self, other: Flags) -> Flags:
        """These flags, and `other` where they say nothing."""
        mine = {f.name: getattr(self, f.name) for f in fields(self)}
        return Flags(**{key: getattr(other, key) if value is None else value for key, value in mine.items()})


@dataclass(frozen=True)
class Config:
    """What a command runs with."""

    target: str
    name: str
    profile: str | None
    region: str | None
    quiet: bool
    color: bool  # colours are not forbidden; whether there is a terminal to show them is another question
    json: bool


def resolve(flags: Flags, environment: Mapping[str, str], directory: Path) -> Config:
    """The settings for one command. Raises UsageError for an unknown target, name, key or a broken file."""
    file = _read(directory / FILE)

    def first(key: str, *variables: str) -> str | None:
        said = [getattr(flags, key), *(environment.get(each) or None for each in variables), file.get(key)]
        return next((value for value in said if value is not None), None)

    target = first("target", "SALESPIPE_TARGET")
    if target is None:
        target = TARGETS[0]
    if target not in TARGETS:
        raise UsageError(f"target {target!r} is not known", f"use one of: {', '.join(TARGETS)}")
    name = first("name", "SALESPIPE_NAME")
    if name is None:
        name = DEFAULT_PIPELINE
    check_pipeline_name(name)
    on_aws = target == "aws"
    profile = first("profile")
    if on_aws and environment.get("AWS_PROFILE") and flags.profile is None:
        profile = None  # boto3 reads the variable itself, and ranks it below keys in the environment
    return Config(
        target=target,
        name=name,
        profile=profile,
        region=first("region", *(_REGION if on_aws else ())),
        quiet=bool(file.get("quiet", False)) if flags.quiet is None else flags.quiet,
        color=not flags.no_color and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb",
        json=bool(flags.json),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path.name} cannot be read: {error}") from error
    import tomllib  # here, because most directories have no such file

    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name} is not valid TOML: {error}") from error
    for key, value in found.items():
        if key not in _TYPES:
            raise UsageError(f"{path.name}: unknown key {key!r}", f"known keys: {', '.join(_TYPES)}")
        if not isinstance(value, _TYPES[key]):
            wanted = "true or false" if _TYPES[key] is bool else "text in quotes"
            raise UsageError(f"{path.name}: {key} = {value!r} is not {wanted}")
    return found
