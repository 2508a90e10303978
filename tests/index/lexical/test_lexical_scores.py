"""Scores against the formula, and the order among equals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.errors import IndexClosed, InvalidQuery
from index.lexical.bm25 import Changes, LexicalIndex

VOCABULARY = ["apple", "red", "ramen", "上海", "美食", "咖啡", "tokyo", "x", "👍"]
TEXTS = st.lists(st.sampled_from(VOCABULARY), max_size=12).map(" ".join)


def test_one_score_by_hand(build):
    index = build({1: "red apple", 2: "red red ramen", 3: "blue"})
    keys, scores = index.search("red", 10)
    # Two of three texts have "red", 6 words in all, so the mean length is 2.
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    expected = [
        idf * 2 * 2.2 / (2 + 1.2 * (0.25 + 0.75 * 3 / 2)),
        idf * 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 2)),
    ]
    assert keys.tolist() == [2, 1]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
    assert (keys.dtype, scores.dtype) == (np.int64, np.float32)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(TEXTS, max_size=25), query=TEXTS, k=st.integers(1, 30))
def test_the_k_best_are_those_of_the_formula(tmp_path, naive, texts, query, k):
    rows = dict(enumerate(texts, start=5))
    with LexicalIndex.build(tmp_path / "lexical", lambda _: Changes(rows.items(), [], 1)) as index:
        keys, scores = index.search(query, k)
    expected = naive(rows, query)
    for key, score in zip(keys.tolist(), scores.tolist(), strict=True):
        assert score == pytest.approx(expected[key], rel=1e-5)
    best = sorted(expected.values(), reverse=True)[:k]
    # All that reach the k-th score come back, and nothing else.
    assert set(keys.tolist()) == {key for key, score in expected.items() if score >= best[-1] * (1 - 1e-6)}
    np.testing.assert_allclose(scores[: len(best)], best, rtol=1e-5)


def test_long_texts_score_by_their_kept_length_which_is_known(build, naive, kept):
    rng = np.random.default_rng(3)
    rows = {
        key: " ".join(rng.choice(VOCABULARY, size=length)) for key, length in enumerate([*range(1, 130), 1000, 9999])
    }
    index = build(rows)
    keys, scores = index.search("ramen 上海 red", len(rows))
    by_kept, exactly = naive(rows, "ramen 上海 red", kept), naive(rows, "ramen 上海 red")
    assert set(keys.tolist()) == set(exactly)
    for key, score in zip(keys.tolist(), scores.tolist(), strict=True):
        assert score == pytest.approx(by_kept[key], rel=1e-5)
        # One byte keeps a length up to 40 as it is, a longer one rounded down by less than a ninth.
        assert score == pytest.approx(exactly[key], rel=1e-3 if len(rows[key].split()) <= 40 else 1 / 8)


def test_scores_do_not_depend_on_how_the_texts_came_in(build, naive):
    rng = np.random.default_rng(11)
    rows = {key: " ".join(rng.choice(VOCABULARY, size=rng.integers(0, 39))) for key in range(60)}
    index = build({})
    for start in range(0, 60, 3):  # enough commits for tantivy to merge what they left
        index.apply(
            lambda seq, start=start: Changes([(key, rows[key]) for key in range(start, start + 3)], [], seq + 1)
        )
    assert index.info()["segments"] < 20
    keys, scores = index.search("ramen red 上海 tokyo", 60)
    expected = naive(rows, "ramen red 上海 tokyo")
    assert set(keys.tolist()) == set(expected)
    np.testing.assert_allclose(scores, [expected[key] for key in keys.tolist()], rtol=1e-5)


def test_equal_texts_tie_whatever_segment_they_are_in_and_all_contenders_come_back(build):
    text = "red apple ramen 上海 tokyo"
    index = build({1: "red", 2: "apple apple apple", 50: text})
    for key in [44, 9, 31, 70, 12]:
        index.apply(lambda seq, key=key: Changes([(key, text), (key + 100, f"other {key}")], [], seq + 1))
    keys, scores = index.search("tokyo 上海 ramen apple red", 2)
    assert keys.tolist() == [9, 12, 31, 44, 50, 70]
    assert len(set(scores.tolist())) == 1


def test_more_ties_than_are_read_at_once_come_back_whole(build):
    rows = dict.fromkeys(range(500), "red apple") | {900: "red red apple", 901: "ramen"}
    index = build(rows)
    keys, scores = index.search("red", 3)
    assert keys.tolist() == [900, *range(500)]
    assert scores[0] > scores[1] == scores[-1]


def test_words_of_the_query_are_data(build):
    index = build({1: "red AND apple", 2: "text red", 3: "key 2"})
    assert index.search("text:red", 5)[0].tolist() == [2, 1]
    odd, plain = index.search('"red apple"~7 AND -(text) [* TO *] ^9 \\', 5), index.search("red apple and text", 5)
    assert sorted(odd[0].tolist()) == [1, 2]
    assert [each.tolist() for each in odd] == [each.tolist() for each in plain]
    assert index.search("key:2 *", 5)[0].tolist() == [3]


@pytest.mark.parametrize("query", ["", "?!", "\0", "unknown words", "\ud800"])
def test_a_query_without_a_known_word_finds_nothing(build, query):
    keys, scores = build({1: "red apple"}).search(query, 3)
    assert (keys.tolist(), scores.tolist()) == ([], [])


def test_an_asked_word_counts_as_often_as_it_is_asked(build):
    index = build({1: "red apple", 2: "ramen apple", 3: "tokyo"})
    once, twice = index.search("red", 1)[1][0], index.search("red red red", 1)[1][0]
    assert twice == pytest.approx(3 * once, rel=1e-6)


def test_a_query_of_a_hundred_thousand_characters_keeps_its_rarest_words(build):
    rows = {key: f"common{key % 300} rare{key}" for key in range(600)}
    index = build(rows)
    query = " ".join(f"common{number}" for number in range(300)) + " rare7" * 10_000
    assert index.search(query, 1)[0].tolist() == [7]


def test_misuse_says_what_was_wrong(build):
    index = build({1: "red"})
    with pytest.raises(InvalidQuery, match="k is 0, expected at least 1"):
        index.search("red", 0)
    index.close()
    index.close()
    with pytest.raises(IndexClosed, match="Open it again"):
        index.search("red", 1)
