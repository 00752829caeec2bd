"""`salespipe`, and `python -m salespipe`: so small that Ctrl-C ends it cleanly while the rest is still being loaded."""

from __future__ import annotations

import signal
import time

_ONE_PRESS = 1.0


def main() -> int:
    """Run the command line; the exit code is 130 when it is interrupted."""
    _interrupt_once()
    try:
        from salespipe.cli import app

        code = app.main()
    except KeyboardInterrupt:
        code = 130
    if code == 130:
        # What is left is ending threads: nothing that a second Ctrl-C could make quicker, only ugly.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _interrupt_once() -> None:
    """One press may come as several signals (a shell and a wrapper both send it): the first second's are one."""
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        return  # whoever started us wants it ignored
    last = -_ONE_PRESS

    def interrupt(number: int, frame: object) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _ONE_PRESS:
            last = now
            raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)


if __name__ == "__main__":
    raise SystemExit(main())
