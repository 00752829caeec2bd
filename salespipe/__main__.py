"""`salespipe`, and `python -m salespipe`: so small that Ctrl-C ends it cleanly while the rest is still being loaded."""

from __future__ import annotations


def main() -> int:
    """Run the command line; the exit code is 130 when it is interrupted."""
    try:
        from salespipe.cli import app

        return app.main()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
