"""The CDNOW orders, 69,659 real ones of 1997 and 1998, for tests and benchmarks; downloaded, never kept in here.

The PyPI package Lifetimes 0.11.3 carries them: the whole cohort of Fader and Hardie, "Forecasting Repeat Sales at
CDNOW" (Interfaces, 2001). `.data/` keeps the download.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

FOLDER = Path(__file__).parents[1] / ".data" / "cdnow"
ORDERS = 69_659
MONEY = "2500315.63"  # added up with awk, in cents, over the file's own text
MAPPING = {"ordered_at": "date", "quantity": "number_of_cds", "amount": "dollar_value"}  # customer_id by its name

_PACKAGE = "Lifetimes==0.11.3"
_MEMBER = "lifetimes/datasets/CDNOW_master.txt"


def cdnow_file() -> Path:
    """The file as it is in the package: parted by blanks, with a header. Downloaded once, with pip."""
    path = FOLDER / "CDNOW_master.txt"
    if not path.exists():
        FOLDER.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
        subprocess.run([*pip, "--dest", str(FOLDER), _PACKAGE], check=True)
        (wheel,) = FOLDER.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            whole = archive.read(_MEMBER)
        partial = path.with_suffix(".part")
        partial.write_bytes(whole)
        partial.replace(path)
    return path
