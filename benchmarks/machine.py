"""Where the numbers were taken: without it they mean nothing."""

from __future__ import annotations

import os
import platform
import sqlite3
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_LIBRARIES = ("boto3", "duckdb", "uvicorn")


@dataclass(frozen=True)
class Machine:
    """`load` is how many processes wanted a core in the minute before: well below `cores` on a quiet machine."""

    processor: str
    cores: int
    memory_gb: float
    system: str
    python: str
    versions: dict[str, str]
    load: float

    def __str__(self) -> str:
        versions = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return (
            f"{self.processor}, {self.cores} cores, {self.memory_gb:.0f} GB, {self.system}; "
            f"Python {self.python}, {versions}; load {self.load:.1f} before the run"
        )


def this_machine() -> Machine:
    """The machine and the versions of what is measured."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    versions = {"salespipe": version("salespipe"), "SQLite": sqlite3.sqlite_version}
    versions |= {name: version(name) for name in _LIBRARIES}
    system = f"{platform.system()} {platform.release()}"
    return Machine(_processor(), cores, memory, system, platform.python_version(), versions, os.getloadavg()[0])


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
