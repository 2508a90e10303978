"""A base that is bad in any way costs a warning and time, never a row."""

from __future__ import annotations

import json
import logging
import shutil
from dataclasses import replace

import numpy as np
import pytest

from index import FaissConfig, FaissIndex, Range
from index.dense.files import BaseNote

DIM = 16
N = 200
EVERYTHING = 10_000


@pytest.fixture(params=["flat", "hnsw", "ivf_pq"])
def filled(request, tmp_path, notes):
    """An index of 200 rows with a base, closed: its folder."""
    config = FaissConfig(kind=request.param, snapshot_after=100)
    with FaissIndex.create(tmp_path / "i", dim=DIM, fingerprint="f", config=config) as index:
        index.upsert(notes(range(N), DIM))
        index.compact()
    return tmp_path / "i"


def answers(index, unit):
    """All rows in order for ten queries, which leaves no neighbour to be missed."""
    found = index.search(unit(10, DIM, 2), EVERYTHING)
    return found.ids, [scores.tolist() for scores in found.scores]


def base(folder):
    (path,) = (folder / "v1").glob("base-*")
    return path


def change_note(folder, **changes):
    path = base(folder) / "note.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def files(folder):
    return sorted(path.name for path in base(folder).iterdir() if path.name != "note.json")


def cut(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def another_indexs(folder, notes):
    config = FaissIndex.open(folder).config
    with FaissIndex.create(folder.parent / "other", dim=DIM, fingerprint="f", config=config) as other:
        other.upsert(notes(range(N), DIM, 9))
        other.compact()
    shutil.rmtree(base(folder))
    shutil.copytree(base(folder.parent / "other"), folder / "v1" / base(folder.parent / "other").name)


def reopened(folder, caplog):
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="notelens.index"):
        return FaissIndex.open(folder)


def check_left_aside(folder, harm, message, caplog, unit):
    """Harm a copy: told, every answer as before, mended by the next snapshot."""
    with reopened(folder, caplog) as index:
        before = answers(index, unit)
    copy = folder.with_name("harmed")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    harm(copy)
    with reopened(copy, caplog) as index:
        assert message in caplog.text
        assert "no usable base; all of 200 rows are scored" in caplog.text
        found = answers(index, unit)
        assert found[0] == before[0]
        np.testing.assert_allclose(found[1], before[1], rtol=0, atol=2e-6)
        assert index.info()["base_seq"] is None
        index.snapshot()
        assert index.info()["base_seq"] == N
    with reopened(copy, caplog) as index:
        assert caplog.text == ""
        assert answers(index, unit)[0] == before[0]
        assert len(list((copy / "v1").glob("*base-*"))) == 1


def test_a_damaged_file_is_told_and_built_again(filled, caplog, unit):
    for name in files(filled):
        check_left_aside(filled, lambda f, name=name: cut(base(f) / name), "a checksum is wrong", caplog, unit)
        check_left_aside(filled, lambda f, name=name: flip(base(f) / name), "a checksum is wrong", caplog, unit)
        check_left_aside(filled, lambda f, name=name: (base(f) / name).unlink(), "left aside", caplog, unit)


