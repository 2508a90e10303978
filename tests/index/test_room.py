"""The room from outside: its names, what importing it costs, and the pieces that stand alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import index
from index import ExactIndex, FaissIndex, NoteIndex, NoteIndexError, errors
from index.ranking import contenders, inner_products, ranked

ROOT = Path(__file__).parents[2]
NAMES = """
    And Attribute AttributeType BackendUnavailable Capabilities Contains ContainsAny CorruptIndex Eq ExactIndex
    Exists FaissConfig FaissIndex Filter FingerprintMismatch In IndexClosed IndexExists IndexLocked IndexNotFound
    IndexReadOnly IndexSchema InvalidFilter InvalidQuery InvalidRecord InvalidVersion JSON MissingCapability
    Neighbours Not NoteIndex NoteIndexError Or OutOfSpace Range Record UnsupportedFormat open_index parse_filter
    MilvusPlace connect copy_index create_index
"""


def test_the_public_names():
    assert sorted(index.__all__) == sorted(NAMES.split()) == dir(index)
    for name in index.__all__:
        assert getattr(index, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = index.nothing


def test_it_is_the_folder_of_this_repository():
    assert Path(index.__file__).parent == ROOT / "index"


def test_importing_it_loads_nothing():
    code = """
import sys
import index
heavy = {"numpy", "faiss", "torch", "sqlite3", "pydantic", "filelock", "tantivy", "rjieba", "pymilvus"}
print(sorted(heavy & set(sys.modules)))
from index import FaissIndex, ExactIndex, Record, open_index
late = heavy - {"numpy", "sqlite3", "filelock"}
print(sorted(late & set(sys.modules)))
import tempfile
index = FaissIndex.create(tempfile.mkdtemp() + "/i", dim=4, fingerprint="f")
print(index.count(), index.get(["a"]), list(index.scan()), sorted(late & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]", "0 [None] [] []"]


def test_every_error_is_in_the_tree_and_in_its_drawing():
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(found) == 16
    for error in found:
        assert issubclass(error, NoteIndexError)
        assert error.__name__ in (errors.__doc__ or "")


def test_both_back_ends_are_what_the_protocol_asks(tmp_path):
    def use(any_index: NoteIndex) -> int:
        return any_index.count()

    with ExactIndex(4) as exact, FaissIndex.create(tmp_path / "i", dim=4, fingerprint="f") as durable:
        assert use(exact) == use(durable) == 0


def test_scores_by_hand():
    query = np.array([0.6, 0.8], dtype=np.float32)
    rows = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8], [-0.8, 0.6]], dtype=np.float32)
    np.testing.assert_allclose(inner_products(query, rows), [0.6, 0.8, 0.36 + 0.64, 0.0], atol=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 3, 7, 64, 511, 1024])
def test_equal_rows_score_equal_wherever_they_stand(dim):
    rng = np.random.default_rng(dim)
    row, query = rng.standard_normal((2, dim)).astype(np.float32)
    rows = rng.standard_normal((300, dim)).astype(np.float32)
    rows[::3] = row
    alone = inner_products(query, row[None])[0]
    for table in (rows, np.asfortranarray(rows), np.ascontiguousarray(rows[1:])[2:]):
        same = (table == row).all(axis=1)
        assert set(inner_products(query, table)[same].tolist()) == {alone.item()}


def test_contenders_keep_every_tie_at_the_last_place():
    scores = np.array([0.5, 0.9, 0.5, 0.1, 0.5], dtype=np.float32)
    assert contenders(scores, 1).tolist() == [1]
    assert contenders(scores, 2).tolist() == [0, 1, 2, 4]
    assert contenders(scores, 4).tolist() == [0, 1, 2, 4]
    assert contenders(scores, 9).tolist() == [0, 1, 2, 3, 4]


def test_order_is_by_score_then_by_code_point():
    ids, scores = ranked(["b", "é", "a", "Z", "上"], np.array([0.5, 0.5, 0.5, 0.5, 0.75], dtype=np.float32), 4)
    assert ids == ["上", "Z", "a", "b"]
    assert scores.tolist() == [0.75, 0.5, 0.5, 0.5]
