"""What makes root obey the rights of files as everybody else does."""

from __future__ import annotations

import os
import shutil

import pytest


def without_root() -> list[str]:
    """The words before a command that is to be bound by rights; skips the test where root cannot be."""
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root is bound by no rights here")
    both = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={both}", f"--inh-caps={both}", "--"]
