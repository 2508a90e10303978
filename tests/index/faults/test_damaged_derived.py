"""Derived files that are cut short, changed, deleted or written over cost a warning and time, never a row."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from index import FaissIndex

ROWS = 60


@pytest.fixture(params=["flat", "ivf"])
def built(request, made, work):
    """An index with its base and its words, and its truth."""
    folder = made(ROWS, config=work.FLAT if request.param == "flat" else work.LISTS)
    return folder, dict.fromkeys((f"n-{i}" for i in range(ROWS)), 0)


def base_of(folder: Path) -> Path:
    (base,) = (folder / "v1").glob("base-*")
    return base


def derived(folder: Path, part: str) -> list[Path]:
    """The files of the base, or of the words that stand; locks and empty files cannot be harmed."""
    place = base_of(folder) if part == "base" else folder / "v1" / "lexical"
    return sorted(p for p in place.rglob("*") if p.is_file() and p.stat().st_size and not p.name.endswith(".lock"))


def flip(path: Path, rng: np.random.Generator) -> None:
    data = bytearray(path.read_bytes())
    data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
    path.write_bytes(data)


HARMS = {
    "flipped": flip,
    "cut": lambda path, rng: path.write_bytes(path.read_bytes()[: int(rng.integers(path.stat().st_size))]),
    "deleted": lambda path, rng: path.unlink(),
    "emptied": lambda path, rng: path.write_bytes(b""),
}


def reopened(folder, caplog, work, truth):
    """Open and check everything; returns what was logged."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="notelens.index"), FaissIndex.open(folder) as index:
        work.check(index, truth)
    return caplog.text


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("part", ["base", "words"])
def test_harm_to_any_file_is_told_and_mended(built, work, tmp_path, caplog, part, harm):
    folder, truth = built
    rng = np.random.default_rng(20261121)
    assert reopened(folder, caplog, work, truth) == ""
    kept = shutil.copytree(folder, tmp_path / "kept")
    for name in [path.relative_to(folder) for path in derived(folder, part)]:
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
        HARMS[harm](folder / name, rng)
        log = reopened(folder, caplog, work, truth)
        # tantivy's list of files to tidy up, and what no search reads, may be harmed without anyone noticing.
        if name.name != ".managed.json":
            assert ("left aside" if part == "base" else "building it again from the database") in log, f"{name}: {log}"
        if part == "base":
            assert "no usable base; all of 60 rows are scored" in log
        with FaissIndex.open(folder) as index:
            index.compact()
        assert reopened(folder, caplog, work, truth) == "", name
        with FaissIndex.open(folder) as index:
            assert index.info()["base_seq"] == index.info()["seq"]
        assert work.strays(folder) == []


@pytest.mark.parametrize("part", ["base", "words"])
def test_a_whole_folder_may_go(built, work, caplog, part):
    folder, truth = built
    shutil.rmtree(base_of(folder) if part == "base" else folder / "v1" / "lexical")
    log = reopened(folder, caplog, work, truth)
    assert ("no usable base" in log) is (part == "base")
    with FaissIndex.open(folder) as index:
        index.snapshot()
        assert index.info()["base_seq"] == ROWS
    assert reopened(folder, caplog, work, truth) == ""


GARBAGE = (b"", b"\xff{", b"[]", b"null", b'"note"', b"{}", b"[" * 100_000)
VALUES = (None, -1, 10**30, 1.5, True, "x", [], {}, {"a": 1}, [1])


def test_a_note_of_garbage_is_left_aside(built, work, caplog):
    folder, truth = built
    note = base_of(folder) / "note.json"
    for garbage in GARBAGE:
        note.write_bytes(garbage)
        assert "left aside" in reopened(folder, caplog, work, truth), garbage


def test_a_note_with_any_value_wrong_is_left_aside(built, work, caplog):
    """Each field with each value that cannot be right: nothing but a warning."""
    folder, truth = built
    note = base_of(folder) / "note.json"
    right = json.loads(note.read_bytes())
    mute = {"seconds"}  # said to people only
    for name in right.keys() - mute:
        for value in VALUES:
            if value == right[name]:
                continue
            note.write_text(json.dumps(right | {name: value}))
            with caplog.at_level(logging.WARNING, logger="notelens.index"):
                caplog.clear()
                with FaissIndex.open(folder) as index:
                    assert index.count() == ROWS
                    assert index.search(work.record("n-7", 0).vector[None], 1).ids == [["n-7"]]
            assert "left aside" in caplog.text, f"{name} = {value!r}"
    for name in right:
        note.write_text(json.dumps({key: value for key, value in right.items() if key != name}))
        assert ("left aside" in reopened(folder, caplog, work, truth)) is (name != "format"), name


def test_a_base_of_a_newer_notelens_is_left_aside_and_built_again(built, work, caplog):
    folder, truth = built
    note = base_of(folder) / "note.json"
    note.write_text(json.dumps(json.loads(note.read_bytes()) | {"format": 99}))
    assert "its note is of another format" in reopened(folder, caplog, work, truth)
    with FaissIndex.open(folder) as index:
        index.compact()
    assert reopened(folder, caplog, work, truth) == ""


def test_words_that_are_harmed_while_they_are_open_are_built_again(built, work, caplog):
    """Another program deletes the folder of words under a process that searches them."""
    folder, truth = built
    with caplog.at_level(logging.WARNING, logger="notelens.index"), FaissIndex.open(folder) as index:
        work.check(index, truth)
        shutil.rmtree(folder / "v1" / "lexical")
        more = ("upsert", 1, ("late",))
        work.perform(index, more)
        work.check(index, work.after(truth, more))
    assert "building it again from the database" in caplog.text
