"""`python -m salespipe` is `salespipe`."""

from salespipe.cli.app import main

if __name__ == "__main__":
    raise SystemExit(main())
