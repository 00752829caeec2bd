"""Commands in processes of their own that need not load what they are made of.

One process has imported the command line and boto3, which takes most of the time that a command takes, and a copy of
it becomes the command: with its own arguments, environment, folder, streams and exit code, as one that is started
anew. Whatever depends on the start itself (an import, the encoding, a signal, what is done at exit) is tested with a
process that is.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired
from unittest import mock

_STREAMS = {"stdin": os.O_RDONLY, "stdout": os.O_WRONLY, "stderr": os.O_WRONLY}


def run(
    arguments: list[str], *, environment: Mapping[str, str], folder: Path, stdin: str, timeout: float
) -> CompletedProcess[str]:
    """Run `salespipe` with `arguments` in `folder` and return its exit code and both streams."""
    with tempfile.TemporaryDirectory() as kept:
        paths = {name: Path(kept) / name for name in _STREAMS}
        for name, path in paths.items():
            path.write_text(stdin if name == "stdin" else "")
        process = _server(environment["PYTHONPATH"]).Process(
            target=_become, args=(arguments, dict(environment), str(folder), {n: str(p) for n, p in paths.items()})
        )
        process.start()
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise TimeoutExpired(arguments, timeout, paths["stdout"].read_bytes(), paths["stderr"].read_bytes())
        assert process.exitcode is not None
        done = CompletedProcess(arguments, process.exitcode, paths["stdout"].read_text(), paths["stderr"].read_text())
        process.close()
        return done


@cache
def _server(pythonpath: str) -> ForkServerContext:
    """What the commands are copies of; it has none of this machine's settings, and ends with the tests."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "tests.cli.preload"])
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "TMPDIR")}
    with mock.patch.dict(os.environ, kept | {"PYTHONPATH": pythonpath}, clear=True):
        forkserver.ensure_running()
    return context


def _become(arguments: list[str], environment: dict[str, str], folder: str, paths: dict[str, str]) -> None:
    for number, (name, mode) in enumerate(_STREAMS.items()):
        opened = os.open(paths[name], mode)
        os.dup2(opened, number)
        os.close(opened)
        first = getattr(sys, f"__{name}__")
        buffering = 1 if name == "stderr" else -1  # as for one that is started: what a killed one said is there
        stream = os.fdopen(number, first.mode, buffering, encoding=first.encoding, errors=first.errors, closefd=False)
        setattr(sys, name, stream)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["salespipe", *arguments]
    from salespipe.__main__ import main

    raise SystemExit(main())
