"""Amounts at a glance."""

from __future__ import annotations


def amount(count: float) -> str:
    """Bytes: `12 B`, `3.4 kB`, `1.2 GB`; a kB has 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
