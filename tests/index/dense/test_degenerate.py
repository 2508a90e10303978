"""Every kind over data that no index was made for: nearly no rows, one dimension, all rows alike."""

from __future__ import annotations

import numpy as np
import pytest

from index import Attribute, AttributeType, ExactIndex, FaissConfig, FaissIndex, IndexSchema, Range, Record

SCHEMA = IndexSchema((Attribute("i", AttributeType.NUMBER),))


def compare(folder, kind, vectors, queries, config=None):
    """Ids, order and scores are those of what was found; all rows are found when all are asked for."""
    dim = vectors.shape[1]
    config = config or FaissConfig(kind=kind, m=8)
    rows = [Record(f"n{i:04d}", v, {"i": i}, "") for i, v in enumerate(vectors)]
    oracle = ExactIndex(dim, schema=SCHEMA)
    oracle.upsert(rows)
    with FaissIndex.create(folder, dim=dim, fingerprint="f", schema=SCHEMA, config=config) as index:
        index.upsert(rows)
        index.compact()
        assert index.info()["kind"] == (kind if len(rows) >= 32 else "flat")
        for where in (None, Range("i", lt=len(rows) / 2), Range("i", ge=len(rows) - 1)):
            matching = oracle.count(where)
            truth = oracle.search(queries, matching, where)
            for k in (1, 10, matching, matching + 5):
                found = index.search(queries, k, where)
                for place, ids in enumerate(found.ids):
                    assert len(ids) == min(k, matching)
                    score_of = dict(zip(truth.ids[place], truth.scores[place].tolist(), strict=True))
                    assert ids == sorted(set(ids), key=lambda name: (-score_of[name], name))
                    np.testing.assert_allclose(found.scores[place], [score_of[i] for i in ids], rtol=0, atol=2e-6)
                    if k >= matching:
                        assert ids == truth.ids[place]


@pytest.mark.parametrize("rows", [1, 2, 31, 32, 33, 64])
def test_few_rows(tmp_path, kind, unit, rows):
    compare(tmp_path / "i", kind, unit(rows, 24, rows), unit(6, 24, 1))


@pytest.mark.parametrize("dim", [1, 3, 25, 127, 566])
def test_odd_dimensions(tmp_path, kind, unit, dim):
    compare(tmp_path / "i", kind, unit(150, dim, dim), unit(4, dim, 2))


def test_all_rows_alike(tmp_path, kind, unit):
    vectors = np.repeat(unit(1, 16, 3), 200, axis=0)
    compare(tmp_path / "i", kind, vectors, np.concatenate([vectors[:1], -vectors[:1], unit(2, 16, 4)]))


def test_two_heaps_of_rows(tmp_path, kind, unit):
    vectors = np.repeat(unit(2, 16, 5), 100, axis=0)
    compare(tmp_path / "i", kind, vectors, np.concatenate([vectors[::100], unit(2, 16, 6)]))


@pytest.mark.parametrize("kind", ["ivf_sq8", "ivf_pq", "ivf_rabitq"])
@pytest.mark.parametrize("nlist", [1, 5, 100_000])
def test_any_number_of_lists(tmp_path, kind, unit, nlist):
    compare(tmp_path / "i", kind, unit(120, 16, 7), unit(4, 16, 8), FaissConfig(kind=kind, nlist=nlist))


@pytest.mark.parametrize("kind", ["ivf_sq8", "ivf_pq", "ivf_rabitq"])
def test_few_points_to_train_a_list_from(tmp_path, kind, unit):
    config = FaissConfig(kind=kind, nlist=4, points_per_list=1)
    compare(tmp_path / "i", kind, unit(120, 16, 9), unit(4, 16, 10), config)


def test_one_and_eight_dimensions_kept_of_ten(tmp_path, kind, unit):
    for truncate in (1, 8, 10, 99):
        config = FaissConfig(kind=kind, truncate=truncate, m=8)
        compare(tmp_path / f"{truncate}", kind, unit(100, 10, 11), unit(4, 10, 12), config)


def test_nothing_is_written_to_stderr(tmp_path, kind, unit, capfd):
    """FAISS warns there when it is short of training vectors, which few rows always are."""
    compare(tmp_path / "i", kind, unit(40, 16, 13), unit(2, 16, 14))
    assert capfd.readouterr().err == ""


def test_the_same_calibration_whatever_the_index_is_called(tmp_path, unit):
    """Its sample is drawn by the index's own id: forty small graphs, and none may stumble over an empty sample."""
    for number in range(40):
        config = FaissConfig(kind="hnsw", m=4, ef_construction=8)
        with FaissIndex.create(tmp_path / f"{number}", dim=4, fingerprint="f", config=config) as index:
            index.upsert(Record(f"{i}", v, {}, "") for i, v in enumerate(unit(32, 4, number)))
            index.compact()
            assert index.info()["kind"] == "hnsw"
