"""What was lost with consent (`accept-loss`), kept in the file `lost` of the home until somebody has seen it.

The rule: every command warns of it, and `status` counts it as a problem, until the file is removed or `down
--delete-data` leaves no data in the home. Nothing else ends it, neither a kill nor a stop in order nor a `down` that
keeps the data: the data is what something is missing from.
"""

from __future__ import annotations

import shlex
import time
from pathlib import Path

FILE = "lost"


def note(home: Path, what: str) -> None:
    """Add a sentence about what was lost just now. Raises OSError."""
    with (home / FILE).open("a", encoding="utf-8") as file:
        file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')}: {what}\n")


def told(home: Path) -> str | None:
    """All that was lost and what to do when that has been read, in one line; None when there is nothing to tell."""
    try:
        noted = "; ".join((home / FILE).read_text(encoding="utf-8", errors="replace").split("\n")).strip("; ")
    except FileNotFoundError:
        return None
    except OSError as error:
        noted = f"{home / FILE} tells of a loss and cannot be read ({error.strerror})"
    return f"{noted}; to be told no more: rm {shlex.quote(str(home / FILE))}"


def forget(home: Path) -> None:
    """Nothing is left of which anything could be missing."""
    (home / FILE).unlink(missing_ok=True)
