"""Recall under filters at every selectivity, for every kind, wherever the matching rows lie."""

from __future__ import annotations

import numpy as np
import pytest

from index import And, Not, Range

SHARES = [5000, 1000, 200, 10, 1]
"""Of 10,000: 50 %, 10 %, 2 %, 0.1 % and 0.01 %."""


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("attribute", ["dice", "side"])
def test_recall_at_10_stays(corpus, built, kind, share, attribute):
    """dice: matching rows lie anywhere. side: they lie at one end, and the queries come from the other."""
    ranks = getattr(corpus, attribute)
    queries = corpus.far if attribute == "side" else corpus.queries[:80]
    index = built(kind)
    found = index.search(queries, 10, Range(attribute, lt=share))
    best = corpus.best(queries, 10, ranks < share)
    assert {len(ids) for ids in found.ids} == {best.shape[1]}
    assert all(ranks[int(name[1:])] < share for ids in found.ids for name in ids)
    assert corpus.recall(found.scores, best) >= 0.95
    if share <= 10:  # so few that each of them is scored
        np.testing.assert_allclose(np.stack(found.scores), best, rtol=0, atol=2e-6)


def test_recall_where_a_single_query_is_asked(corpus, built, kind):
    where = Range("side", lt=1000)
    scores = [built(kind).search(query[None], 10, where).scores[0] for query in corpus.far[:40]]
    assert corpus.recall(scores, corpus.best(corpus.far[:40], 10, corpus.side < 1000)) >= 0.95


def test_recall_of_a_filter_that_leaves_out_the_nearest(corpus, built, kind):
    """Everything but the part the queries come from."""
    where = Not(Range("side", ge=8000))
    found = built(kind).search(corpus.far, 10, where)
    assert corpus.recall(found.scores, corpus.best(corpus.far, 10, corpus.side < 8000)) >= 0.95


def test_recall_of_a_hundred(corpus, built, kind):
    where = And((Range("dice", lt=6000), Range("side", lt=5000)))
    mask = (corpus.dice < 6000) & (corpus.side < 5000)
    found = built(kind).search(corpus.queries[:60], 100, where)
    assert corpus.recall(found.scores, corpus.best(corpus.queries[:60], 100, mask)) >= 0.94
