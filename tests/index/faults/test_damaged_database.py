"""The truth itself damaged or exchanged: said by our names and with a mend, never a traceback of sqlite3's."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from index import CorruptIndex, FaissIndex, NoteIndexError, UnsupportedFormat

HEADER = 100
"""Bytes; https://www.sqlite.org/fileformat.html, section 1.3."""


@pytest.fixture
def database(made):
    return made(60) / "v1" / "notes.sqlite"


def used(folder, work):
    """Open it and do a bit of everything."""
    with FaissIndex.open(folder) as index:
        for _ in index.scan():
            pass
        index.search(work.record("q", 1).vector[None], 5, work.WHERES[1])
        index.keyword("red", 5)
        index.get([f"n-{i}" for i in range(60)])
        index.upsert([work.record("n-1", 2), work.record("new", 2)])
        index.delete(["n-3"])
        index.compact()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda data: b"", "damaged|belongs to another program"),
        (lambda data: b"no database" * 999, "is damaged: file is not a database"),
        (lambda data: b"\0" * HEADER + data[HEADER:], "is damaged"),
        (lambda data: data[:5000], "is damaged"),
        (lambda data: data[: len(data) // 2], "is damaged"),
        (lambda data: data[:8192] + b"\xa5" * 8192 + data[16384:], "is damaged"),
    ],
    ids=["empty", "text", "no header", "cut in the first page", "cut in half", "a page written over"],
)
def test_a_damaged_database_is_told_with_its_mend(database, work, harm, message):
    database.write_bytes(harm(database.read_bytes()))
    with pytest.raises((CorruptIndex, UnsupportedFormat), match=message) as caught:
        used(database.parents[1], work)
    assert "estore" in str(caught.value) or "Give the folder" in str(caught.value)


def test_a_missing_database_is_told(database, work):
    database.unlink()
    with pytest.raises(CorruptIndex, match=r"missing beside its manifest\. Restore it, or rebuild"):
        used(database.parents[1], work)


@pytest.mark.parametrize("place", range(HEADER))
def test_any_byte_of_the_header_changed_is_harmless_or_told(database, work, place):
    data = bytearray(database.read_bytes())
    data[place] ^= 0xFF
    database.write_bytes(data)
    told_or_fine(database.parents[1], work)


@pytest.mark.parametrize("seed", range(30))
def test_any_byte_of_any_page_changed_is_harmless_or_told(database, work, seed):
    rng = np.random.default_rng(seed)
    data = bytearray(database.read_bytes())
    for place in rng.integers(HEADER, len(data), 12):
        data[place] ^= int(rng.integers(1, 256))
    database.write_bytes(data)
    told_or_fine(database.parents[1], work)


def told_or_fine(folder, work):
    message = str(folder)
    try:
        used(folder, work)
    except NoteIndexError as error:
        message = str(error)
    assert str(folder) in message


def test_a_database_restored_from_an_older_copy_is_what_counts(made, work):
    """The derived files, which are ahead of it, give way: also after it went on differently to the same number."""
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    older = folder.with_name("older.sqlite")
    shutil.copy(folder / "v1" / "notes.sqlite", older)
    with FaissIndex.open(folder) as index:
        work.perform(index, ("upsert", 1, tuple(f"lost-{i}" for i in range(30))))
        index.keyword("red", 3)
        index.compact()
    shutil.copy(older, folder / "v1" / "notes.sqlite")
    with FaissIndex.open(folder) as index:
        work.check(index, truth)
        other = ("upsert", 2, tuple(f"other-{i}" for i in range(30)))
        work.perform(index, other)
        work.check(index, work.after(truth, other))


def test_a_database_restored_and_written_on_before_any_search_is_what_counts(made, work):
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    older = folder.with_name("older.sqlite")
    shutil.copy(folder / "v1" / "notes.sqlite", older)
    with FaissIndex.open(folder) as index:
        work.perform(index, ("upsert", 1, tuple(f"lost-{i}" for i in range(30))))
        index.keyword("red", 3)
        index.compact()
    shutil.copy(older, folder / "v1" / "notes.sqlite")
    other = ("upsert", 2, tuple(f"other-{i}" for i in range(40)))
    with FaissIndex.open(folder) as index:
        work.perform(index, other)
        dead = shutil.copytree(folder, folder.with_name("dead"))  # as a kill leaves it: close() would build all anew
    with FaissIndex.open(dead) as index:
        work.check(index, work.after(truth, other))


def test_a_log_cut_anywhere_leaves_whole_calls(children, made, work):
    """As after a power cut on a disk that lied: some of the last calls may be missing, none is there in part."""
    folder = made(20)
    child = children.start("go_on", folder=folder, rule="operation", seed=5, first=0)
    child.hear(12)
    child.kill()
    states = [dict.fromkeys((f"n-{i}" for i in range(20)), 0)]
    for number in range(len(child.said)):
        states.append(work.after(states[-1], work.operation(5, number)))
    kept = shutil.copytree(folder, folder.with_name("kept"))
    size = (kept / "v1" / "notes.sqlite-wal").stat().st_size
    for cut in np.random.default_rng(5).integers(0, size, 12).tolist():
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        with (folder / "v1" / "notes.sqlite-wal").open("r+b") as log:
            log.truncate(cut)
        (folder / "v1" / "notes.sqlite-shm").unlink(missing_ok=True)
        with FaissIndex.open(folder) as index:
            truth = work.truth_of(index)
            assert truth in states
            work.check(index, truth)
