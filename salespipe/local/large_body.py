"""The body of a request that is longer than one read: received where it stays.

Its room is laid out when its length is known, and the socket is read straight into it, past the parser, which would
copy every piece of it. Memory it takes as the bytes come: who only says how long a body will be takes none.
"""

from __future__ import annotations

import mmap

MOST = 16 * 1024 * 1024
"""Longer bodies take memory as they come. The longest request of DynamoDB has as much, a part of an upload has half."""


class LargeBody:
    """`length` bytes that are on their way."""

    def __init__(self, length: int) -> None:
        self.bytes = mmap.mmap(-1, length)
        self.rest = memoryview(self.bytes)
        """Where the next byte belongs, and all that are to come after it; empty when the body is whole."""

    def put(self, piece: bytes) -> None:
        """Add what the parser had taken out with the head."""
        self.rest[: len(piece)] = piece
        self.received(len(piece))

    def received(self, count: int) -> None:
        """So many bytes are in `rest`."""
        self.rest = self.rest[count:]
