"""Stock moto server as a process of its own: `python -m benchmarks.moto_peer` prints its port and serves until its
standard input is closed, so it never outlives who started it."""

from __future__ import annotations

import logging
import sys

from moto.server import ThreadedMotoServer


def main() -> None:
    """Serve on the loopback address and a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # one line a request would be measured too
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
