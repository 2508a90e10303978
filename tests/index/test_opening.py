"""Creating and opening: what is refused, with which mend, and what a killed creation leaves."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from index import (
    CorruptIndex,
    FaissConfig,
    FaissIndex,
    FingerprintMismatch,
    IndexExists,
    IndexNotFound,
    NoteIndexError,
    UnsupportedFormat,
    open_index,
)

DATABASE = "v1/notes.sqlite"


@pytest.fixture
def folder(tmp_path, unit, record):
    with FaissIndex.create(tmp_path / "i", dim=4, fingerprint="print-1", meta={"a": ["🍜"]}) as index:
        index.upsert([record("x", unit(1, 4, 1)[0])])
    return tmp_path / "i"


def change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_pointer(folder, **changes):
    change(folder / "index.json", **changes)


def change_manifest(folder, **changes):
    change(folder / "v1" / "version.json", **changes)


def sql(folder, statement):
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
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
        (lambda f: change_pointer(f, format=3), UnsupportedFormat, "format 3.*Upgrade"),
        (lambda f: change_pointer(f, format=1), UnsupportedFormat, "format 1.*Build the index again"),
        (lambda f: change_pointer(f, backend="nosuch"), UnsupportedFormat, "nosuch.*Upgrade"),
        (lambda f: change_pointer(f, current="v7"), CorruptIndex, "current is not among published"),
        (lambda f: change_pointer(f, current="v7", published=["v7"]), CorruptIndex, r"v7.*version\.json is missing"),
        (lambda f: change_pointer(f, published="v1"), CorruptIndex, "expected a list"),
        (lambda f: (f / "index.json").write_bytes(b"{"), CorruptIndex, "no JSON"),
        (lambda f: (f / "index.json").write_bytes(b"[1]"), CorruptIndex, "no format number"),
        (lambda f: change_manifest(f, format=3), UnsupportedFormat, "format 3.*Upgrade"),
        (lambda f: change_manifest(f, format=1), UnsupportedFormat, "format 1.*Build the index again"),
        (lambda f: change_manifest(f, dim="4"), CorruptIndex, "dim is '4', expected a int"),
        (lambda f: change_manifest(f, config={"depth": 1}), CorruptIndex, "depth"),
        (lambda f: change_manifest(f, config={"kind": "annoy"}), CorruptIndex, "annoy"),
        (lambda f: change_manifest(f, schema={"text": []}), CorruptIndex, "no schema"),
        (lambda f: (f / "v1" / "version.json").write_bytes(b"\x00" * 9), CorruptIndex, "no JSON"),
        (lambda f: (f / "v1" / "version.json").unlink(), CorruptIndex, "missing"),
        (lambda f: sql(f, "PRAGMA user_version = 3"), UnsupportedFormat, "format 3.*Upgrade"),
        (lambda f: sql(f, "PRAGMA user_version = 1"), UnsupportedFormat, "format 1.*rebuild"),
        (lambda f: sql(f, "PRAGMA application_id = 7"), UnsupportedFormat, "another program"),
        (lambda f: (f / DATABASE).write_bytes(b"no database" * 999), CorruptIndex, "not a database"),
        (lambda f: (f / DATABASE).unlink(), CorruptIndex, "missing"),
    ],
)
def test_what_is_not_understood_is_refused(folder, harm, error, message):
    harm(folder)
    with pytest.raises(error, match=message):
        open_index(folder)


def test_a_database_of_another_manifest_is_told(folder, tmp_path):
    change_manifest(folder, dim=5)
    for path in (folder / "v1").glob("base-*"):
        shutil.rmtree(path)
    with pytest.raises(CorruptIndex, match=r"not of 20 bytes.*another manifest"):
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
        (folder / DATABASE).unlink()
    if found == "no bytes":
        (folder / DATABASE).write_bytes(b"")
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
        {"dim": -1, "fingerprint": "f"},
        {"dim": 4, "fingerprint": "f", "meta": {"x": float("inf")}},
    ],
)
def test_arguments_that_mean_nothing(tmp_path, arguments):
    with pytest.raises(NoteIndexError, match="expected dim ≥ 1"):
        FaissIndex.create(tmp_path / "i", **arguments)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "annoy"}, "'annoy', expected one of"),
        ({"storage": "int4"}, "'int4', expected one of"),
        ({"device": "tpu"}, "'tpu'"),
        ({"target_recall": 0.2}, r"target_recall 0\.2, expected 0\.5 to 1"),
        ({"target_recall": 1.01}, r"target_recall 1\.01"),
        ({"m": 0}, "m 0, expected at least 1"),
        ({"truncate": 0, "memory_budget": -1}, "truncate 0.*memory_budget -1"),
    ],
)
def test_settings_that_mean_nothing(settings, message):
    with pytest.raises(NoteIndexError, match=message):
        FaissConfig(**settings)


def test_the_settings_travel_with_the_index(tmp_path):
    config = FaissConfig(kind="hnsw", m=7, target_recall=0.9, truncate=3)
    FaissIndex.create(tmp_path / "i", dim=4, fingerprint="f", config=config).close()
    with FaissIndex.open(tmp_path / "i") as index:
        assert index.config == config
        assert index.info()["kind_asked"] == "hnsw"


def test_the_manifest_says_what_the_index_is(folder):
    pointer = json.loads((folder / "index.json").read_text())
    assert pointer == {"backend": "faiss", "current": "v1", "published": ["v1"], "settings": {}, "format": 2}
    found = json.loads((folder / "v1" / "version.json").read_text())
    told = {name: found[name] for name in ("format", "dim", "metric", "fingerprint", "meta")}
    assert told == {
        "format": 2,
        "dim": 4,
        "metric": "inner_product",
        "fingerprint": "print-1",
        "meta": {"a": ["🍜"]},
    }
    assert found["created_at"].endswith("+00:00")


def test_one_index_is_told_from_another(folder, tmp_path):
    with FaissIndex.create(tmp_path / "j", dim=4, fingerprint="print-1") as other, open_index(folder) as index:
        assert other.info()["index_id"] != index.info()["index_id"]
