"""The Lambda package: the same source gives the same bytes, whenever and wherever it is built."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from salespipe.stack.package import code_sha256, package, transform_source


def test_it_holds_the_transform_that_lambda_can_import() -> None:
    archive = zipfile.ZipFile(io.BytesIO(package({"transform.py": transform_source()})))
    assert archive.namelist() == ["transform.py"]
    (entry,) = archive.infolist()
    assert entry.date_time == (1980, 1, 1, 0, 0, 0)
    assert entry.external_attr >> 16 == 0o100644
    module: dict[str, object] = {"__name__": "transform"}
    exec(compile(archive.read("transform.py"), "transform.py", "exec"), module)  # as Lambda imports it
    assert callable(module["handler"])


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}\.py", fullmatch=True), st.binary(max_size=200), min_size=1))
def test_order_does_not_matter_and_content_comes_back(files: dict[str, bytes]) -> None:
    built = package(files)
    assert built == package(dict(reversed(files.items())))
    archive = zipfile.ZipFile(io.BytesIO(built))
    assert {name: archive.read(name) for name in archive.namelist()} == files


def test_the_bytes_are_these() -> None:
    """A change here deploys every pipeline's function again: only on purpose."""
    built = package({"transform.py": b"def handler(event, context):\n    return event\n"})
    assert hashlib.sha256(built).hexdigest() == "248e77dc89ba21e203045dbbe837fb2309ee930b3ecb5f20aee9b329f56ad7a5"


def test_the_sha_is_lambdas() -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html: base64 of the SHA-256."""
    assert code_sha256(b"x") == base64.b64encode(hashlib.sha256(b"x").digest()).decode()
