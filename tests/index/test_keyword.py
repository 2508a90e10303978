"""Keyword search over every back-end that has it, against the oracle's plain BM25."""

from __future__ import annotations

import numpy as np
import pytest

from index import Contains, Eq, InvalidQuery, MissingCapability, Not, Range
from index.schema import IndexSchema

DIM = 8
N = 120
ASKED = [
    "noodle",
    "Noodles, SOUP!",
    "拉面",
    "寿司 museum",
    "cafe",
    "noodle noodle bridge",
    "🍜 上海 tokyo",
    "nowhere soup",
]


@pytest.fixture
def backend(worded):
    """For the pairs in this file."""
    return worded


@pytest.fixture
def filled(pair, notes):
    """Nothing removed, so that the statistics are the oracle's: a removed text may count until it is forgotten."""
    both = pair(DIM)
    both.upsert(notes(range(80), DIM))
    both.fold()
    both.index.keyword("soup", 1)
    both.upsert(notes(range(80, N), DIM))
    return both


def check(both, text, k, where=None):
    """Assert that both answer alike; where scores are not the oracle's, as far as that does not rest on them."""
    found = both.index.keyword(text, k, where)
    assert found.scores[0].dtype == np.float32
    if both.backend.keyword_scores_exact:
        expected = both.oracle.keyword(text, k, where)
        assert found.ids == expected.ids, (text, k)
        np.testing.assert_allclose(found.scores[0], expected.scores[0], rtol=1e-5)
        return found.ids[0]
    whole, expected = both.index.keyword(text, 500, where), both.oracle.keyword(text, 500, where)
    assert sorted(whole.ids[0]) == sorted(expected.ids[0]), text
    in_order = sorted(zip(-whole.scores[0], whole.ids[0], strict=True))
    assert whole.ids[0] == [name for _, name in in_order], text
    assert (whole.scores[0] > 0).all()
    assert found.ids[0] == whole.ids[0][:k]
    np.testing.assert_array_equal(found.scores[0], whole.scores[0][:k])
    return found.ids[0]


def test_ids_scores_order_and_ties_are_the_oracles(filled):
    for text in ASKED:
        for k in (1, 3, 10, 500):
            check(filled, text, k)
    assert check(filled, "noodle", 500)
    filled.reopen()
    check(filled, "noodle", 10)


def test_filters(filled):
    for where in (Eq("category", "food"), Contains("tags", "ramen"), Not(Range("price", lt=5)), Eq("category", "no")):
        for text in ASKED:
            for k in (1, 10, 500):
                check(filled, text, k, where)


def test_texts_without_a_word_find_nothing(filled):
    for text in ("", " ", "...", "\x00", "nowhere", "#"):
        found = filled.index.keyword(text, 5)
        assert (found.ids, len(found.scores[0])) == ([[]], 0)


def test_no_character_means_anything(filled):
    for text in ('title:noodle"', "noodle AND (soup", "-noodle", "soup*", "noodle~2 ^3", "body:[a TO z]", "soup\x00"):
        check(filled, text, 50)


def test_replaced_and_removed_records(filled, notes):
    """What is found is right at once; the scores are the oracle's again when what was removed is forgotten."""
    where = Not(Eq("category", "food"))
    filled.upsert(notes(range(20, 60), DIM, 1))
    filled.delete(f"n{i:03d}" for i in range(0, N, 7))
    for text in ASKED:
        for each in (None, where):
            found, expected = filled.index.keyword(text, 500, each), filled.oracle.keyword(text, 500, each)
            assert sorted(found.ids[0]) == sorted(expected.ids[0])
            assert (np.diff(found.scores[0]) <= 0).all()
    filled.index.compact()
    for text in ASKED:
        check(filled, text, 10)
        check(filled, text, 10, where)


def test_of_nothing_nothing(backend):
    index = backend.create(DIM)
    assert index.keyword("noodle", 3).ids == [[]]
    with pytest.raises(InvalidQuery, match="k is 0"):
        index.keyword("noodle", 0)


def test_ties_go_by_id_at_the_last_place_too(pair, unit, record):
    both = pair(DIM)
    rows = [
        record(f"t{(i * 7) % 60:02d}", v, {"title": "ramen", "pinned": i % 2 == 0})
        for i, v in enumerate(unit(60, DIM, 1))
    ]
    both.upsert(rows[:30])
    both.fold()
    both.upsert(rows[30:])
    for k in (1, 9, 59, 60):
        assert check(both, "ramen", k) == [f"t{i:02d}" for i in range(k)]
        check(both, "ramen", k, Eq("pinned", True))


def test_a_schema_without_text_has_no_keyword_search(backend, unit, record):
    index = backend.create(DIM, schema=IndexSchema())
    index.upsert([record("a", unit(1, DIM, 1)[0], {"title": "ramen"})])
    assert not index.capabilities.lexical
    with pytest.raises(MissingCapability, match="text fields"):
        index.keyword("ramen", 1)
