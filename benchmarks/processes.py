"""What a process has used so far, as Linux tells it (https://man7.org/linux/man-pages/man5/proc.5.html)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PEAK = re.compile(r"^VmHWM:\s*(\d+) kB$", re.MULTILINE)
_NOW = re.compile(r"^VmRSS:\s*(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Use:
    """CPU time in user and system mode (the clock ticks in 10 ms); the memory that is resident, and the most that
    ever was. A process that ended and was not yet waited for has its CPU time and no memory."""

    cpu_seconds: float
    now_mb: float
    peak_mb: float


def use(pid: int) -> Use:
    """Raises FileNotFoundError or ProcessLookupError when there is no such process."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = _stat(pid)
    return Use((int(fields[11]) + int(fields[12])) / _TICKS, _mb(_NOW, status), _mb(_PEAK, status))


def children(pid: int) -> list[int]:
    """The processes that `pid` started and that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = _stat(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def _mb(size: re.Pattern[str], status: str) -> float:
    found = size.search(status)
    return int(found[1]) / 1024 if found else 0.0


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the name, which may itself have blanks and brackets: state, ppid, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
