"""A peer's own server, started as its own command would: `python -I peer_main.py MODULE PORT`, with the Python of the
environment it is installed in. It serves until its standard input is closed, so it never outlives who started it.

Both peers print nothing for a request: moto would, and does not here, as writing a line would be measured too.
"""

import importlib
import logging
import os
import sys
import threading


def _end_with_stdin() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    module, port = sys.argv[1:]
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    if module == "moto.server":
        importlib.import_module(module).main(["-H", "127.0.0.1", "-p", port])
    else:
        sys.argv[1:] = []
        os.environ.update(GATEWAY_PORT=port, BIND_HOST="127.0.0.1", LOG_LEVEL="WARNING")
        importlib.import_module(module).main()
