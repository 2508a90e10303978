"""Another encoder, a newer format, an unknown back-end: refused on opening, with the mend."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from index import CorruptIndex, FaissIndex, FingerprintMismatch, IndexNotFound, UnsupportedFormat, open_index, versions


def change(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def sql(folder, statement):
    with closing(sqlite3.connect(folder / "v1" / "notes.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()


def pointer(folder):
    return folder / "index.json"


def manifest(folder):
    return folder / "v1" / "version.json"


@pytest.mark.parametrize("opener", [FaissIndex.open, open_index])
def test_another_encoder_is_refused_and_the_index_is_let_go(made, work, opener):
    folder = made(40)
    with pytest.raises(FingerprintMismatch, match=r"built with the encoder 'print-1', got 'print-2'.*rebuild"):
        opener(folder, fingerprint="print-2")
    with opener(folder, fingerprint="print-1") as index:
        index.delete(["n-1"])
        assert index.count() == 39


HARMS = {
    "index.json is newer": (lambda f: change(pointer(f), format=99), UnsupportedFormat, "format 99.*Upgrade"),
    "index.json is older": (lambda f: change(pointer(f), format=1), UnsupportedFormat, "format 1,.*Build the index"),
    "version.json is newer": (lambda f: change(manifest(f), format=99), UnsupportedFormat, "format 99.*Upgrade"),
    "the database is newer": (lambda f: sql(f, "PRAGMA user_version = 99"), UnsupportedFormat, "format 99.*Upgrade"),
    "another program's": (lambda f: sql(f, "PRAGMA application_id = 7"), UnsupportedFormat, "another program"),
    "an unknown back-end": (lambda f: change(pointer(f), backend="abacus"), UnsupportedFormat, "'abacus'.*Upgrade"),
    "a setting unknown": (lambda f: change(manifest(f), config={"depth": 1}), CorruptIndex, "depth.*Restore"),
    "a setting out of range": (lambda f: change(manifest(f), config={"m": 0}), CorruptIndex, "m 0.*Restore"),
    "dim no number": (lambda f: change(manifest(f), dim="8"), CorruptIndex, "dim is '8', expected a int.*Restore"),
    "no schema": (lambda f: change(manifest(f), schema={}), CorruptIndex, "Restore"),
    "published no list": (lambda f: change(pointer(f), published="v1"), CorruptIndex, "published.*Restore"),
    "published no names": (lambda f: change(pointer(f), published=[1]), CorruptIndex, "published.*Restore"),
    "no JSON": (lambda f: pointer(f).write_bytes(b"{"), CorruptIndex, "no JSON.*Restore"),
    "a list": (lambda f: pointer(f).write_bytes(b"[1]"), CorruptIndex, "no format number.*Restore"),
    "version.json no JSON": (lambda f: manifest(f).write_bytes(b"\xff"), CorruptIndex, "no JSON.*Restore"),
    "no version.json": (lambda f: manifest(f).unlink(), CorruptIndex, "Restore|rebuild"),
    "a version that is not there": (lambda f: change(pointer(f), current="v9"), CorruptIndex, "Restore|rebuild"),
    "a version outside": (lambda f: change(pointer(f), current="../x"), CorruptIndex, "Restore|rebuild"),
    "another dim": (lambda f: change(manifest(f), dim=9), CorruptIndex, "another manifest: restore"),
}


def read(folder):
    with open_index(folder) as index:
        index.get(["n-1"])


@pytest.mark.parametrize("harm", HARMS)
def test_what_is_not_understood_is_refused_with_its_mend(made, work, harm):
    folder = made(40)
    do, error, message = HARMS[harm]
    do(folder)
    with pytest.raises(error, match=message):
        read(folder)


def test_nothing_there(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        for opener in (FaissIndex.open, open_index, versions.list_versions, versions.rollback):
            with pytest.raises(IndexNotFound, match=r"no index\.json here. Check the path, or create an index"):
                opener(path)
