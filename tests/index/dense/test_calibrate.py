"""The width that a target recall needs: measured truly, reached on queries from outside, wider for a higher target."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from index.dense.calibrate import Calibration, calibrate
from index.dense.search import Width

APPROXIMATE = ["hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq"]


def by_hand(corpus, base, rows, k, width):
    """recall@k of stored rows, themselves left out, with sets of row numbers and plain loops."""
    truth = corpus.vectors[rows].astype(np.float64) @ corpus.vectors.T.astype(np.float64)
    truth[np.arange(len(rows)), rows] = -np.inf
    _, found = base.searcher.approximate(corpus.vectors[rows], k + 1, width)
    hits = 0
    for row, scores, each in zip(rows, truth, found, strict=True):
        best = set(np.argsort(-scores, kind="stable")[:k].tolist())
        hits += len(best & set([i for i in each.tolist() if i != row][:k]))
    return hits / (k * len(rows))


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_the_measured_recall_is_the_recall_counted_by_hand(corpus, base_of, kind):
    base = base_of(kind)
    measured = base.calibration
    assert (measured.target, measured.queries) == (0.95, 256)
    drawn = np.random.default_rng(zlib.crc32(base.note.index_id.encode())).choice(len(base), 256, replace=False)
    assert by_hand(corpus, base, np.sort(drawn), 10, measured.ten) == pytest.approx(measured.recall, abs=1e-3)
    others = np.random.default_rng(1).choice(len(base), 300, replace=False)
    counted = by_hand(corpus, base, others, 10, measured.ten)
    assert counted == pytest.approx(measured.recall, abs=0.03)  # a share of 3,000 by chance


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_every_kind_reaches_95_and_99_and_the_width_grows(corpus, base_of, kind):
    base = base_of(kind)
    made = [base.calibration]
    for target in (0.8, 0.99):
        found = calibrate(base.searcher, base.lists, target, seed=5)
        assert found.target == target
        assert found.recall >= target
        for k, width in ((10, found.ten), (100, found.hundred), (1000, found.thousand)):
            scores, _ = base.searcher.approximate(corpus.queries, k, width)
            assert corpus.recall(list(scores), corpus.best(corpus.queries, k)) >= target - 0.005, (target, k)
        made.append(found)
    middle, low, high = made
    assert low.recall <= high.recall
    assert low.ten.probes * low.ten.factor <= middle.ten.probes * middle.ten.factor
    assert middle.ten.probes * middle.ten.factor <= high.ten.probes * high.ten.factor


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_the_index_answers_with_that_recall(corpus, built, kind):
    index = built(kind)
    assert index.info()["calibration"]["target"] == 0.95
    assert index.info()["kind"] == kind
    for k in (1, 3, 10, 30, 100, 300, 1000):
        found = index.search(corpus.queries, k)
        assert corpus.recall(found.scores, corpus.best(corpus.queries, k)) >= 0.945, k


def test_flat_needs_no_width(corpus, built):
    found = built("flat").search(corpus.queries, 10)
    assert corpus.recall(found.scores, corpus.best(corpus.queries, 10)) == 1.0
    assert built("flat").capabilities.exact


def test_widths_between_and_beyond_the_measured_ones():
    found = Calibration(ten=Width(4, 2.0), hundred=Width(10, 2.0), thousand=Width(50, 2.0))
    assert found.width(10) == Width(4, 2.0)
    assert found.width(1) == Width(4, 11.0)  # the one nearest is looked for among the same 22 candidates
    assert [found.width(k) for k in (11, 100)] == [Width(10, 2.0)] * 2
    assert [found.width(k) for k in (200, 1000)] == [Width(50, 2.0)] * 2
    assert found.width(3000) == Width(150, 2.0)


def test_it_survives_being_written_down():
    found = Calibration(0.99, 0.995, Width(4, 2.0), Width(10, 3.0), reach=0.1, filtered_recall=0.97, queries=256)
    assert Calibration.from_json(found.as_json()) == found
    for broken in ({}, {**found.as_json(), "colour": 1}, {**found.as_json(), "ten": None}):
        with pytest.raises((TypeError, KeyError)):
            Calibration.from_json(broken)
