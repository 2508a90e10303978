import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.evaluation import bootstrap as module
from retrieval.evaluation.bootstrap import Bootstrap
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.results import Estimate


def draws(bootstrap):
    """How often each query was drawn, [rounds, Q], written plainly from the seed."""
    generator = np.random.default_rng(bootstrap.seed)
    rows = [generator.integers(0, bootstrap.queries, bootstrap.queries) for _ in range(bootstrap.rounds)]
    return np.array([np.bincount(row, minlength=bootstrap.queries) for row in rows])


def test_equals_a_loop_over_rounds():
    bootstrap = Bootstrap(40, rounds=60, seed=3)
    rng = np.random.default_rng(0)
    values = rng.random((40, 3))
    values[rng.random((40, 3)) < 0.3] = np.nan
    mask = rng.random(40) < 0.6
    for column, found in zip(values.T, bootstrap.estimates(values, mask), strict=True):
        rounds = []
        for counts in draws(bootstrap):
            picked = np.repeat(np.where(mask, column, np.nan), counts)
            rounds.append(np.nanmean(picked))
        low, high = np.percentile(rounds, [2.5, 97.5])
        assert found.value == pytest.approx(np.nanmean(column[mask]), abs=1e-12)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)


def test_comparison_equals_a_loop_over_rounds():
    bootstrap = Bootstrap(30, rounds=99, seed=1)
    rng = np.random.default_rng(2)
    a, b = rng.random(30) + 0.05, rng.random(30)
    a[:4] = np.nan
    b[3:6] = np.nan
    difference, ratio, p_value = bootstrap.compare(a, b)
    both = slice(6, 30)
    assert difference.value == pytest.approx(a[both].mean() - b[both].mean(), abs=1e-12)
    assert ratio.value == pytest.approx(a[both].mean() / b[both].mean(), abs=1e-12)
    pairs = [
        (np.repeat(a[both], counts[both]).mean(), np.repeat(b[both], counts[both]).mean())
        for counts in draws(bootstrap)
    ]
    differences = np.array([x - y for x, y in pairs])
    assert (difference.low, difference.high) == pytest.approx(tuple(np.percentile(differences, [2.5, 97.5])), abs=1e-12)
    ratios = [x / y for x, y in pairs]
    assert (ratio.low, ratio.high) == pytest.approx(tuple(np.percentile(ratios, [2.5, 97.5])), abs=1e-12)
    above = np.count_nonzero(differences >= 0)
    assert 0 < above < 99 / 2
    assert p_value == pytest.approx(2 * (1 + above) / (99 + 1))
    assert bootstrap.compare(b, a)[2] == p_value


@pytest.mark.parametrize(("chunk", "kept"), [(1, 1 << 25), (130, 1 << 25), (130, 0), (1 << 21, 0)])
def test_draws_are_the_same_in_any_chunks_kept_or_made_again(chunk, kept, monkeypatch):
    values = np.random.default_rng(4).random((50, 2))
    want = Bootstrap(50, 20).estimates(values)
    monkeypatch.setattr(module, "_CHUNK", chunk)
    monkeypatch.setattr(module, "_KEPT", kept)
    bootstrap = Bootstrap(50, 20)
    for _ in range(2):
        for found, wanted in zip(bootstrap.estimates(values), want, strict=True):
            assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high))
    assert np.array_equal(np.concatenate(list(bootstrap._counts())), draws(bootstrap))
    assert bool(bootstrap._kept) == (kept > 0)


def test_stopping_half_way_leaves_no_half_behind(monkeypatch):
    monkeypatch.setattr(module, "_CHUNK", 50)
    bootstrap = Bootstrap(50, 20)
    next(bootstrap._counts())
    assert len(np.concatenate(list(bootstrap._counts()))) == 20


def test_one_by_one_is_as_together():
    values = np.random.default_rng(5).random((70, 4))
    values[::7, 1] = np.nan
    bootstrap = Bootstrap(70)
    for i, found in enumerate(bootstrap.estimates(values)):
        alone = bootstrap.estimate(values[:, i])
        assert (alone.value, alone.low, alone.high) == pytest.approx((found.value, found.low, found.high), abs=1e-12)


def test_another_seed_draws_otherwise():
    values = np.random.default_rng(6).random(30)
    assert Bootstrap(30, seed=1).estimate(values) == Bootstrap(30, seed=1).estimate(values)
    assert Bootstrap(30, seed=1).estimate(values) != Bootstrap(30, seed=2).estimate(values)


def test_equals_scipy_up_to_the_noise_of_the_draws():
    from scipy.stats import bootstrap as scipy_bootstrap

    rng = np.random.default_rng(7)
    a, b = rng.beta(1, 3, 400), rng.beta(1, 3.3, 400)
    options = {"method": "percentile", "n_resamples": 20_000, "rng": 8, "batch": 1000}
    ours = Bootstrap(400, rounds=20_000, seed=9)
    # The noise of a percentile at 20,000 rounds is some 2 % of a standard error.
    error = a.std() / math.sqrt(400)
    want = scipy_bootstrap((a,), np.mean, **options).confidence_interval
    found = ours.estimate(a)
    assert (found.low, found.high) == pytest.approx((want.low, want.high), abs=0.1 * error)
    difference, ratio, _ = ours.compare(a, b)
    want = scipy_bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) - y.mean(axis), paired=True, vectorized=True, **options
    ).confidence_interval
    error = (a - b).std() / math.sqrt(400)
    assert (difference.low, difference.high) == pytest.approx((want.low, want.high), abs=0.1 * error)
    want = scipy_bootstrap(
        (a, b), lambda x, y, axis: x.mean(axis) / y.mean(axis), paired=True, vectorized=True, **options
    ).confidence_interval
    assert (ratio.low, ratio.high) == pytest.approx((want.low, want.high), abs=0.1 * error / b.mean())


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(10)
    samples = (rng.random((150, 600)) < 0.3).astype(np.float64)
    covered = [found.low <= 0.3 <= found.high for found in Bootstrap(150, rounds=400).estimates(samples)]
    # 600 draws at .95 scatter by .009.
    assert 0.92 < np.mean(covered) < 0.975


