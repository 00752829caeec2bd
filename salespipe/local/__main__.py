"""`python -m salespipe.local HOME`: the background process that `salespipe` commands start."""

from __future__ import annotations

import sys
from pathlib import Path

from salespipe.local.errors import StoreError
from salespipe.local.process import serve

try:
    serve(Path(sys.argv[1]))
except StoreError as error:
    sys.exit(str(error))