FAULTS = {
    "all deleted": (lambda f: shutil.rmtree(base(f)), ""),
    "empty": (lambda f: (base(f) / "storage.faiss").write_bytes(b""), "checksum is wrong"),
    "note deleted": (lambda f: (base(f) / "note.json").unlink(), "left aside"),
    "note no JSON": (lambda f: (base(f) / "note.json").write_bytes(b"\xff{"), "left aside"),
    "note a list": (lambda f: (base(f) / "note.json").write_text("[]"), "not understood"),
    "note of the future": (lambda f: change_note(f, colour="blue"), "not understood"),
    "note of another format": (lambda f: change_note(f, format=99), "another format"),
    "note of wrong types": (lambda f: change_note(f, seq="many"), "left aside"),
    "no checksums": (lambda f: change_note(f, sha256=None), "left aside"),
    "broken calibration": (lambda f: change_note(f, calibration={}), "calibration is not understood"),
    "ahead of the database": (lambda f: change_note(f, seq=N + 1), "older than it"),
    "unknown kind": (lambda f: change_note(f, kind="annoy"), "another format"),
    "wrong rows": (lambda f: change_note(f, rows=N - 1), "expected 199"),
    "wrong dim": (lambda f: change_note(f, dim=DIM + 1), "belongs to another index"),
    "foreign index_id": (lambda f: change_note(f, index_id="0" * 32), "belongs to another index"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("filled", ["ivf_pq"], indirect=True)
def test_a_bad_base_is_told_and_built_again(filled, fault, caplog, unit):
    check_left_aside(filled, *FAULTS[fault], caplog, unit)


@pytest.mark.parametrize("filled", ["flat"], indirect=True)
def test_another_indexs_base_is_left_aside(filled, caplog, unit, notes):
    check_left_aside(filled, lambda f: another_indexs(f, notes), "belongs to another index", caplog, unit)


@pytest.mark.parametrize("filled", ["flat"], indirect=True)
def test_other_vectors_under_true_checksums_are_left_aside(filled, caplog, unit, notes):
    """As if the database had been restored from a copy and written on to the same length."""

    def forge(folder):
        token = json.loads((base(folder) / "note.json").read_text())["token"]
        another_indexs(folder, notes)
        with FaissIndex.open(folder) as index:
            own = index.info()["index_id"]
        change_note(folder, index_id=own, token=token)

    check_left_aside(filled, forge, "does not hold the vectors", caplog, unit)


def test_half_of_a_base_is_not_looked_at_and_goes(filled, caplog, unit):
    half = filled / "v1" / f".{base(filled).name}.4711.tmp"
    shutil.copytree(base(filled), half)
    (half / "note.json").unlink()
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        before = answers(index, unit)
        index.compact()
        assert answers(index, unit)[0] == before[0]
    assert not half.exists()


def test_a_base_older_than_the_database_is_caught_up(filled, unit, notes, caplog):
    kept = shutil.copytree(base(filled), filled.parent / "kept")
    with FaissIndex.open(filled) as index:
        index.upsert(notes(range(190, 230), DIM, 3))
        index.delete(f"n{i:03d}" for i in range(5, 60))
        before = answers(index, unit)
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        assert (index.info()["base_seq"], index.info()["written"], index.info()["removed"]) == (N, 40, 65)
        found = answers(index, unit)
        assert found[0] == before[0]
        assert len(found[0][0]) == 230 - 55
    assert sorted(path.name for path in kept.iterdir()) == sorted(path.name for path in base(filled).iterdir())


def test_a_base_from_before_the_pruning_is_left_aside(filled, unit, notes, caplog):
    """What was removed since is no longer told apart: the old base cannot be caught up."""
    name = base(filled).name
    kept = shutil.copytree(base(filled), filled.parent / "kept")
    with FaissIndex.open(filled) as index:
        index.upsert(notes(range(20), DIM, 4))
        index.delete(["n100"])
        index.compact()
        before = answers(index, unit)
    shutil.rmtree(base(filled))
    shutil.copytree(kept, filled / "v1" / name)
    with reopened(filled, caplog) as index:
        assert "no longer told apart" in caplog.text
        assert answers(index, unit)[0] == before[0]


def test_a_history_that_went_another_way_is_left_aside(filled, unit, notes, caplog):
    """The database is restored from a copy and written on, while the base stays."""
    copy = shutil.copytree(filled, filled.parent / "copy")
    with FaissIndex.open(filled) as index:
        index.upsert(notes(range(N, N + 20), DIM))
        index.compact()
    stale = shutil.copytree(base(filled), filled.parent / base(filled).name)
    with FaissIndex.open(copy) as index:
        index.upsert(notes(range(N, N + 30), DIM, 5))
        before = answers(index, unit)
    shutil.rmtree(base(copy))
    shutil.copytree(stale, copy / "v1" / stale.name)
    with reopened(copy, caplog) as index:
        assert "the database was restored and has gone on differently" in caplog.text
        assert answers(index, unit)[0] == before[0]


def test_compacting_leaves_one_base_and_its_note_is_true(filled, notes):
    with FaissIndex.open(filled) as index:
        index.upsert(notes(range(N, N + 7), DIM))
        index.compact()
        info = index.info()
    note = BaseNote(**json.loads((base(filled) / "note.json").read_text()))
    assert (note.rows, note.dim, note.seq, note.kind) == (N + 7, DIM, N + 7, info["kind"])
    assert sorted(note.sha256) == files(filled)
    assert replace(note, seconds=0.0).index_id == info["index_id"]


@pytest.mark.parametrize("filled", ["flat"], indirect=True)
def test_when_a_snapshot_builds_a_base(filled, notes):
    """More than 100 changes and a tenth of the rows were asked for; fewer are caught up sooner than built."""
    with FaissIndex.open(filled) as index:
        index.upsert(notes(range(N, N + 90), DIM))
        index.snapshot()
        assert (index.info()["base_seq"], index.info()["written"]) == (N, 90)
        index.upsert(notes(range(N + 90, N + 120), DIM))
        index.snapshot()
        assert (index.info()["base_seq"], index.info()["written"]) == (N + 120, 0)
        index.delete(f"n{i:03d}" for i in range(95))
        index.snapshot()
        assert index.info()["removed"] == 95
        index.delete(f"n{i:03d}" for i in range(95, 110))
        index.snapshot()
        assert (index.info()["removed"], index.info()["rows"]) == (0, 210)


@pytest.mark.parametrize("filled", ["flat"], indirect=True)
def test_an_index_that_was_emptied_opens_without_a_warning(filled, caplog, notes, unit):
    with FaissIndex.open(filled) as index:
        index.delete(f"n{i:03d}" for i in range(N))
        index.compact()
        assert index.count() == 0
    with reopened(filled, caplog) as index:
        assert caplog.text == ""
        index.upsert(notes(range(3), DIM))
        assert len(index.search(unit(1, DIM, 1), 9).ids[0]) == 3


def test_auto_goes_by_the_number_of_rows(tmp_path, notes):
    config = FaissConfig(flat_up_to=150)
    with FaissIndex.create(tmp_path / "i", dim=DIM, fingerprint="f", config=config) as index:
        for rows, kind in ((150, "flat"), (151, "ivf_pq")):
            index.upsert(notes(range(rows), DIM))
            index.compact()
            assert index.info()["kind"] == kind
        assert not index.capabilities.exact
        index.delete(f"n{i:03d}" for i in range(100))
        index.compact()
        assert (index.info()["kind"], index.capabilities.exact) == ("flat", True)


def test_range_is_refused_without_a_schema(tmp_path, unit):
    from index import InvalidFilter

    with FaissIndex.create(tmp_path / "i", dim=DIM, fingerprint="f") as index, pytest.raises(InvalidFilter):
        index.search(unit(1, DIM, 1), 1, Range("price", ge=1))
