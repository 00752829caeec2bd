"""The start of an object: up to 1 MB of it as it reads after decompression, as Glue's classifiers do.

A first record that is longer is followed for up to 10 MB. Of what Glue decompresses
(https://docs.aws.amazon.com/glue/latest/dg/add-classifier.html) gzip, bzip2 and zip archives of one file are read;
LZ4 and Snappy, which no library of this program reads, and Zstandard, which Glue does not classify, are named.
"""

from __future__ import annotations

import bz2
import zipfile
import zlib
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import IO, BinaryIO

from salespipe.local.stores.objects import StoredObject

HEAD = 1_000_000
LONGEST_HEAD = 10_000_000
_CHUNK = 256_000
_MAGIC = 10
_MOST_COUNTED = 100  # times HEAD
_NAMED = {
    b"\x04\x22\x4d\x18": "LZ4",
    b"\xff\x06\x00\x00sNaPpY": "Snappy",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}


@dataclass(frozen=True)
class Head:
    """The first bytes of an object; `whole` when there are no more, else `share` (0..1] of it was read."""

    data: bytes
    compression: str
    whole: bool
    share: float


def read_head(stored: StoredObject, most: int = HEAD) -> Head:
    """Read up to `most` decompressed bytes. Raises OSError or DamagedObjectError when the object cannot be read, and
    ValueError when its compression is broken or not read here."""
    with stored.open() as file:
        compression = _compression(file.read(_MAGIC), stored.key)
        file.seek(0)
        if compression == "none":
            data = file.read(most)
            return Head(data, "none", len(data) == stored.size, len(data) / max(1, stored.size))
        try:
            if compression == "gzip":
                data, consumed = _gunzip(file, most + 1)
                return Head(data[:most], "gzip", len(data) <= most, min(1.0, consumed / max(1, stored.size)))
            with _decompressed(file, compression) as text:
                data = text.read(most)
                more = len(text.read(1))
                share = min(1.0, file.tell() / max(1, stored.size))
                if more and (share == 1.0 or stored.size <= _CHUNK):  # the decoder reads ahead: count the text
                    more += sum(len(piece) for piece in islice(iter(partial(text.read, HEAD), b""), _MOST_COUNTED))
                    share = len(data) / (len(data) + more)
        except (zlib.error, EOFError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise  # the disk's, not the data's
            raise ValueError(f"the {compression} data are broken ({error})") from error
        return Head(data, compression, not more, share)


def _compression(start: bytes, key: str) -> str:
    if start.startswith(b"\x1f\x8b"):
        return "gzip"
    if start.startswith(b"BZh"):
        return "bzip2"
    if start.startswith(b"PK\x03\x04"):
        return "zip"
    named = next((name for magic, name in _NAMED.items() if start.startswith(magic)), "")
    if named or key.lower().endswith(".snappy"):
        raise ValueError(f"it is compressed with {named or 'Snappy'}, which the local crawler does not read")
    return "none"


def _gunzip(file: BinaryIO, most: int) -> tuple[bytes, int]:
    """Up to `most` bytes of text, and how many of the file they took. Most objects are this: no layers, no waste."""
    member = zlib.decompressobj(31)
    pieces = []
    size = 0
    rest = b""
    while size < most and (chunk := rest or file.read(_CHUNK)):
        if member.eof:
            rest = chunk.lstrip(b"\0")  # padding behind a member
            if not rest:
                continue
            chunk, member = rest, zlib.decompressobj(31)
        pieces.append(member.decompress(chunk, most - size))
        size += len(pieces[-1])
        rest = member.unused_data if member.eof else member.unconsumed_tail
    if size < most and not member.eof:
        raise EOFError("they end in the middle")
    return b"".join(pieces), file.tell() - len(rest)


def _decompressed(file: BinaryIO, compression: str) -> IO[bytes]:
    if compression == "bzip2":
        return bz2.BZ2File(file)
    archive = zipfile.ZipFile(file)
    if len(archive.namelist()) != 1:
        raise ValueError(f"the zip archive has {len(archive.namelist())} files: only an archive of one is read")
    return archive.open(archive.namelist()[0])