def test_where_nothing_differs_one_in_twenty_is_significant():
    rng = np.random.default_rng(11)
    bootstrap = Bootstrap(120, rounds=400)
    shared = rng.random(120)
    found = [bootstrap.compare(shared + rng.normal(size=120), shared + rng.normal(size=120))[2] for _ in range(400)]
    assert 0.02 < np.mean(np.array(found) < 0.05) < 0.09
    assert 0.4 < np.mean(np.array(found) < 0.5) < 0.6


def test_pairing_takes_away_what_both_share():
    rng = np.random.default_rng(12)
    b = rng.random(300) * 10
    a = b + 0.1 + 0.2 * rng.normal(size=300)
    bootstrap = Bootstrap(300)
    difference, ratio, p_value = bootstrap.compare(a, b)
    assert 0 < difference.low < 0.1 < difference.high < 0.2
    assert 1 < ratio.low < ratio.high
    assert p_value == 2 / 1001
    one, other = bootstrap.estimate(a), bootstrap.estimate(b)
    assert one.low < other.high
    back, _, p_back = bootstrap.compare(b, a)
    assert (back.value, back.low, back.high) == pytest.approx((-difference.value, -difference.high, -difference.low))
    assert p_back == p_value


def test_a_system_against_itself():
    values = np.random.default_rng(13).random(77) * 0.1
    assert Bootstrap(77).compare(values, values) == (Estimate(0, 0, 0), Estimate(1, 1, 1), 1)


def test_doubled_is_twice_in_every_round():
    values = np.random.default_rng(14).random(50)
    _, ratio, _ = Bootstrap(50).compare(2 * values, values)
    assert (ratio.value, ratio.low, ratio.high) == pytest.approx((2, 2, 2))


def test_few_counted_queries_have_no_interval():
    values = np.array([0.5, np.nan, np.nan])
    bootstrap = Bootstrap(3)
    assert bootstrap.estimate(values) == Estimate(0.5)
    none = bootstrap.estimate(values, np.array([False, True, True]))
    assert (math.isnan(none.value), none.low, none.high) == (True, None, None)
    assert bootstrap.compare(values, np.array([0.25, 1, 1])) == (Estimate(0.25), Estimate(2), 1)
    difference, ratio, p_value = bootstrap.compare(values, np.array([np.nan, 1, 1]))
    assert (math.isnan(difference.value), difference.low, math.isnan(ratio.value), p_value) == (True, None, True, 1)
    two = bootstrap.estimate(np.array([0.0, 1.0, np.nan]))
    # Rounds that drew the third query alone, 1 in 27, have no mean.
    assert (two.value, two.low, two.high) == (0.5, 0, 1)


def test_a_ratio_to_nothing_has_no_interval():
    difference, ratio, _ = Bootstrap(4).compare(np.ones(4), np.zeros(4))
    assert difference == Estimate(1, 1, 1)
    assert math.isnan(ratio.value)
    assert ratio.low is ratio.high is None
    # Some rounds miss the only query of b that has any.
    assert Bootstrap(4).compare(np.ones(4), np.array([0, 0, 0, 2.0]))[1] == Estimate(2)


def test_a_mask_is_as_not_counting():
    rng = np.random.default_rng(15)
    a, b, mask = rng.random(60), rng.random(60), rng.random(60) < 0.5
    bootstrap = Bootstrap(60)
    assert bootstrap.estimate(a, mask) == bootstrap.estimate(np.where(mask, a, np.nan))
    assert bootstrap.compare(a, b, mask) == bootstrap.compare(np.where(mask, a, np.nan), b)


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 40), st.integers(0, 10**6))
def test_value_lies_among_the_values_and_p_is_a_probability(queries, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.random(queries), rng.random(queries)
    bootstrap = Bootstrap(queries, rounds=50, seed=seed)
    found = bootstrap.estimate(a)
    assert a.min() - 1e-12 <= found.low <= found.high <= a.max() + 1e-12
    assert 2 / 51 <= bootstrap.compare(a, b)[2] <= 1


def test_bad_input_is_named():
    with pytest.raises(EvaluationError, match="values of 3 queries were given to a bootstrap of 4"):
        Bootstrap(4).estimate(np.zeros(3))
    with pytest.raises(EvaluationError, match="0 rounds"):
        Bootstrap(4, rounds=0)
    empty = Bootstrap(0)
    assert math.isnan(empty.estimate(np.zeros(0)).value)
    assert empty.compare(np.zeros(0), np.zeros(0))[2] == 1
