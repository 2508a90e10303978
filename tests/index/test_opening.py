"""Creating and opening: what is refused, with which mend, and what a killed creation leaves."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from index import (
    CorruptIndex,
    FaissIndex,
    FingerprintMismatch,
    IndexExists,
    IndexNotFound,
    NoteIndexError,
    UnsupportedFormat,
    open_index,
)


@pytest.fixture
def folder(tmp_path, unit, record):
    with FaissIndex.create(tmp_path / "i", dim=4, fingerprint="print-1", meta={"a": ["🍜"]}) as index:
        index.upsert([record("x", unit(1, 4, 1)[0])])
    return tmp_path / "i"


def change_manifest(folder, **changes):
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sql(folder, statement):
    with closing(sqlite3.connect(folder / "index.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()


def test_open_index_opens_what_stands_there(folder):
    with open_index(folder, fingerprint="print-1") as index:
        assert isinstance(index, FaissIndex)
        assert (index.dim, index.meta, index.get(["x"])[0].id) == (4, {"a": ["🍜"]}, "x")


@pytest.mark.parametrize("opener", [FaissIndex.open, open_index])
def test_another_encoder_is_refused(folder, opener):
    with pytest.raises(FingerprintMismatch, match=r"'print-1', got 'print-2'.*rebuild"):
        opener(folder, fingerprint="print-2")


@pytest.mark.parametrize("opener", [FaissIndex.open, open_index])
def test_nothing_there(tmp_path, opener):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        with pytest.raises(IndexNotFound, match=r"no index\.json"):
            opener(path)


@pytest.mark.parametrize(
    ("harm", "error", "message"),
    [
        (lambda f: change_manifest(f, format=2), UnsupportedFormat, "format 2.*Upgrade"),
        (lambda f: change_manifest(f, backend="milvus"), UnsupportedFormat, "milvus"),
        (lambda f: change_manifest(f, faiss_type="ivf"), UnsupportedFormat, "ivf"),
        (lambda f: change_manifest(f, dim="4"), CorruptIndex, "dim is '4', expected a int"),
        (lambda f: change_manifest(f, config={"depth": 1}), CorruptIndex, "depth"),
        (lambda f: (f / "index.json").write_bytes(b"{"), CorruptIndex, "no JSON"),
        (lambda f: (f / "index.json").write_bytes(b"[1]"), CorruptIndex, "no format number"),
        (lambda f: sql(f, "PRAGMA user_version = 2"), UnsupportedFormat, "format 2.*Upgrade"),
        (lambda f: sql(f, "PRAGMA application_id = 7"), UnsupportedFormat, "another program"),
        (lambda f: (f / "index.sqlite").write_bytes(b"no database" * 999), CorruptIndex, "not a database"),
        (lambda f: (f / "index.sqlite").unlink(), CorruptIndex, "missing"),
    ],
)
def test_what_is_not_understood_is_refused(folder, harm, error, message):
    harm(folder)
    with pytest.raises(error, match=message):
        open_index(folder)


def test_a_database_of_another_manifest_is_told(folder, tmp_path):
    change_manifest(folder, dim=5)
    with pytest.raises(CorruptIndex, match="16 bytes, expected 20"):
        open_index(folder)


def test_creating_over_an_index_is_refused_and_harms_nothing(folder):
    with pytest.raises(IndexExists, match="already holds an index"):
        FaissIndex.create(folder, dim=4, fingerprint="f")
    with open_index(folder) as index:
        assert index.get(["x"])[0].id == "x"


def test_creating_in_a_foreign_folder_is_refused_and_leaves_nothing(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"x")
    with pytest.raises(IndexExists, match=r"holiday\.jpg"):
        FaissIndex.create(tmp_path, dim=4, fingerprint="f")
    assert [path.name for path in tmp_path.iterdir()] == ["holiday.jpg"]
    with pytest.raises(IndexExists, match="is a file"):
        FaissIndex.create(tmp_path / "holiday.jpg", dim=4, fingerprint="f")


@pytest.mark.parametrize("found", ["nothing", "no bytes", "empty tables", "temporary manifest"])
def test_a_creation_killed_half_way_can_be_done_again(tmp_path, unit, record, found):
    folder = tmp_path / "deep" / "er" / "i"
    FaissIndex.create(folder, dim=7, fingerprint="old").close()
    (folder / "index.json").unlink()
    if found in ("nothing", "no bytes"):
        (folder / "index.sqlite").unlink()
    if found == "no bytes":
        (folder / "index.sqlite").write_bytes(b"")
    if found == "temporary manifest":
        (folder / "index.json.4711.tmp").write_bytes(b'{"form')
    with pytest.raises(IndexNotFound):
        open_index(folder)
    with FaissIndex.create(folder, dim=4, fingerprint="new") as index:
        index.upsert([record("a", unit(1, 4, 2)[0])])
    with open_index(folder, fingerprint="new") as index:
        assert [row.id for row in index.scan()] == ["a"]


def test_records_without_a_manifest_are_not_wiped(folder):
    kept = (folder / "index.json").read_bytes()
    (folder / "index.json").unlink()
    with pytest.raises(CorruptIndex, match=r"holds data but index\.json is missing"):
        FaissIndex.create(folder, dim=4, fingerprint="f")
    (folder / "index.json").write_bytes(kept)
    with open_index(folder) as index:
        assert index.count() == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"dim": 0, "fingerprint": "f"},
        {"dim": 4, "fingerprint": "\ud800"},
        {"dim": 4, "fingerprint": "f", "kind": "ivf"},
        {"dim": 4, "fingerprint": "f", "meta": {"x": float("inf")}},
    ],
)
def test_arguments_that_mean_nothing(tmp_path, arguments):
    with pytest.raises(NoteIndexError, match="expected dim ≥ 1"):
        FaissIndex.create(tmp_path / "i", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_manifest_says_what_the_index_is(folder):
    found = json.loads((folder / "index.json").read_text())
    assert {name: found[name] for name in ("format", "backend", "dim", "metric", "fingerprint", "faiss_type")} == {
        "format": 1,
        "backend": "faiss",
        "dim": 4,
        "metric": "inner_product",
        "fingerprint": "print-1",
        "faiss_type": "auto",
    }
    assert found["created_at"].endswith("+00:00")
