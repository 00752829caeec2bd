"""The log of the store: what was acknowledged does not vanish in silence, and no kill is taken for damage."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import Random

import pytest

from salespipe.local import loss, runtime
from salespipe.local.errors import StoreError
from salespipe.local.stores import Stores, wal
from salespipe.local.trouble import Storage
from tests.aws import new_session
from tests.cli.process import salespipe

COMMITS = 20

# Counts up to COMMITS, a commit each, and is killed. Nothing folds the log but what the test adds for `{fold}`.
WRITER = """
import os, shutil, signal, sqlite3, sys
from pathlib import Path
from salespipe.local.stores import Stores, database
home = Path(sys.argv[1])
database._LOG_LOOK_SECONDS = 3600
stores = Stores.open(home)
def write(first, last):
    for number in range(first, last + 1):
        stores.positions.save("writer", "0", str(number))
def fold(how):
    other = sqlite3.connect(home / "store.db")
    other.execute(f"pragma wal_checkpoint({{how}})")
    other.close()
{body}
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed(home: Path, body: str = f"write(1, {COMMITS})") -> Path:
    """A store whose process was killed after `body`."""
    done = subprocess.run([sys.executable, "-c", WRITER.format(body=body), str(home)], check=False)
    assert done.returncode == -signal.SIGKILL
    return home


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with COMMITS commits in its log and none of them in the database; not to be changed."""
    return killed(tmp_path_factory.mktemp("killed") / "home")


@pytest.fixture
def home(store: Path, tmp_path: Path) -> Path:
    return shutil.copytree(store, tmp_path / "home")


def bytes_of(home: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in home.glob("store.db*")}


def cut(home: Path, size: int) -> None:
    os.truncate(home / "store.db-wal", size)


def counted(home: Path) -> int:
    """Open the store, as the next process does, and look how far it had come; it can be written afterwards."""
    stores = Stores.open(home)
    try:
        found = int(stores.positions.get("writer", "0") or 0)
        stores.positions.save("reader", "0", "here")
        assert stores.positions.get("reader", "0") == "here"
        return found
    finally:
        stores.close()


def index_of(home: Path) -> wal.Index:
    found = wal.left_behind(home / "store.db")
    assert found is not None
    return found


def test_everything_is_there_after_a_kill(home: Path) -> None:
    assert index_of(home).frames >= COMMITS
    assert counted(home) == COMMITS


def test_a_log_that_was_cut_anywhere_is_refused_and_left_as_it_was(home: Path) -> None:
    log = home / "store.db-wal"
    whole = log.read_bytes()
    frames = index_of(home).frames
    page = (len(whole) - 32) // frames
    places = [0, 10, 32, *(32 + page * frame + extra for frame in range(frames) for extra in (0, 24, page - 1))]
    for size in places:
        log.write_bytes(whole[:size])
        before = bytes_of(home)
        with pytest.raises(StoreError, match=r"store\.db-wal was cut or damaged: \d+ of the .*touch"):
            Stores.open(home)
        assert bytes_of(home) == before
        assert sorted(path.name for path in home.iterdir()) == ["objects", "store.db", "store.db-shm", "store.db-wal"]

    log.write_bytes(whole)
    assert counted(home) == COMMITS


def test_a_log_that_is_gone_is_refused_until_it_is_back(home: Path) -> None:
    log = home / "store.db-wal"
    log.rename(home / "elsewhere")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"store\.db-wal is gone.*put the file back"):
            Stores.open(home)
    (home / "elsewhere").rename(log)
    assert counted(home) == COMMITS


def test_one_bit_that_changed_in_the_log_is_seen(home: Path) -> None:
    log = home / "store.db-wal"
    whole = log.read_bytes()
    random = Random(7)
    for place in (0, 5, 20, *(random.randrange(len(whole)) for _ in range(30))):
        log.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StoreError, match="was cut or damaged"):
            Stores.open(home)


def test_whoever_agrees_to_the_loss_goes_on_with_what_is_left(home: Path) -> None:
    log = home / "store.db-wal"
    cut(home, log.stat().st_size * 2 // 3)
    damaged = log.read_bytes()
    (home / wal.ACCEPT).touch()

    assert 0 < counted(home) < COMMITS

    assert (home / "store.db-wal.damaged").read_bytes() == damaged
    assert not (home / wal.ACCEPT).exists()
    assert "acknowledged are lost" in str(loss.told(home))


def test_the_command_line_says_what_to_do_and_it_works(store: Path, tmp_path: Path) -> None:
    state = shutil.copytree(store, tmp_path / "state")
    cut(state, (state / "store.db-wal").stat().st_size - 1)

    refused = salespipe("plan", home=tmp_path)

    assert refused.returncode == 1
    assert refused.stdout == ""
    error, hint = refused.stderr.splitlines()
    assert error.startswith("salespipe: error: the local runtime could not be started: ")
    assert f"{state / 'store.db-wal'} was cut or damaged" in error
    assert hint == f"  hint: its log is {state / 'runtime.log'}"
    subprocess.run("touch " + error.partition(": touch ")[2], shell=True, check=True)
    try:
        told = salespipe("up", "--json", home=tmp_path)
        assert told.returncode == 0
        assert json.loads(told.stdout)["changes"]
        mark = re.escape(str(state / "lost"))
        lost = (
            r"[\d-]{10} [\d:]{8}: the newest changes that had been acknowledged are lost \(pages: 1\): "
            rf"{re.escape(str(state))}/store\.db-wal was cut or damaged: 1 of the \d+ pages in it are missing; "
            rf"what is left of it is \S+/store\.db-wal\.damaged; to be told no more: rm {mark}"
        )
        assert re.search(rf"^warning: {lost}$", told.stderr, re.MULTILINE)
        running = runtime.find(state)
        assert running is not None
        os.kill(running.pid, signal.SIGTERM)
        while runtime.alive(running.pid):
            time.sleep(0.01)
        seen = salespipe("status", home=tmp_path)
        assert re.search(rf"^problem: {lost}$", seen.stdout, re.MULTILINE)
        assert json.loads(salespipe("status", "--json", home=tmp_path).stdout)["healthy"] is False
        subprocess.run("rm " + seen.stdout.partition(": rm ")[2].splitlines()[0], shell=True, check=True)
        again = salespipe("status", home=tmp_path)
        assert (again.returncode, again.stderr) == (0, "")
        assert "acknowledged" not in again.stdout
    finally:
        runtime.stop(state)


def test_what_was_lost_is_told_until_somebody_has_seen_it(home: Path) -> None:
    assert loss.told(home) is None
    loss.note(home, "one thing")
    loss.note(home, "another")
    told = Storage(home).problem()
    assert told == loss.told(home)
    assert re.fullmatch(r"\S+ \S+: one thing; \S+ \S+: another; to be told no more: rm \S+/lost", str(told))
    runtime.stop(home)
    assert Storage(home).problem() == told
    (home / loss.FILE).unlink()
    assert Storage(home).problem() is None


@pytest.mark.heavy
def test_what_was_lost_is_told_by_whoever_takes_the_pipeline_down_until_no_data_is_left(tmp_path: Path) -> None:
    state = tmp_path / "state"

    def down(*more: str) -> None:
        assert salespipe("up", "--quiet", home=tmp_path).returncode == 0
        done = salespipe("down", "--yes", *more, home=tmp_path)
        assert (done.returncode, runtime.find(state)) == (0, None)
        assert "warning: " in done.stderr

    try:
        state.mkdir(mode=0o700)
        loss.note(state, "one thing")
        down()
        assert "one thing" in str(loss.told(state))
        s3 = new_session().client("s3", endpoint_url=runtime.ensure(state).endpoint)
        s3.create_bucket(Bucket="of-somebody-else")
        down("--delete-data")
        assert "one thing" in str(loss.told(state))  # it may be missing from that bucket
        s3 = new_session().client("s3", endpoint_url=runtime.ensure(state).endpoint)
        s3.delete_bucket(Bucket="of-somebody-else")
        down("--delete-data")
        assert loss.told(state) is None
    finally:
        runtime.stop(state)


def test_a_loss_that_cannot_be_noted_is_none_yet(home: Path) -> None:
    cut(home, (home / "store.db-wal").stat().st_size * 2 // 3)
    (home / wal.ACCEPT).touch()
    (home / loss.FILE).mkdir()  # as good as a disk without room
    before = bytes_of(home)
    with pytest.raises(IsADirectoryError):
        Stores.open(home)
    assert bytes_of(home) == before
    (home / loss.FILE).rmdir()
    assert 0 < counted(home) < COMMITS


def test_the_agreement_is_good_for_one_loss(home: Path, tmp_path: Path) -> None:
    (home / wal.ACCEPT).touch()
    assert counted(home) == COMMITS
    assert not (home / wal.ACCEPT).exists()
    assert loss.told(home) is None  # nothing was

    again = killed(tmp_path / "again")
    cut(again, 5000)
    with pytest.raises(StoreError, match="was cut or damaged"):
        Stores.open(again)


def test_of_a_log_that_is_gone_what_was_folded_is_left(tmp_path: Path) -> None:
    home = killed(tmp_path / "home", "write(1, 7); fold('passive'); write(8, 20)")
    cut(home, 0)
    with pytest.raises(StoreError, match="go on without them"):
        Stores.open(home)
    (home / wal.ACCEPT).touch()
    assert counted(home) == 7


def test_a_damaged_log_that_was_folded_already_is_no_loss(tmp_path: Path) -> None:
    home = killed(tmp_path / "home", "write(1, 20); fold('passive')")
    for size in (0, 5000):
        copy = shutil.copytree(home, tmp_path / str(size))
        cut(copy, size)
        assert counted(copy) == COMMITS
        assert (copy / "store.db-wal.damaged").stat().st_size == size
        assert loss.told(copy) is None


def test_a_database_that_needs_the_missing_pages_is_refused_for_good(home: Path) -> None:
    # As a kill in the middle of folding leaves it: some of the pages are in the database, nobody knows which.
    frames = index_of(home).frames
    with (home / "store.db-shm").open("r+b") as file:
        file.seek(128)
        file.write(struct.pack("=I", frames))
    cut(home, (home / "store.db-wal").stat().st_size // 2)
    (home / wal.ACCEPT).touch()
    before = bytes_of(home)
    with pytest.raises(StoreError, match=r"put the file back as it was, or move .* away"):
        Stores.open(home)
    assert bytes_of(home) == before


def test_an_index_from_before_a_power_loss_is_no_alarm(tmp_path: Path) -> None:
    keep = "shutil.copyfile(home / 'store.db-shm', home / '{}')"
    body = (
        f"write(1, 5); {keep.format('early')}; write(6, 10); {keep.format('late')}\n"
        "fold('truncate'); write(11, 12)\n"
        "shutil.copyfile(home / 'store.db-shm', home / 'new'); write(13, 20)"
    )
    home = killed(tmp_path / "home", body)
    for index in ("early", "late", "new"):
        copy = shutil.copytree(home, tmp_path / index)
        (copy / index).replace(copy / "store.db-shm")
        assert counted(copy) == COMMITS


def test_a_torn_index_is_read_from_its_other_copy_or_not_at_all(home: Path) -> None:
    index = home / "store.db-shm"
    whole = index.read_bytes()
    cut(home, 5000)
    for torn in (b"\0" * 48 + whole[48:], whole[:48] + b"\0" * 48 + whole[96:]):
        index.write_bytes(torn)
        with pytest.raises(StoreError, match="was cut or damaged"):
            wal.check(home / "store.db")
    for useless in (b"\0" * len(whole), whole[:40], b""):
        index.write_bytes(useless)
        wal.check(home / "store.db")


def test_a_file_system_without_hard_links(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(target))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    wal.check(home / "store.db")
    cut(home, 5000)
    with pytest.raises(StoreError, match="was cut or damaged"):
        wal.check(home / "store.db")


def test_after_a_stop_in_order_there_is_nothing_to_compare(home: Path) -> None:
    assert counted(home) == COMMITS
    assert wal.left_behind(home / "store.db") is None
    assert counted(home) == COMMITS


def test_a_log_that_a_kill_left_is_folded_soon_after_the_next_start(home: Path) -> None:
    stores = Stores.open(home)
    try:
        while (home / "store.db-wal").stat().st_size:
            time.sleep(0.01)
        alone = sqlite3.connect(f"file:{home / 'store.db'}?immutable=1", uri=True)
        assert alone.execute("select value from positions where worker = 'writer'").fetchone() == (str(COMMITS),)
        alone.close()
    finally:
        stores.close()


# ---- kills at any instant ----

RESTLESS = """
import os, sys
from pathlib import Path
from salespipe.local.stores import Stores, database
database._LOG_BYTES, database._LOG_LOOK_SECONDS = 40_000, 0.0005
stores = Stores.open(Path(sys.argv[1]))
number = int(stores.positions.get("writer", "0") or 0)
while True:
    os.write(1, b"%d\\n" % number)
    number += 1
    stores.positions.save("writer", "0", str(number))
    if number % 7 == 0:
        stores.positions.save("large", str(number % 50), "x" * 9000)
"""


def kill_at_random(home: Path, times: int, seed: int) -> list[int]:
    """Kill a writer again and again, each going on where the last one was; the frames that each left in the log."""
    random = Random(seed)
    acknowledged = 0
    frames = []
    for _ in range(times):
        with subprocess.Popen([sys.executable, "-c", RESTLESS, str(home)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            found = int(writer.stdout.readline())
            timer = threading.Timer(random.uniform(0, 0.15), writer.kill)
            timer.start()
            said = writer.stdout.read().split()
            timer.join()
        assert found in (acknowledged, acknowledged + 1)
        acknowledged = int(said[-1]) if said else found
        left = wal.left_behind(home / "store.db")
        frames.append(left.frames if left else 0)
    stores = Stores.open(home)
    assert stores.db.read().execute("pragma integrity_check").fetchone() == ("ok",)
    stores.close()
    return frames


def test_no_kill_is_taken_for_damage(tmp_path: Path) -> None:
    assert max(kill_at_random(tmp_path, 8, seed=1)) > 0


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_no_kill_in_hundreds_is_taken_for_damage(tmp_path: Path) -> None:
    for seed in range(20):
        kill_at_random(tmp_path / str(seed), 15, seed)
