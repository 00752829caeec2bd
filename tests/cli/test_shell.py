"""The shell around the commands: help, options, errors, exit codes, streams and signals."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from salespipe import __version__
from tests.cli.process import COMMAND, environment, salespipe

HEAVY = ("boto3", "botocore", "moto", "duckdb", "prompt_toolkit", "rich", "pydantic", "sqlglot")
FAKE = [sys.executable, "-m", "tests.cli.other_target"]
FAKE_WORDS, COMMAND_WORDS = shlex.join(FAKE), shlex.join(COMMAND)
NAMES = (
    "up",
    "plan",
    "generate",
    "replay",
    "tail",
    "crawl",
    "compact",
    "query",
    "status",
    "env",
    "demo",
    "chaos",
    "down",
)


def test_help_lists_every_command_in_the_order_of_the_flow(tmp_path: Path) -> None:
    done = salespipe("--help", home=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split()[0] for line in done.stdout.partition("Commands:\n")[2].splitlines() if line.strip()]
    assert tuple(listed) == NAMES
    assert salespipe(home=tmp_path).stdout == done.stdout


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_help_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from salespipe.cli.app import main; code = main(sys.argv[1:]); "
        f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr); sys.exit(code)"
    )
    done = salespipe(*arguments, home=tmp_path, command=[sys.executable, "-c", program])

    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.parametrize("arguments", [["query", "--help"], ["query", "run", "--help"]])
def test_the_help_of_queries_loads_no_library_of_theirs(tmp_path: Path, arguments: list[str]) -> None:
    program = (
        "import sys; from salespipe.cli.app import main; code = main(sys.argv[1:]); "
        "print([name for name in ('botocore', 'duckdb', 'prompt_toolkit') if name in sys.modules], file=sys.stderr); "
        "sys.exit(code)"
    )
    done = salespipe(*arguments, home=tmp_path, command=[sys.executable, "-c", program])

    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_help_with_the_global_options_and_json(tmp_path: Path, name: str) -> None:
    done = salespipe(name, "--help", home=tmp_path)

    assert done.returncode == 0
    for option in ("--target", "--name", "--profile", "--region", "--quiet", "--no-color", "--json"):
        assert option in done.stdout


def test_version(tmp_path: Path) -> None:
    done = salespipe("--version", home=tmp_path)
    document = salespipe("--version", "--json", home=tmp_path)

    assert (done.returncode, done.stdout, done.stderr) == (0, f"salespipe {__version__}\n", "")
    assert (document.returncode, json.loads(document.stdout)) == (0, {"version": __version__})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["generate", "--rate", "0"], "--rate '0' is not a number above 0"),
        (["generate", "--rate", "-1"], "--rate '-1' is not a number above 0"),
        (["generate", "--count", "0"], "--count '0' is not a whole number above 0"),
        (["generate", "--count", "-1"], "--count '-1' is not a whole number above 0"),
        (["generate", "--duration", "soon"], "--duration 'soon' is not a length of time above 0"),
        (["generate", "--seed", "x"], "--seed 'x' is not a whole number"),
        (["replay", "x.csv", "--map", "orderid"], "--map 'orderid' is not field=column"),
        (["replay"], "missing argument 'FILE'"),
        (["tail", "--from", "yesterday"], "start 'yesterday' is not understood"),
        (["tail", "--limit", "0"], "--limit '0' is not a whole number above 0"),
        (["query"], "there is no statement"),
        (["query", "SELECT 1", "--file", "x.sql"], "there are two statements"),
        (["query", ""], "the SQL statement is empty"),
        (["query", "-"], "the SQL statement is empty"),
        (["query", "--file", "gone.sql"], "the statement cannot be read from gone.sql"),
        (["query", "SELECT 1", "--format", "xml"], "--format 'xml' is not known"),
        (["query", "SELECT 1", "--json", "--format", "csv"], "--json and --format csv contradict each other"),
        (["query", "SELECT 1", "--format", "parquet"], "--format parquet needs a file"),
        (["query", "save"], "missing argument 'NAME'"),
        (["query", "save", "x"], "there is no statement"),
        (["query", "--quiet", "run"], "missing argument 'NAME'"),
        (["query", "history", "--limit", "0"], "--limit '0' is not a whole number above 0"),
        (["query", "--format", "csv", "list"], "no such option: --format"),
        (["status", "--watch", "--every", "0"], "--every '0' is not a length of time above 0"),
        (["--target", "moon", "up"], "target 'moon' is not known"),
        (["up", "--target", "moon"], "target 'moon' is not known"),
        (["up", "--name", "No Good"], "pipeline name 'No Good' is not valid"),
        (["up", "--name", ""], "pipeline name '' is not valid"),
        (["up", "--colour"], "no such option: --colour"),
        (["up", "sales"], "got unexpected extra argument"),
        (["upp"], "no such command 'upp'. Did you mean 'up'?"),
        (["--quiet"], "missing command"),
        (["up", "--target"], "requires an argument"),
        (["down"], "there is nobody to ask"),
        (["down", "--json"], "there is nobody to ask"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(tmp_path: Path, arguments: list[str], said: str) -> None:
    done = salespipe(*arguments, home=tmp_path)

    first, *rest = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert first.startswith("salespipe: error: ")
    assert said in first
    assert len(rest) <= 1
    assert all(line.startswith("  hint: ") for line in rest)


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate"],
        ["tail"],
        ["crawl"],
        ["query", "SELECT 1"],
        ["query", "history"],
        ["query", "run", "x"],
        ["status"],
        ["down", "--yes"],
    ],
)
def test_before_up_a_command_says_so_with_exit_code_3(tmp_path: Path, arguments: list[str]) -> None:
    done = salespipe(*arguments, "--json", home=tmp_path)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("salespipe: error: pipeline 'sales' is not there")
    assert "salespipe up" in done.stderr


@pytest.mark.parametrize(
    ("command", "arguments", "env", "code"),
    [
        (FAKE, ("defect", "env"), {}, 1),
        (COMMAND, ("upp",), {}, 2),
        (COMMAND, ("generate", "--rate", "0"), {}, 2),
        (COMMAND, ("up",), {"SALESPIPE_HOME": "/dev/null"}, 2),
        (COMMAND, ("env",), {"SALESPIPE_LOCAL_THROTTLE": "fast"}, 2),
        (COMMAND, ("replay", "gone.csv"), {}, 3),
        (COMMAND, ("chaos",), {}, 3),
        (COMMAND, ("plan", "--target", "aws"), {"AWS_REGION": "eu-west-1"}, 4),
    ],
)
def test_with_json_a_failure_leaves_stdout_empty_and_says_itself_on_stderr(
    tmp_path: Path, command: list[str], arguments: tuple[str, ...], env: dict[str, str], code: int
) -> None:
    done = salespipe(*arguments, "--json", home=tmp_path, command=command, env=env)

    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("salespipe: error: ")
    assert len(done.stderr.splitlines()) <= 2


def test_aws_without_credentials_is_exit_code_4_even_where_metadata_never_answer(tmp_path: Path) -> None:
    patience: list[float] = []  # seconds for which the command waited on each connection

    def say_nothing() -> None:
        while True:
            connection, _ = silent.accept()
            began = time.monotonic()
            with connection:
                if not connection.recv(65536):
                    return  # the connection below, which asks for nothing
                while connection.recv(65536):
                    pass
            patience.append(time.monotonic() - began)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        metadata = {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        listening = threading.Thread(target=say_nothing, daemon=True)
        listening.start()
        known = salespipe("status", "--target", "aws", home=tmp_path, env={"AWS_REGION": "eu-west-1"})
        done = salespipe("--target", "aws", "status", home=tmp_path, env={"AWS_REGION": "eu-west-1"} | metadata)
        socket.create_connection(silent.getsockname()).close()
        listening.join()

    assert patience  # it was asked
    assert sum(patience) < 3
    assert known.returncode == 4
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr.startswith("salespipe: error: no AWS credentials were found\n  hint: ")


@pytest.mark.parametrize(
    ("target", "region", "said"),
    [
        ("aws", "cn-north-1", "belongs to aws-cn"),
        ("local", "us-gov-west-1", "belongs to aws-us-gov"),
        ("aws", "moon", "is not known"),
    ],
)
def test_a_region_whose_names_are_not_ours_is_refused(tmp_path: Path, target: str, region: str, said: str) -> None:
    keys = {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    done = salespipe("up", "--target", target, "--region", region, home=tmp_path, env=keys)

    assert (done.returncode, done.stdout) == (2, "")
    assert f"region '{region}' {said}" in done.stderr


def test_global_options_work_before_and_after_the_command_and_the_later_counts(tmp_path: Path) -> None:
    def named(*arguments: str) -> str:
        """What is said of the pipeline; `down` names it without opening the target."""
        return salespipe(*arguments, home=tmp_path, env={"SALESPIPE_NAME": "from-env"}).stderr

    assert "pipeline 'from-env'" in named("down")
    assert "pipeline 'before'" in named("--name", "before", "down")
    assert "pipeline 'after'" in named("down", "--name", "after")
    assert "pipeline 'after'" in named("--name", "before", "down", "--name", "after")


def test_the_file_in_the_working_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "salespipe.toml").write_text('name = "shop"\n')
    assert "pipeline 'shop'" in salespipe("down", home=tmp_path).stderr

    (tmp_path / "salespipe.toml").write_text('nmae = "shop"\n')
    done = salespipe("down", home=tmp_path)
    assert done.returncode == 2
    assert "salespipe.toml: unknown key 'nmae'" in done.stderr


def test_a_defect_is_one_line_that_says_where_to_report(tmp_path: Path) -> None:
    done = salespipe("defect", "env", home=tmp_path, command=FAKE)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[0] == "salespipe: error: internal error: KeyError: 'no such key'"
    assert "report" in done.stderr
    assert "SALESPIPE_DEBUG=1" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_the_traceback_is_shown_on_request_without_locals(tmp_path: Path) -> None:
    done = salespipe("defect", "env", home=tmp_path, command=FAKE, env={"SALESPIPE_DEBUG": "1"})

    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "hunter2" not in done.stderr.replace('secret = "hunter2"', "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_130_and_no_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*FAKE, "sleep", "env"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "opening\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=20)

    assert (process.returncode, err) == (130, "salespipe: interrupted\n")


def test_env_is_quoted_for_the_shell(tmp_path: Path) -> None:
    done = salespipe("exports", "env", home=tmp_path, command=FAKE)
    document = salespipe("exports", "env", "--json", home=tmp_path, command=FAKE)

    words = shlex.split(done.stdout)
    assert words == ["export", "AWS_ENDPOINT_URL=http://127.0.0.1:1", "export", "AWS_PROFILE=it's mine; $(rm)"]
    assert json.loads(document.stdout) == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_PROFILE": "it's mine; $(rm)",
    }


def test_a_reader_that_has_gone_is_not_an_error(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*FAKE, "exports", "env", "--json"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
            timeout=60,
            check=False,
        )
        helped = subprocess.run(
            [*COMMAND, "--help"],
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
            timeout=60,
            check=False,
        )
    finally:
        os.close(write)

    assert (done.returncode, done.stderr) == (0, "")
    assert (helped.returncode, helped.stderr) == (0, "")


@pytest.mark.parametrize(
    ("redirected", "code", "err"),
    [
        (f"{FAKE_WORDS} exports env --json >/dev/full", 1, "salespipe: error: cannot write the output: No space"),
        (f"{COMMAND_WORDS} --help >/dev/full", 1, "salespipe: error: cannot write the output: No space"),
        (f"{FAKE_WORDS} exports env --json >&-", 0, ""),
        (f"{COMMAND_WORDS} bogus 2>&-", 2, ""),
        (f"{COMMAND_WORDS} bogus 2>/dev/full", 2, ""),
        (f"{COMMAND_WORDS} down <&-", 2, "salespipe: error: down deletes the pipeline 'sales'"),
    ],
)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_stream_that_is_closed_or_full_is_no_defect(tmp_path: Path, redirected: str, code: int, err: str) -> None:
    done = salespipe(redirected, home=tmp_path, command=["bash", "-c"])

    assert done.returncode == code
    assert done.stderr.startswith(err)
    assert (done.stderr == "") == (err == "")


def test_ctrl_c_while_the_program_is_still_loading_ends_it_cleanly() -> None:
    script = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "from salespipe.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
