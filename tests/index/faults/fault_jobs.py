"""What the processes do that are killed, starved of space or shut out. Each function is one job of fault_server.py.

`say` writes a line at once: what was said before a death was acknowledged before it.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from pathlib import Path

import fault_soak
import fault_space
import fault_work as work
from fault_points import Points

from index import FaissIndex, NoteIndexError, versions


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


def go_on(folder: str, rule: str, seed: int, first: int, last: int = 1_000_000) -> None:
    """Make the calls of a seeded sequence one after the other, saying the number of each that returned."""
    call_of = getattr(work, rule)
    with FaissIndex.open(folder) as index:
        say("ready")
        for number in range(first, last):
            work.perform(index, call_of(seed, number))
            say(number)


def call_once(folder: str, what: str, mark: int, names: list[str], die: int) -> None:
    """One call, dying at a point of it; says how many points it has."""
    points = Points(die)
    index = FaissIndex.open(folder)
    points.begin()
    work.perform(index, (what, mark, tuple(names)))
    points.pause()
    say("done", points.count)
    index.close()


def create(folder: str, die: int) -> None:
    """Make an empty index, dying at a point of it."""
    points = Points(die)
    points.begin()
    index = FaissIndex.create(folder, dim=work.DIM, fingerprint=work.PRINT, schema=work.SCHEMA, config=work.FLAT)
    points.pause()
    say("done", points.count)
    index.close()


def swap(folder: str, step: str, die: int) -> None:
    """One step in the life of versions, dying at a point of it: stage, fill, publish, rollback or prune."""
    root = Path(folder)
    points = Points(die)
    staged: FaissIndex | None = None
    if step in ("fill", "publish"):
        staged = stage(root)
    if step == "publish":
        fill(staged)
    points.begin()
    if step == "stage":
        staged = stage(root)
    elif step == "fill":
        fill(staged)
    elif step == "publish":
        versions.publish(root, staged, expected=50)
    elif step == "rollback":
        versions.rollback(root)
    else:
        versions.prune_versions(root, keep=1)
    points.pause()
    say("done", points.count)
    if staged is not None:
        staged.close()


def stage(root: Path) -> FaissIndex:
    """The next version, of the encoder print-2."""
    return versions.stage(root, dim=work.DIM, fingerprint="print-2", schema=work.SCHEMA, config=work.FLAT)


def fill(staged: FaissIndex | None) -> None:
    """The 50 records that every second version holds."""
    assert staged is not None
    for start in (0, 25):
        staged.upsert(work.record(f"s-{i}", 2) for i in range(start, start + 25))


def build_beside(folder: str, first: int) -> None:
    """Fill the staged version from this call on, saying the number of each that returned."""
    with stage(Path(folder)) as staged:
        say("ready")
        for number in range(first, 1_000_000):
            work.perform(staged, work.build(0, number))
            say(number)


def hold(folder: str, until: str = "") -> None:
    """Write one record and keep the right to write: until killed, or until there is a file of that name."""
    with FaissIndex.open(folder) as index:
        index.upsert([work.record("held", 5)] if until else [])
        index.hold()
        say("held")
        while not (until and Path(until).exists()):
            time.sleep(0.01)


def read_only(folder: str) -> None:
    """As a user who may not write there: read in every way, try to write in every way, and say what came of it."""
    with (
        tempfile.TemporaryDirectory() as elsewhere
    ):  # another user may not be able to load what is used for the first time
        work.create(Path(elsewhere) / "i", ["n-1"])
        with FaissIndex.open(Path(elsewhere) / "i") as index:
            work.check(index, {"n-1": 0})
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    root = Path(folder)
    try:
        index = FaissIndex.open(root, fingerprint=work.PRINT, lock_timeout=0.2)
    except NoteIndexError as error:
        say(json.dumps({"open": told(error)}))
        return
    with index:
        query = work.record("n-7", 0)
        answers: dict[str, object] = {
            "rows": len(work.truth_of(index)),
            "found": index.search(query.vector[None], 1).ids[0][0],
            "got": next(row.id for row in index.get(["n-7"]) if row),
            "odd": 0 < index.count(work.WHERES[1]) < index.count(),
        }
        try:
            answers["words"] = "n-7" in index.keyword("n7", 1).ids[0]
        except NoteIndexError as error:
            answers["words"] = ": ".join(told(error))
        writes = {
            "upsert": lambda: index.upsert([query]),
            "delete": lambda: index.delete(["n-7"]),
            "compact": index.compact,
            "snapshot": index.snapshot,
            "stage": lambda: stage(root),
            "rollback": lambda: versions.rollback(root),
            "prune": lambda: versions.prune_versions(root),
        }
        heard: dict[str, object] = {"answers": answers}
        for name, write in writes.items():
            try:
                write()
                heard[name] = ["nothing", ""]
            except Exception as error:
                heard[name] = told(error)
    say(json.dumps(heard))


def told(error: BaseException) -> list[str]:
    """An error's name and words."""
    return [type(error).__name__, str(error)]


def without_space(folder: str, step: str) -> None:
    """See fault_space.py."""
    say(json.dumps(fault_space.without_space(Path(folder), step)))


def on_a_small_disk() -> None:
    """See fault_space.py."""
    say(json.dumps(fault_space.on_a_small_disk()))


def write_along(folder: str, log: str, seconds: float) -> None:
    """See fault_soak.py."""
    say(json.dumps(fault_soak.write_along(Path(folder), Path(log), seconds)))


def read_along(folder: str, log: str, seconds: float, seed: int) -> None:
    """See fault_soak.py; it begins before the writer does, and ends after it."""
    say("ready")
    say(json.dumps(fault_soak.read_along(Path(folder), Path(log), seconds + 2, seed)))
