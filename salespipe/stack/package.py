"""The Lambda's deployment package, reproducible: the same source gives the same bytes and so the same CodeSha256."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import resources

_BEGINNING = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip can hold
_UNIX = 3
_READABLE = 0o100644 << 16  # a plain file that Lambda's user may read


def transform_source() -> bytes:
    """The source of salespipe/lambdas/transform.py as installed, with Unix line ends."""
    source = resources.files("salespipe.lambdas").joinpath("transform.py").read_bytes()
    return source.replace(b"\r\n", b"\n")


def package(files: dict[str, bytes]) -> bytes:
    """A zip of `files` in name order, stored, with one fixed time and mode for all.

    Stored and not deflated, because a compressor's output may change with its version.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _BEGINNING)
            entry.create_system = _UNIX
            entry.external_attr = _READABLE
            archive.writestr(entry, files[name])
    return out.getvalue()


def code_sha256(package: bytes) -> str:
    """What Lambda answers as CodeSha256 for this package."""
    return base64.b64encode(hashlib.sha256(package).digest()).decode()
