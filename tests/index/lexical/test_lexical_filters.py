"""Filters: exactly the best among the allowed, however few or many those are and wherever they rank."""

from __future__ import annotations

import numpy as np
import pytest

from index.lexical import best as module

RNG = np.random.default_rng(20261121)
WORDS = [f"w{number}" for number in range(60)]
ROWS = {
    int(key): " ".join(RNG.choice(WORDS, size=RNG.integers(1, 12), p=np.arange(60, 0, -1) / 1830))
    for key in RNG.choice(20_000, size=6000, replace=False)
}
KEYS = np.array(sorted(ROWS), dtype=np.int64)


def mask_of(keys):
    mask = np.zeros(20_000, dtype=np.bool_)
    mask[keys] = True
    return mask


def check(index, naive, query, k, allowed):
    keys, scores = index.search(query, k, allowed)
    inside = set((np.flatnonzero(allowed) if allowed.dtype == np.bool_ else allowed).tolist())
    expected = {key: score for key, score in naive(ROWS, query).items() if key in inside}
    best = sorted(expected.values(), reverse=True)[:k]
    assert set(keys.tolist()) == {key for key, score in expected.items() if best and score >= best[-1] * (1 - 1e-6)}
    np.testing.assert_allclose(scores[: len(best)], best, rtol=1e-5)
    return keys


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1, 0.02, 0.002])
@pytest.mark.parametrize("form", ["mask", "keys"])
def test_the_best_among_any_share_of_rows(build, naive, share, form):
    index = build(ROWS)
    rng = np.random.default_rng(int(share * 1000))
    for query in ["w0 w1", "w3", "w59 w58 w2", "w10 w11 w12 w13 w14 w15", "unknown"]:
        allowed = KEYS[rng.random(len(KEYS)) < share]
        check(index, naive, query, 10, mask_of(allowed) if form == "mask" else allowed)


@pytest.mark.parametrize("naming_costs", [0, 10**9])
def test_both_ways_of_filtering_agree_with_the_formula(build, naive, naming_costs, monkeypatch):
    monkeypatch.setattr(module, "_cost_of_naming", lambda room: naming_costs)
    index = build(ROWS)
    for share in (0.001, 0.05, 0.7):
        check(index, naive, "w1 w20 w40", 7, KEYS[np.random.default_rng(5).random(len(KEYS)) < share])


@pytest.mark.parametrize("few", [0, 10**6])
def test_both_ways_of_naming_keys_agree_with_the_formula(build, naive, few, monkeypatch):
    monkeypatch.setattr(module, "_cost_of_naming", lambda room: 0)
    monkeypatch.setattr(module, "_FEW", few)
    check(build(ROWS), naive, "w1 w20 w40", 7, KEYS[::3])


def test_a_filter_that_leaves_only_the_worst_matches(build, naive):
    index = build(ROWS)
    scores = naive(ROWS, "w0 w1 w2")
    worst = np.array(sorted(sorted(scores, key=scores.__getitem__)[:1500]), dtype=np.int64)
    assert len(check(index, naive, "w0 w1 w2", 10, worst)) >= 10
    check(index, naive, "w0 w1 w2", 10, mask_of(worst))


def test_a_filter_that_allows_nothing_or_keys_that_are_not_there(build):
    index = build(ROWS)
    for allowed in (
        np.zeros(20_000, np.bool_),
        np.empty(0, np.int64),
        np.empty(0, np.bool_),
        np.array([-5, 20_001, 1 << 60], np.int64),
    ):
        assert index.search("w0 w1", 10, allowed)[0].tolist() == []


def test_a_mask_shorter_than_the_keys_leaves_out_the_rest(build, naive):
    check(build(ROWS), naive, "w0 w5", 10, np.ones(700, np.bool_))


def test_removed_texts_stay_out_of_a_filter_that_names_them(build):
    from index.lexical.bm25 import Changes

    index = build({1: "red", 2: "red", 3: "red apple"})
    index.apply(lambda seq: Changes([], [2], seq + 1))
    assert index.search("red", 5, np.array([2, 3], np.int64))[0].tolist() == [3]
    assert index.search("red", 5, np.ones(4, np.bool_))[0].tolist() == [1, 3]
