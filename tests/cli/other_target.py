"""The command line with another `open_target`, at the one seam between commands and targets.

    python -m tests.cli.other_target KIND ARGUMENTS...

KIND says what opening the target does: `exports` gives a target that exists and has exports, `defect` fails as
only a programming error does, `sleep` waits for a signal.
"""

from __future__ import annotations

import sys
import time
from typing import Any, cast

from salespipe import targets
from salespipe.cli.app import main
from salespipe.services.pipeline import Pipeline


def _open(kind: str) -> targets.Target:
    if kind == "defect":
        secret = "hunter2"  # must not be shown
        raise KeyError("no such key" if secret else "")
    if kind == "sleep":
        print("opening", flush=True)
        time.sleep(60)
    exports = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_PROFILE": "it's mine; $(rm)"}

    class Clients:
        def on_repeat(self, tell: Any) -> None:
            return None

        def close(self) -> None:
            return None

    pipeline = Pipeline(cast(Any, Clients()), cast(Any, None), cast(Any, None))
    return targets.Target("local", pipeline, exports, "here", lambda deleted: None)


if __name__ == "__main__":
    kind = sys.argv[1]
    targets.open_target = lambda *_, **__: _open(kind)
    sys.exit(main(sys.argv[2:]))
