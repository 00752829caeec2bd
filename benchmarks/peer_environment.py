"""Where the peers are installed: an environment for each, in the platform's cache folder, never among what we need.

Made on first use with the newest version that the package index has, and kept; `fresh` makes it anew. Nothing of it is
imported here: a peer runs with its own environment's Python, as a process of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

_PATIENCE = 600.0


class PeerMissing(Exception):
    """The peer cannot be measured; the message says why, in one line."""


@dataclass(frozen=True)
class Environment:
    """An installed peer: the Python to run it with, and its version."""

    python: Path
    version: str


def environment(distribution: str, extra: str = "", beside: Sequence[str] = (), *, fresh: bool = False) -> Environment:
    """The environment of `distribution` with what is wanted `beside` it, made if need be. Raises PeerMissing, as when
    the index cannot be reached."""
    tag = f"{sys.implementation.name}{sys.version_info.major}{sys.version_info.minor}"
    folder = user_cache_path("salespipe-benchmarks") / "-".join([distribution, *beside, tag])
    whole = folder / "installed"  # written last: an installation that was interrupted is made again
    python = folder / "bin" / "python"
    try:
        if fresh or not whole.exists():
            shutil.rmtree(folder, ignore_errors=True)
            print(f"installing: {distribution}, into {folder}", file=sys.stderr, flush=True)
            _run([sys.executable, "-m", "venv", str(folder)])
            pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "-q", "--retries", "1"]
            _run([*pip, distribution + extra, *beside])
            asked = f"from importlib.metadata import version; print(version({distribution!r}))"
            whole.write_text(_run([str(python), "-I", "-c", asked]).strip())
        return Environment(python, whole.read_text())
    except OSError as error:
        raise PeerMissing(f"{distribution} cannot be installed in {folder}: {error}") from error


def _run(command: list[str]) -> str:
    """What the command printed. Raises PeerMissing with the reason it gave."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            out, err = process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise PeerMissing(f"`{' '.join(command)}` took more than {_PATIENCE:.0f} s") from None
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        said = [line for line in (out + err).splitlines() if line.strip()] or [f"exit code {process.returncode}"]
        errors = [line for line in said if line.startswith("ERROR")]
        raise PeerMissing(f"`{' '.join(command[-3:])}` failed: {(errors or said)[-1]}")
    return out
