"""The start of an object: up to 1 MB of it as it reads after decompression, as Glue's classifiers do.

A first record that is longer is followed for up to 10 MB
(https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html).
"""

from __future__ import annotations

import bz2
import zlib
from dataclasses import dataclass
from typing import Any

from salespipe.local.stores.objects import StoredObject

HEAD = 1_000_000
LONGEST_HEAD = 10_000_000
_CHUNK = 256_000


@dataclass(frozen=True)
class Head:
    """The first bytes of an object; `whole` when there are no more, else `share` (0..1] of it was read."""

    data: bytes
    compression: str
    whole: bool
    share: float


def read_head(stored: StoredObject, most: int = HEAD) -> Head:
    """Read up to `most` decompressed bytes. Raises OSError or DamagedObjectError when the object cannot be read, and
    ValueError when its compression is broken."""
    with stored.open() as file:
        start = file.read(_CHUNK)
        if start.startswith(b"\x1f\x8b"):
            compression = "gzip"
        elif start.startswith(b"BZh"):
            compression = "bzip2"
        else:
            data = start + file.read(max(0, most - len(start))) if len(start) == _CHUNK else start
            data = data[:most]
            return Head(data, "none", len(data) == stored.size, len(data) / max(1, stored.size))
        decoder = _Members(compression)
        pieces: list[bytes] = []
        size = consumed = 0
        chunk = start
        while chunk and size < most:
            consumed += len(chunk)
            piece = decoder.decompress(chunk)
            pieces.append(piece)
            size += len(piece)
            chunk = file.read(_CHUNK)
    data = b"".join(pieces)
    whole = consumed >= stored.size and len(data) <= most
    return Head(data[:most], compression, whole, min(1.0, consumed / max(1, stored.size) * most / max(most, size)))


class _Members:
    """Decompresses members that lie one behind the other as one text."""

    def __init__(self, compression: str) -> None:
        self._compression = compression
        self._member = self._next()

    def _next(self) -> Any:
        return zlib.decompressobj(31) if self._compression == "gzip" else bz2.BZ2Decompressor()

    def decompress(self, chunk: bytes) -> bytes:
        out = b""
        try:
            while chunk:
                out += self._member.decompress(chunk)
                chunk = self._member.unused_data
                if self._member.eof:
                    self._member = self._next()
        except (zlib.error, OSError) as error:
            raise ValueError(f"the {self._compression} data are broken ({error})") from error
        return out
