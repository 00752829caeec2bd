"""Which of flag, environment, file and default counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from salespipe.cli.config import Flags, resolve
from salespipe.errors import UsageError


def test_the_defaults(tmp_path: Path) -> None:
    config = resolve(Flags(), {}, tmp_path)

    assert (config.target, config.name, config.profile, config.region) == ("local", "sales", None, None)
    assert (config.quiet, config.color, config.json) == (False, True, False)


@pytest.mark.parametrize(
    ("flag", "variable", "file", "expected"),
    [
        ("flag", "variable", "file", "flag"),
        (None, "variable", "file", "variable"),
        (None, None, "file", "file"),
        (None, "", "file", "file"),
        (None, None, None, "sales"),
    ],
)
def test_flag_before_environment_before_file_before_default(
    tmp_path: Path, flag: str | None, variable: str | None, file: str | None, expected: str
) -> None:
    if file is not None:
        (tmp_path / "salespipe.toml").write_text(f'name = "{file}"\n')
    environment = {} if variable is None else {"SALESPIPE_NAME": variable}

    assert resolve(Flags(name=flag), environment, tmp_path).name == expected


def test_a_flag_after_the_command_counts_over_one_before_it() -> None:
    merged = Flags(target="aws", quiet=True).over(Flags(target="local", name="shop", json=True))

    assert merged == Flags(target="aws", name="shop", quiet=True, json=True)


def test_the_file_may_set_every_documented_key(tmp_path: Path) -> None:
    (tmp_path / "salespipe.toml").write_text(
        'target = "aws"\nname = "shop"\nprofile = "work"\nregion = "eu-west-1"\nquiet = true\n'
    )

    config = resolve(Flags(), {}, tmp_path)

    assert (config.target, config.name, config.profile, config.region) == ("aws", "shop", "work", "eu-west-1")
    assert config.quiet


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('traget = "aws"', "unknown key 'traget'"),
        ("quiet = 1", "quiet = 1 is not true or false"),
        ("name = 7", "name = 7 is not text in quotes"),
        ("name = ", "not valid TOML"),
        ('target = "moon"', "target 'moon' is not known"),
        ('name = "No Good"', "pipeline name 'No Good' is not valid"),
    ],
)
def test_a_bad_file_is_a_usage_error_that_names_the_value(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "salespipe.toml").write_text(text)

    with pytest.raises(UsageError, match=said):
        resolve(Flags(), {}, tmp_path)


def test_a_file_that_is_no_text_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "salespipe.toml").write_bytes(b"name = '\xff\xfe'")

    with pytest.raises(UsageError, match="cannot be read"):
        resolve(Flags(), {}, tmp_path)


def test_a_pipeline_on_this_machine_does_not_depend_on_aws_variables(tmp_path: Path) -> None:
    environment = {"AWS_REGION": "eu-west-1", "AWS_PROFILE": "work"}

    assert resolve(Flags(), environment, tmp_path).region is None
    assert resolve(Flags(target="aws"), environment, tmp_path).region == "eu-west-1"
    assert resolve(Flags(region="eu-central-1"), environment, tmp_path).region == "eu-central-1"


def test_aws_profile_in_the_environment_counts_over_the_file_and_is_left_to_boto3(tmp_path: Path) -> None:
    (tmp_path / "salespipe.toml").write_text('target = "aws"\nprofile = "file"')

    assert resolve(Flags(), {}, tmp_path).profile == "file"
    assert resolve(Flags(), {"AWS_PROFILE": "work"}, tmp_path).profile is None
    assert resolve(Flags(profile="flag"), {"AWS_PROFILE": "work"}, tmp_path).profile == "flag"


@pytest.mark.parametrize(
    ("flags", "environment", "color"),
    [
        (Flags(), {}, True),
        (Flags(no_color=True), {}, False),
        (Flags(), {"NO_COLOR": "1"}, False),
        (Flags(), {"NO_COLOR": ""}, True),  # https://no-color.org: only when it is not empty
        (Flags(), {"TERM": "dumb"}, False),
    ],
)
def test_colours_can_be_forbidden(tmp_path: Path, flags: Flags, environment: dict[str, str], color: bool) -> None:
    assert resolve(flags, environment, tmp_path).color is color
