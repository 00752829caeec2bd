"""`python -m salespipe.local HOME [DESCRIPTOR]`: the background process that `salespipe` commands start.

What keeps it from starting is one line in its log and, as the disk of the log may be what is wrong, on the descriptor.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

from salespipe.local.errors import StoreError
from salespipe.local.process import serve
from salespipe.local.trouble import trouble

home = Path(sys.argv[1])
try:
    serve(home)
except (StoreError, OSError, sqlite3.Error) as error:
    words = trouble(error, home)
    if words is None:
        raise
    if len(sys.argv) > 2:
        os.write(int(sys.argv[2]), words.encode())
    sys.exit(words)
