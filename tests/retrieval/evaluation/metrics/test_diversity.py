from itertools import combinations

import numpy as np
import pytest

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.metrics.diversity import diversity


def facts_of(tags, categories):
    n = len(tags)
    return NoteFacts(
        ids=[str(i) for i in range(n)],
        has_text=np.ones(n, dtype=np.bool_),
        has_image=np.ones(n, dtype=np.bool_),
        text_length=np.zeros(n, dtype=np.int32),
        category=np.array(categories, dtype=np.int32),
        language=np.full(n, -1, dtype=np.int32),
        tags=np.array([tag for row in tags for tag in row], dtype=np.int32),
        tag_offsets=np.cumsum([0, *map(len, tags)]).astype(np.int64),
        created_at=np.full(n, np.nan),
        categories=tuple(f"类{i}" for i in range(max(categories) + 1)),
        languages=(),
    )


def naive(rows, tags, categories, k):
    sets = [
        {("tag", t) for t in row} | ({("category", c)} if c >= 0 else set())
        for row, c in zip(tags, categories, strict=True)
    ]
    found = []
    for row in rows:
        known = [sets[i] for i in row[:k] if sets[i]]
        pairs = [1 - len(a & b) / len(a | b) for a, b in combinations(known, 2)]
        found.append(np.mean(pairs) if pairs else np.nan)
    return found


def test_by_hand(ranking_of):
    # Tag 0 and category 0 are two things. Note 3 has nothing, note 4 names a tag twice.
    facts = facts_of([[0, 1], [1, 2], [5], [], [0, 0, 1]], [0, 0, -1, -1, 0])
    alike = 1 - 2 / 4
    ranking = ranking_of([[0, 1, 2], [0, 4, 3], [2, 3, -1], [3, -1, -1], [0, 1, 3]])
    found = diversity(ranking, facts, 3)
    assert found[:2] == pytest.approx([(alike + 1 + 1) / 3, 0])
    assert np.isnan(found[2:4]).all()
    assert found[4] == pytest.approx(alike)
    assert diversity(ranking, facts, 2)[:2] == pytest.approx([alike, 0])


@pytest.mark.parametrize("chunk", [7, 1 << 16])
def test_equals_sets_in_a_loop(chunk, ranking_of, monkeypatch):
    monkeypatch.setattr("retrieval.evaluation.metrics.diversity._CHUNK", chunk)
    rng = np.random.default_rng(5)
    tags = [rng.integers(0, 12, rng.integers(0, 6)).tolist() for _ in range(60)]
    categories = rng.integers(-1, 4, 60).tolist()
    rows = [rng.permutation(60)[: rng.integers(0, 9)].tolist() for _ in range(80)]
    found = diversity(ranking_of(rows, 8), facts_of(tags, categories), 6)
    want = naive(rows, tags, categories, 6)
    assert np.isnan(want).any()
    np.testing.assert_allclose(found, want, atol=1e-12)


def test_one_note_or_nothing_known(ranking_of):
    bare = facts_of([[], []], [-1, -1])
    assert np.isnan(diversity(ranking_of([[0, 1]]), bare, 2)).all()
    assert np.isnan(diversity(ranking_of([[0, 1]]), facts_of([[1], [2]], [0, 0]), 1)).all()
    assert np.isnan(diversity(ranking_of([[], []], depth=2), bare, 2)).all()
    with pytest.raises(EvaluationError, match="top 3 were asked of rankings 2 deep"):
        diversity(ranking_of([[0, 1]]), bare, 3)
