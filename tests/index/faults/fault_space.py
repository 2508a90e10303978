"""Running out of space on purpose: by a limit on the size of files, or on a file system of two megabytes."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import fault_work as work

from index import FaissIndex, versions


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: a write that would fails like one on a full disk (EFBIG)."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def failure(call: Callable[[], object]) -> dict[str, object]:
    """What the call raised."""
    try:
        call()
    except Exception as error:
        return {"kind": type(error).__name__, "message": str(error)}
    return {"kind": "nothing", "message": ""}


def serving(root: Path, truth: work.Truth) -> bool:
    """Whether a reader that opens the index finds this truth whole."""
    try:
        with FaissIndex.open(root) as reader:
            work.check(reader, truth)
    except AssertionError:
        return False
    return True


def big(rows: int) -> list[work.Record]:
    """New records, of about 600 bytes each."""
    return [work.record(f"big-{i}", 3) for i in range(rows)]


def without_space(root: Path, step: str) -> dict[str, object]:
    """Fail at one step for want of space, look at what stands, then do the step again with space."""
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    if step in ("publish", "pointer"):
        return _publishing(root, step, truth)
    with FaissIndex.open(root) as index:
        rows = big(2000 if step == "keyword" else 400)
        if step == "keyword":
            index.upsert(rows)
            truth |= dict.fromkeys((row.id for row in rows), 3)
        # 1 kB: less than a base of 60 rows or than the words of 2,000; 60 kB: less than the log of 400 records.
        size, call = {
            "upsert": (60_000, lambda: index.upsert(rows)),
            "compact": (1_000, index.compact),
            "keyword": (1_000, lambda: index.keyword("red", 5)),
        }[step]
        with files_up_to(size):
            told = failure(call)
            found = index.search(work.record("n-7", 0).vector[None], 1).ids == [["n-7"]]
        whole = found and work.truth_of(index) == truth and (step == "keyword" or serving(root, truth))
        call()
        if step == "upsert":
            truth |= dict.fromkeys((row.id for row in rows), 3)
        work.check(index, truth)
        return told | {"whole": whole, "again": True}


def _publishing(root: Path, step: str, truth: work.Truth) -> dict[str, object]:
    """Put the next version in service; without space for its base, or for index.json at the very end."""
    wanted = {"dim": work.DIM, "fingerprint": "print-2", "schema": work.SCHEMA, "config": work.FLAT}

    def publish() -> None:
        versions.publish(root, versions.stage(root, **wanted), expected=50)

    with versions.stage(root, **wanted) as staged:
        staged.upsert(work.record(f"s-{i}", 2) for i in range(50))
    if step == "publish":
        with files_up_to(1_000):
            told = failure(publish)
    else:
        write = versions.write_pointer

        def starved(*arguments: object) -> None:
            with files_up_to(10):
                write(*arguments)

        versions.write_pointer = starved
        told = failure(publish)
        versions.write_pointer = write
    whole = serving(root, truth)
    publish()
    return told | {"whole": whole, "again": True}


def on_a_small_disk() -> dict[str, object]:
    """Upsert until a file system of 2 MB is full, then delete a file that filled it and go on."""
    with tempfile.TemporaryDirectory() as place:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, text=True, check=False
        )
        if made.returncode:
            return {"mounted": False, "why": made.stderr or f"mount ended with {made.returncode}"}
        try:
            return {"mounted": True} | _filling(Path(place))
        finally:
            os.chdir("/")
            subprocess.run(["umount", "-l", place], check=True)


def _filling(disk: Path) -> dict[str, object]:
    (disk / "filler").write_bytes(b"x" * 1_000_000)
    truth = work.create(disk / "index", [f"n-{i}" for i in range(60)])
    index = FaissIndex.open(disk / "index")
    told: dict[str, object] = {"kind": "nothing"}
    for number in range(1_000):
        rows = [work.record(f"b-{number}-{i}", 3) for i in range(100)]
        told = failure(lambda rows=rows: index.upsert(rows))
        if told["kind"] != "nothing":
            break
        truth |= dict.fromkeys((row.id for row in rows), 3)
    whole = work.truth_of(index) == truth and failure(index.compact)["kind"] == "OutOfSpace"
    whole = whole and index.search(rows[0].vector[None], 10_000).ids[0] != []
    (disk / "filler").unlink()
    index.upsert([work.record("late", 4)])
    index.compact()
    work.check(index, truth | {"late": 4})
    index.close()
    return told | {"whole": whole, "again": True}
