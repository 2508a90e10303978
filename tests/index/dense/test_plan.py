"""How far a filtered search must look, against a plain loop; and what it costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.dense.lists import Grouped, Lists
from index.dense.plan import cost_of_all, cost_of_nearest


def lists_of(of_row, count):
    """Lists that hold row i in list of_row[i]."""
    rows = np.argsort(of_row, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(of_row, minlength=count), dtype=np.int64)
    return Lists(np.zeros((count, 2), dtype=np.float32), rows, ends, None)


def one_by_one(of_row, mask, scores, wanted):
    """List after list by descending score, until there are enough matching rows."""
    found: list[int] = []
    for number in sorted(range(len(scores)), key=lambda number: (-scores[number], number)):
        if len(found) >= wanted:
            break
        found += [row for row in range(len(of_row)) if of_row[row] == number and mask[row]]
    return sorted(found)


@settings(deadline=None, max_examples=300)
@given(
    of_row=st.lists(st.integers(0, 39), min_size=1, max_size=120),
    share=st.floats(0, 1),
    wanted=st.integers(1, 130),
    seed=st.integers(0, 1000),
)
def test_the_nearest_lists_are_those_of_a_plain_loop(of_row, share, wanted, seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(len(of_row)) < share
    scores = rng.permutation(40).astype(np.float32)
    grouped = Grouped(lists_of(np.array(of_row), 40), mask)
    near = grouped.nearest(scores, wanted)
    assert near.tolist() == np.argsort(-scores)[: len(near)].tolist()
    found = grouped.of(near)
    assert found.dtype == np.int64
    assert sorted(found.tolist()) == one_by_one(of_row, mask.tolist(), scores.tolist(), wanted)
    assert len(found) >= min(wanted, int(mask.sum()))
    further = grouped.within(scores, 20.0, near)
    others = [row for row in range(len(of_row)) if mask[row] and scores[of_row[row]] >= 20 and row not in found]
    assert sorted(grouped.of(further).tolist()) == others


def test_without_lists_all_that_match_are_one_group():
    mask = np.array([True, False, True, True])
    grouped = Grouped(None, mask)
    assert grouped.rows.tolist() == [0, 2, 3]
    for wanted in (1, 3, 9):
        assert grouped.of(grouped.nearest(np.zeros(1, dtype=np.float32), wanted)).tolist() == [0, 2, 3]


def test_every_row_is_in_the_list_of_its_nearest_centroid(unit):
    vectors = unit(900, 8, 1)
    lists = Lists.trained(vectors[:400], vectors, 16, 64)
    assert len(lists) == 16
    assert sorted(lists.rows.tolist()) == list(range(900))
    start = 0
    nearest = (vectors.astype(np.float64) @ lists.centroids.T.astype(np.float64)).argmax(axis=1)
    for number, end in enumerate(lists.ends.tolist()):
        assert set(nearest[lists.rows[start:end]].tolist()) <= {number}
        start = end
    np.testing.assert_allclose(lists.scores(vectors[:5]), vectors[:5] @ lists.centroids.T, atol=1e-6)


def test_costs_by_hand():
    assert cost_of_all(1000, 128) == pytest.approx(1000 * 128 * 0.2)
    assert cost_of_nearest(500, 64, 128) == pytest.approx(2 * 500 * 128 * 0.2 + 64 * 128 * 0.05 + 80_000)
    # Scoring the 2,000 rows that match is cheaper than choosing among them; scoring 50,000 is not.
    assert cost_of_all(2000, 128) < cost_of_nearest(250, 512, 128) < cost_of_all(50_000, 128)
