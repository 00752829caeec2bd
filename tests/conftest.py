"""For every test: a runtime of its own. For a run of them: a few processes that share it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from salespipe.services.pipeline import Pipeline
    from tests.embedded import Embedded


WORKERS = 3
"""One more than there are cores in the least of machines: much of a test is waiting for another process."""


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share a run over a folder between processes: whole files, in order, as those that take longest come first.

    Whole, because the tests of a file share pipelines, and there is one runtime in a process at a time. `-n`, `--pdb`
    and `-p no:xdist` are obeyed (in `addopts`, `-n` would be an error without the plugin); to start others
    is not worth it for files that are named.
    """
    options = config.option
    distributes = config.pluginmanager.hasplugin("xdist") and not hasattr(config, "workerinput")
    if not distributes or options.numprocesses is not None or options.tx or options.usepdb or options.collectonly:
        return
    if any((config.invocation_params.dir / argument).is_dir() for argument in config.args):
        options.numprocesses, options.dist, options.loadscopereorder = WORKERS, "loadfile", False


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Embedded]:
    """The embedded runtime in this process, out of a new home."""
    from tests.embedded import Embedded

    embedded = Embedded(tmp_path / "home")
    embedded.start()
    try:
        yield embedded
    finally:
        embedded.stop()


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Embedded]:
    """The embedded runtime with a pipeline in it that is just made."""
    from tests.standing import standing

    with standing(tmp_path / "home") as embedded:
        yield embedded


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """The pipeline that the tests of a module share."""
    from tests.standing import standing

    with standing(tmp_path_factory.mktemp("pipeline") / "home") as embedded:
        yield embedded.pipeline()
