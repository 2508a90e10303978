"""Search over both servers: ids, scores, order and ties as the oracle has them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from index.base import Record, Vectors
from index.errors import InvalidFilter, InvalidQuery, NoteIndexError
from index.exact import ExactIndex
from index.filters.tree import Eq, Exists, Not
from index.milvus import MilvusConfig, MilvusIndex, neighbours
from index.schema import IndexSchema


@pytest.fixture(scope="module")
def filled(
    milvus: Any, notes: Callable[..., list[Record]], oracle: Callable[..., ExactIndex]
) -> Iterator[tuple[MilvusIndex, ExactIndex]]:
    """300 records, every third vector repeated, some replaced, some removed; half of them sealed."""
    index, exact = milvus.create(), oracle()
    records = notes(300)
    for each in (index, exact):
        each.upsert(records)
    index.snapshot()
    for each in (index, exact):
        each.upsert(notes(20, seed=9))
        each.delete([record.id for record in records[50:80]])
    yield index, exact
    index.close()


@pytest.mark.parametrize("k", [1, 7, 299, 5_000])
def test_it_is_the_exact_answer(
    filled: tuple[MilvusIndex, ExactIndex], units: Callable[..., Vectors], same: Callable[..., None], k: int
) -> None:
    index, exact = filled
    for queries in (units(12, seed=5), units(300, seed=0)[40:90:7]):
        same(index.search(queries, k), exact.search(queries, k))
        for where in (Eq("category", "food"), Not(Exists("tags")), Eq("category", "nowhere")):
            same(index.search(queries, k, where), exact.search(queries, k, where))


def test_many_equal_vectors_are_ordered_by_id(
    milvus: Any, oracle: Callable[..., ExactIndex], same: Callable[..., None]
) -> None:
    vectors = np.eye(8, dtype=np.float32)
    names = [f"{number * 7919 % 1000:03d}" for number in range(200)]
    records = [Record(name, vectors[place % 2], {}, "h") for place, name in enumerate(names)]
    with milvus.create() as index:
        index.upsert(records)
        exact = oracle(records)
        # 100 rows share every place: more than any first request asks for.
        for k in (1, 5, 99, 100, 101):
            same(index.search(vectors[:3], k), exact.search(vectors[:3], k))


def test_more_ties_than_the_server_gives_are_read_one_by_one(
    filled: tuple[MilvusIndex, ExactIndex],
    units: Callable[..., Vectors],
    same: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    index, exact = filled
    monkeypatch.setattr(neighbours, "MOST_ROWS", 30)
    monkeypatch.setattr(neighbours, "_WINDOW", 64)
    same(index.search(units(3, seed=6), 120), exact.search(units(3, seed=6), 120))
    same(index.search(units(2, seed=6), 40, Exists("public")), exact.search(units(2, seed=6), 40, Exists("public")))


@pytest.mark.parametrize(
    "config",
    [
        MilvusConfig(index_type="HNSW", ef_search=400),
        MilvusConfig(index_type="IVF_FLAT", lists=4, probes=4),
        MilvusConfig(index_type="IVF_SQ8", lists=4, probes=4),
        MilvusConfig(index_type="AUTOINDEX"),
    ],
    ids=lambda config: config.index_type,
)
def test_every_index_type_scores_exactly(
    lite: Any,
    notes: Callable[..., list[Record]],
    oracle: Callable[..., ExactIndex],
    units: Callable[..., Vectors],
    config: MilvusConfig,
) -> None:
    index, exact = lite.create(config=config), oracle(notes(400, seed=4))
    index.upsert(notes(400, seed=4))
    index.snapshot()
    _scores_are_exact(index, exact, units(30, seed=5))


def test_parameters_reach_the_embedded_server(
    lite: Any, notes: Callable[..., list[Record]], oracle: Callable[..., ExactIndex], units: Callable[..., Vectors]
) -> None:
    """It drops what it does not know without a word: one list of 64 finds little, all 64 find everything."""
    queries, wanted = units(40, seed=5), oracle(notes(3_000, seed=4)).search(units(40, seed=5), 10).ids
    recalls = []
    for probes in (1, 64):
        index = lite.create(config=MilvusConfig(index_type="IVF_FLAT", lists=64, probes=probes))
        index.upsert(notes(3_000, seed=4))
        index.snapshot()
        for _ in range(100):  # until the index, built a little later, takes the place of looking at everything
            found = index.search(queries, 10).ids
            recalls.append(sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True)) / 400)
            if probes == 64 or recalls[-1] < 0.8:
                break
            time.sleep(0.1)
    assert recalls[-2] < 0.8
    assert recalls[-1] == 1.0


@pytest.mark.milvus_server
@pytest.mark.parametrize("index_type", ["HNSW", "IVF_PQ"])
def test_index_types_of_the_server_score_exactly(
    server: Any,
    notes: Callable[..., list[Record]],
    oracle: Callable[..., ExactIndex],
    units: Callable[..., Vectors],
    index_type: str,
) -> None:
    # Segments below 1,024 rows are searched without an index.
    config = MilvusConfig(index_type=index_type, lists=8, probes=8, pq_parts=4, pq_bits=8)
    index, exact = server.create(config=config), oracle(notes(1_500, seed=4))
    index.upsert(notes(1_500, seed=4))
    index.snapshot()
    _scores_are_exact(index, exact, units(30, seed=5), 0.5 if index_type == "IVF_PQ" else 0.95)


def _scores_are_exact(index: MilvusIndex, exact: ExactIndex, queries: Vectors, recall: float = 0.95) -> None:
    """What was found has its exact score and stands in exact order; and most of what is nearest was found."""
    found, wanted, everything = index.search(queries, 10), exact.search(queries, 10), exact.search(queries, 2_000)
    hits = 0
    for number in range(len(queries)):
        true = dict(zip(everything.ids[number], everything.scores[number], strict=True))
        scores = [true[name] for name in found.ids[number]]
        np.testing.assert_array_equal(found.scores[number], np.array(scores, dtype=np.float32))
        assert found.ids[number] == sorted(found.ids[number], key=lambda name: (-true[name], name))
        hits += len(set(found.ids[number]) & set(wanted.ids[number]))
    assert hits / (10 * len(queries)) >= recall


def test_an_empty_index_answers(milvus: Any, units: Callable[..., Vectors]) -> None:
    with milvus.create(schema=IndexSchema()) as index:
        found = index.search(units(2, seed=1), 3)
        assert found.ids == [[], []]
        assert [scores.shape for scores in found.scores] == [(0,), (0,)]
        assert index.search(np.empty((0, 8), dtype=np.float32), 3).ids == []
        assert index.count() == 0
        assert list(index.scan()) == []
        assert index.get(["a"]) == [None]
        assert index.delete(["a"]) == 0
        index.upsert([])
        with pytest.raises(InvalidFilter, match="has none to filter by"):
            index.count(Exists("category"))


def test_queries_that_mean_nothing_are_refused(
    filled: tuple[MilvusIndex, ExactIndex], units: Callable[..., Vectors]
) -> None:
    index, _ = filled
    query = units(1, seed=1)
    for bad, k in ((query, 0), (query[0], 3), (query[:, :4], 3), (query * np.nan, 3), (query * 2, 3)):
        with pytest.raises(InvalidQuery):
            index.search(bad, k)
    with pytest.raises(InvalidQuery, match="batch_size is 0"):
        index.scan(0)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"index_type": "NONSENSE"}, "expected one of FLAT, HNSW"),
        ({"index_type": "SCANN"}, "expected one of FLAT, HNSW"),
        ({"links": 1}, "links is 1, expected a whole number from 2 to 2,048"),
        ({"probes": True}, "probes is True"),
        ({"batch_rows": 10**6}, "batch_rows is 1000000"),
        ({"timeout": 0.0}, "timeout is 0.0"),
    ],
)
def test_configurations_that_cannot_be_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(NoteIndexError, match=message):
        MilvusConfig(**values)


def test_what_the_embedded_server_would_swallow_is_refused(lite: Any) -> None:
    with pytest.raises(NoteIndexError, match="milvus-lite has no IVF_PQ"):
        lite.create(config=MilvusConfig(index_type="IVF_PQ"))
    with pytest.raises(NoteIndexError, match="partition_key is 'tags', expected one of the text attributes: category"):
        lite.create(config=MilvusConfig(partition_key="tags"))
