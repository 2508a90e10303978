"""A snapshot that is bad in any way costs a warning and time, never a row."""

from __future__ import annotations

import json
import logging
import shutil

import numpy as np
import pytest

from index import FaissIndex
from index.snapshot import SnapshotNote

DIM = 16
N = 200


@pytest.fixture
def filled(durable, unit, record):
    """An index of 200 rows with a snapshot, closed; its folder and what a search over it gives."""
    index = durable.create(DIM)
    index.upsert(record(f"n{i:03d}", v, {"i": i}) for i, v in enumerate(unit(N, DIM, 1)))
    index.snapshot()
    index.close()
    return durable.folder / "index"


def answers(index, unit):
    found = index.search(unit(10, DIM, 2), 100_000)
    return found.ids, [scores.tolist() for scores in found.scores]


def data_file(folder):
    (path,) = (folder / "snapshot").glob("*.faiss")
    return path


def note_file(folder):
    return data_file(folder).with_suffix(".json")


def change_note(folder, **changes):
    path = note_file(folder)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def cut(folder):
    data = data_file(folder).read_bytes()
    data_file(folder).write_bytes(data[: len(data) // 2])


def flip(folder):
    data = bytearray(data_file(folder).read_bytes())
    data[len(data) // 2] ^= 0x10
    data_file(folder).write_bytes(data)


def swap_for_another_indexs(folder):
    other = FaissIndex.create(folder.parent / "other", dim=DIM, fingerprint="print-1")
    from index import Record

    rows = np.random.default_rng(9).standard_normal((N, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    other.upsert(Record(f"n{i:03d}", v, {}, "") for i, v in enumerate(rows))
    other.snapshot()
    other.close()
    shutil.rmtree(folder / "snapshot")
    shutil.copytree(folder.parent / "other" / "snapshot", folder / "snapshot")


FAULTS = {
    "all deleted": (lambda folder: shutil.rmtree(folder / "snapshot"), "no usable snapshot"),
    "data deleted": (lambda folder: data_file(folder).unlink(), "left aside"),
    "note deleted": (lambda folder: note_file(folder).unlink(), "no usable snapshot"),
    "truncated": (cut, "checksum is wrong"),
    "empty": (lambda folder: data_file(folder).write_bytes(b""), "checksum is wrong"),
    "bit flipped": (flip, "checksum is wrong"),
    "another index's": (swap_for_another_indexs, "belongs to another index"),
    "note no JSON": (lambda folder: note_file(folder).write_bytes(b"\xff{"), "left aside"),
    "note a list": (lambda folder: note_file(folder).write_text("[]"), "not understood"),
    "note of the future": (lambda folder: change_note(folder, colour="blue"), "not understood"),
    "note of wrong types": (lambda folder: change_note(folder, seq="many"), "left aside"),
    "ahead of the database": (lambda folder: change_note(folder, seq=N + 1), "older than it"),
    "unknown kind": (lambda folder: change_note(folder, kind="ivf"), "kind 'ivf' is unknown"),
    "wrong rows": (lambda folder: change_note(folder, rows=N - 1), "expected 199"),
    "wrong dim": (lambda folder: change_note(folder, dim=DIM + 1), "belongs to another index"),
}


def reopened(folder, caplog):
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="notelens.index"):
        return FaissIndex.open(folder)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_snapshot_is_told_and_built_again(filled, unit, caplog, fault):
    harm, message = FAULTS[fault]
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        before = answers(index, unit)
    harm(filled)
    with reopened(filled, caplog) as index:
        assert message in caplog.text
        assert "building from the database: 200 rows" in caplog.text
        assert answers(index, unit) == before
        assert index.info()["snapshot_seq"] is None
        index.snapshot()
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        assert answers(index, unit) == before


def test_a_file_of_another_kind_under_a_true_checksum_is_left_aside(filled, unit, caplog, durable):
    other = "hnsw" if durable.name == "flat" else "flat"
    change_note(filled, kind=other)
    with reopened(filled, caplog) as index:
        assert f"not a {other} index" in caplog.text
        assert index.count() == N
        assert len(answers(index, unit)[0][0]) == N


def test_a_snapshot_older_than_the_database_is_caught_up(filled, unit, record, caplog):
    kept = shutil.copytree(filled / "snapshot", filled.parent / "kept")
    new = unit(30, DIM, 3)
    with FaissIndex.open(filled) as index:
        index.upsert(record(f"new{i}", v) for i, v in enumerate(new))
        index.upsert(record(f"n{i:03d}", new[i]) for i in range(10))
        index.delete([f"n{i:03d}" for i in range(5, 60)] + ["new3"])
        index.snapshot()
        before = answers(index, unit)
        count = index.count()
    shutil.rmtree(filled / "snapshot")
    shutil.copytree(kept, filled / "snapshot")
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        assert index.info()["snapshot_seq"] == N
        assert answers(index, unit) == before
        assert len(before[0][0]) == count == N + 29 - 55


def test_a_snapshot_of_another_history_of_the_same_index_is_left_aside(filled, unit, record, caplog):
    """The database is restored from a copy and written on, while the snapshot stays."""
    copy = shutil.copytree(filled, filled.parent / "copy")
    with FaissIndex.open(filled) as index:
        index.upsert(record(f"a{i}", v) for i, v in enumerate(unit(20, DIM, 4)))
        index.snapshot()
    stale = shutil.copytree(filled / "snapshot", filled.parent / "stale")
    (filled / "index.sqlite").unlink()
    shutil.copy(copy / "index.sqlite", filled / "index.sqlite")
    with FaissIndex.open(filled) as index:
        index.upsert(record(f"b{i}", v) for i, v in enumerate(unit(30, DIM, 5)))
    shutil.rmtree(filled / "snapshot")  # as if that writer had been killed before it wrote its own
    shutil.copytree(stale, filled / "snapshot")
    with reopened(filled, caplog) as index:
        assert "does not hold what the database does" in caplog.text
        b = unit(30, DIM, 5)
        assert [ids[0] for ids in index.search(b, 1).ids] == [f"b{i}" for i in range(30)]


def test_writing_replaces_what_was_there_and_leaves_nothing_behind(filled, unit, record):
    (filled / "snapshot" / "flat-7.faiss.123.tmp").write_bytes(b"left by a crash")
    with FaissIndex.open(filled) as index:
        index.upsert([record("x", unit(1, DIM, 6)[0])])
        index.snapshot()
        kind, seq = index.info()["kind"], index.info()["snapshot_seq"]
    assert sorted(path.name for path in (filled / "snapshot").iterdir()) == [
        f"{kind}-{seq}.faiss",
        f"{kind}-{seq}.json",
    ]
    note = SnapshotNote(**json.loads(note_file(filled).read_text()))
    assert (note.rows, note.dim, note.seq) == (N + 1, DIM, N + 1)


def test_closing_writes_a_snapshot_when_the_last_is_far_behind(tmp_path, unit, record):
    vectors = unit(1500, 4, 7)
    with FaissIndex.create(tmp_path / "i", dim=4, fingerprint="f") as index:
        index.upsert([record("first", vectors[0])])
    with FaissIndex.open(tmp_path / "i") as index:
        assert index.info()["snapshot_seq"] == 1
        index.upsert(record(f"{i}", v) for i, v in enumerate(vectors[:100]))
    with FaissIndex.open(tmp_path / "i") as index:
        assert index.info()["snapshot_seq"] == 1  # a hundred rows are caught up sooner than written
        index.upsert(record(f"{i}", v) for i, v in enumerate(vectors))
    with FaissIndex.open(tmp_path / "i") as index:
        assert index.info()["snapshot_seq"] == index.info()["seq"] == 1 + 100 + 1500 + 100
        assert index.count() == 1501


def test_a_full_disk_at_closing_costs_the_snapshot_alone(tmp_path, unit, record, caplog):
    index = FaissIndex.create(tmp_path / "i", dim=4, fingerprint="f")
    index.upsert([record("a", unit(1, 4, 8)[0])])
    (tmp_path / "i" / "snapshot").write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="notelens.index"):
        index.close()
    assert "no snapshot was written" in caplog.text
    with FaissIndex.open(tmp_path / "i") as index:
        assert [row.id for row in index.scan()] == ["a"]
