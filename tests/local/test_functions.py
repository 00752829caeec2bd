"""The deployed zip in its own process: results, errors, time-outs, deaths, logs, and what it sees of Lambda."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salespipe.local.errors import AwsError
from salespipe.local.function_log import MAX_BYTES
from salespipe.local.functions import DeployedFunction, Functions, Invocation


def make_zip(source: str, name: str = "app.py") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(name, textwrap.dedent(source))
    return made.getvalue()


class Deployed:
    """What the control plane would say; tests deploy by setting."""

    def __init__(self, home: Path) -> None:
        self.known: dict[str, DeployedFunction] = {}
        self.functions = Functions(home, self.lookup)

    def lookup(self, region: str, name: str) -> DeployedFunction:
        try:
            return self.known[name]
        except KeyError:
            raise AwsError("ResourceNotFoundException", f"Function not found: {name}", 404) from None

    def deploy(self, source: str, *, name: str = "f", timeout: int = 20, handler: str = "app.handler") -> None:
        self.known[name] = DeployedFunction(
            name=name,
            arn=f"arn:aws:lambda:eu-west-1:123456789012:function:{name}",
            handler=handler,
            runtime="python3.12",
            timeout_s=timeout,
            memory_mb=256,
            zip_bytes=make_zip(source),
            sha256=str(hash(source)),
            environment={"STAGE": "test"},
        )

    def call(self, event: Any = None, name: str = "f") -> tuple[Any, Invocation]:
        made = self.functions.invoke("eu-west-1", name, json.dumps(event).encode())
        return json.loads(made.payload), made


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    made = Deployed(tmp_path)
    yield made
    made.functions.stop()


def test_the_same_process_serves_call_after_call(deployed: Deployed) -> None:
    deployed.deploy("""
        import os
        calls = 0
        def handler(event, context):
            global calls
            calls += 1
            return {"calls": calls, "pid": os.getpid(), "event": event}
    """)
    first, made = deployed.call({"a": "ä"})
    second, _ = deployed.call([1])
    assert made.error is None
    assert made.duration_ms > 0
    assert first["event"] == {"a": "ä"}
    assert (first["calls"], second["calls"]) == (1, 2)
    assert first["pid"] == second["pid"] != os.getpid()


def test_what_a_function_sees_of_lambda(deployed: Deployed) -> None:
    deployed.deploy("""
        import os
        def handler(event, context):
            return {
                "env": dict(os.environ), "cwd": os.getcwd(), "remaining": context.get_remaining_time_in_millis(),
                "context": [context.function_name, context.memory_limit_in_mb, context.invoked_function_arn,
                            context.log_group_name, context.function_version, len(context.aws_request_id)],
            }
    """)
    seen, _ = deployed.call()
    assert seen["env"]["AWS_LAMBDA_FUNCTION_NAME"] == "f"
    assert seen["env"]["AWS_REGION"] == "eu-west-1"
    assert seen["env"]["_HANDLER"] == "app.handler"
    assert seen["env"]["STAGE"] == "test"
    assert seen["env"]["LAMBDA_TASK_ROOT"] == seen["cwd"]
    assert "VIRTUAL_ENV" not in seen["env"]
    assert 15_000 < seen["remaining"] <= 20_000
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert seen["context"] == ["f", "256", arn, "/aws/lambda/f", "$LATEST", 36]


def test_only_what_is_in_the_zip_is_there(deployed: Deployed) -> None:
    deployed.deploy("import salespipe\ndef handler(event, context): return 1")
    answer, made = deployed.call()
    assert made.error == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert "Unable to import module 'app'" in answer["errorMessage"]


def test_prints_go_to_the_log_and_not_into_the_answer(deployed: Deployed, tmp_path: Path) -> None:
    deployed.deploy("""
        import logging, os
        def handler(event, context):
            print("a line")
            os.write(1, b"raw bytes\\n")
            logging.getLogger("x").warning("careful")
            return "fine"
    """)
    answer, made = deployed.call()
    assert answer == "fine"
    lines = made.log_tail.splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert {"a line", "raw bytes"} <= set(lines)
    assert any(line.startswith("[WARNING]\t") and line.endswith("\tcareful") for line in lines)
    assert lines[-2].startswith("END RequestId: ")
    assert "Memory Size: 256 MB" in lines[-1]
    assert "Init Duration: " in lines[-1]
    assert (tmp_path / "logs/lambda/f.log").read_text() == made.log_tail
    _, again = deployed.call()
    assert "Init Duration" not in again.log_tail


def test_the_log_is_bounded_also_within_one_call(deployed: Deployed, tmp_path: Path) -> None:
    deployed.deploy("""
        import time
        def handler(event, context):
            for _ in range(event):
                print("x" * 1000000)
            time.sleep(1.2)
            print("the end")
    """)
    _, made = deployed.call(7)
    assert made.log_tail.splitlines()[-3] == "the end"
    assert (tmp_path / "logs/lambda/f.log").stat().st_size < MAX_BYTES
    assert (tmp_path / "logs/lambda/f.log.1").stat().st_size > MAX_BYTES


def test_an_exception_is_the_answer(deployed: Deployed) -> None:
    deployed.deploy("""
        def handler(event, context):
            raise ValueError("no such order")
    """)
    answer, made = deployed.call()
    assert made.error == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("ValueError", "no such order")
    assert len(answer["stackTrace"]) == 1
    assert "in handler" in answer["stackTrace"][0]
    assert "[ERROR] ValueError: no such order" in made.log_tail


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("def handler(event, context): return {1, 2}", "Runtime.MarshalError"),
        ("def other(event, context): return 1", "Runtime.HandlerNotFound"),
        ("def handler(event, context) return 1", "SyntaxError"),
        ("def handler(event, context): return 'x' * (7 << 20)", "Function.ResponseSizeTooLarge"),
    ],
)
def test_functions_that_cannot_answer(deployed: Deployed, source: str, kind: str) -> None:
    deployed.deploy(source)
    answer, made = deployed.call()
    assert made.error == "Unhandled"
    assert answer["errorType"] == kind


def test_a_time_out_ends_the_process_and_the_next_call_gets_a_new_one(deployed: Deployed) -> None:
    deployed.deploy(
        """
        import time
        def handler(event, context):
            time.sleep(event)
            return "done"
        """,
        timeout=1,
    )
    answer, made = deployed.call(30)
    assert made.error == "Unhandled"
    assert answer["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert made.duration_ms < 5_000
    assert deployed.call(0)[0] == "done"


@pytest.mark.parametrize(
    ("death", "told"),
    [
        ("os._exit(3)", "exit status 3"),
        ("os.kill(os.getpid(), 9)", "signal: SIGKILL"),
        ("sys.exit(1)", "exit status 1"),
    ],
)
def test_a_process_that_dies_is_an_error_and_is_replaced(deployed: Deployed, death: str, told: str) -> None:
    deployed.deploy(f"""
        import os, sys
        def handler(event, context):
            if event: {death}
            return "alive"
    """)
    answer, made = deployed.call(True)
    assert made.error == "Unhandled"
    assert answer["errorType"] == "Runtime.ExitError"
    assert answer["errorMessage"].endswith(told)
    assert deployed.call(False)[0] == "alive"


def test_new_code_is_a_new_process(deployed: Deployed) -> None:
    deployed.deploy("import os\ndef handler(event, context): return ['old', os.getpid()]")
    old, _ = deployed.call()
    deployed.deploy("import os\ndef handler(event, context): return ['new', os.getpid()]")
    new, _ = deployed.call()
    assert (old[0], new[0]) == ("old", "new")
    assert not is_running(old[1])


def test_megabytes_pass_both_ways(deployed: Deployed) -> None:
    deployed.deploy("def handler(event, context): return event")
    event = {"data": "y" * 5_500_000}
    assert deployed.call(event)[0] == event


def test_too_large_a_request_is_refused(deployed: Deployed) -> None:
    deployed.deploy("def handler(event, context): return 1")
    with pytest.raises(AwsError, match="RequestEntityTooLargeException"):
        deployed.call("y" * 6_300_000)


def test_a_deleted_function_is_ended(deployed: Deployed) -> None:
    deployed.deploy("import os\ndef handler(event, context): return os.getpid()")
    pid, _ = deployed.call()
    deployed.functions.refresh()
    assert is_running(pid)
    deployed.known.clear()
    deployed.functions.refresh()
    assert not is_running(pid)
    with pytest.raises(AwsError, match="Function not found"):
        deployed.call()


def test_stop_is_prompt_while_a_call_runs(deployed: Deployed, tmp_path: Path) -> None:
    deployed.deploy("""
        import time
        def handler(event, context):
            print("begun")
            time.sleep(60)
    """)
    answers: list[Any] = []
    caller = threading.Thread(target=lambda: answers.append(deployed.call()[0]))
    caller.start()
    log = tmp_path / "logs/lambda/f.log"
    deadline = time.monotonic() + 10
    while not (log.exists() and "begun" in log.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    deployed.functions.stop()
    caller.join()
    assert time.monotonic() - began < 1
    assert answers[0]["errorType"] == "Runtime.ExitError"


def test_the_process_ends_when_the_runtime_dies(tmp_path: Path) -> None:
    source = """
import os, sys
from pathlib import Path
from tests.local.test_functions import Deployed
made = Deployed(Path(sys.argv[1]))
made.deploy("import os\\ndef handler(event, context): return os.getpid()")
print(made.call()[0], flush=True)
os.kill(os.getpid(), 9)
"""
    runtime = subprocess.run([sys.executable, "-c", source, str(tmp_path)], stdout=subprocess.PIPE, timeout=30)
    pid = int(runtime.stdout)
    deadline = time.monotonic() + 5
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(pid)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie that nobody has waited for yet is not running.
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
