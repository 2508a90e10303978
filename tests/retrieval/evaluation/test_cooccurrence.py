"""NoteLLM's weighted co-occurrence against fractions summed in loops over people."""

from collections.abc import Mapping
from fractions import Fraction
from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix

from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.interactions.events import Events

COUNT = 7
LOOKS = st.lists(st.sets(st.integers(0, COUNT - 1)), min_size=1, max_size=12)


def seen_by(looks: list[set[int]], count: int = COUNT) -> csr_matrix:
    """Who looked at what, [U, N]; one set of notes a person."""
    seen = np.zeros((len(looks), count), dtype=np.float32)
    for user, notes in enumerate(looks):
        seen[user, sorted(notes)] = 1
    return csr_matrix(seen)


def naive_sums(looks: list[set[int]], min_users: int = 1) -> Mapping[tuple[int, int], Fraction]:
    """Σ_u 1/N_u for each pair of different notes that at least min_users looked at both of."""
    sums: dict[tuple[int, int], Fraction] = {}
    common: dict[tuple[int, int], int] = {}
    for notes in looks:
        for pair in product(notes, notes):
            if pair[0] != pair[1]:
                sums[pair] = sums.get(pair, Fraction(0)) + Fraction(1, len(notes))
                common[pair] = common.get(pair, 0) + 1
    return {pair: score for pair, score in sums.items() if common[pair] >= min_users}


def as_mapping(scores: csr_matrix) -> dict[tuple[int, int], float]:
    """Every score that is stored, by row and column."""
    scores = scores.tocoo()
    return {(int(i), int(j)): float(s) for i, j, s in zip(scores.row, scores.col, scores.data, strict=True)}


def test_three_people_by_hand() -> None:
    # The first looked at 3 notes, the second at 2, the third at 1.
    pairs = Cooccurrence(seen_by([{0, 1, 2}, {0, 1}, {0}], 3), min_users=1, normalize=False)
    assert pairs.rows(np.arange(3)).toarray() == pytest.approx(
        np.array([[0, 1 / 3 + 1 / 2, 1 / 3], [1 / 3 + 1 / 2, 0, 1 / 3], [1 / 3, 1 / 3, 0]])
    )
    assert pairs.mass == pytest.approx([1 / 3 + 1 / 2 + 1, 1 / 3 + 1 / 2, 1 / 3])
    normal = Cooccurrence(seen_by([{0, 1, 2}, {0, 1}, {0}], 3), min_users=1)
    assert normal.rows(np.array([0])).toarray()[0] == pytest.approx(
        [0, (5 / 6) / sqrt(11 / 6 * 5 / 6), (1 / 3) / sqrt(11 / 6 * 1 / 3)]
    )


def test_who_looks_at_everything_says_little() -> None:
    narrow = Cooccurrence(seen_by([{0, 1}]), min_users=1, normalize=False).rows(np.array([0]))[0, 1]
    broad = Cooccurrence(seen_by([set(range(COUNT))]), min_users=1, normalize=False).rows(np.array([0]))[0, 1]
    assert (narrow, broad) == (pytest.approx(1 / 2), pytest.approx(1 / 7))


@settings(max_examples=60, deadline=None)
@given(looks=LOOKS, min_users=st.integers(1, 3), data=st.data())
def test_sums_are_those_of_a_loop(looks: list[set[int]], min_users: int, data: st.DataObject) -> None:
    wanted = data.draw(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=10))  # in any order, repeated or not
    found = Cooccurrence(seen_by(looks), min_users, normalize=False).rows(np.array(wanted))
    sums = naive_sums(looks, min_users)
    expected = {(row, j): float(sums[i, j]) for row, i in enumerate(wanted) for j in range(COUNT) if (i, j) in sums}
    assert as_mapping(found) == pytest.approx(expected)
    assert found.shape == (len(wanted), COUNT)


@settings(max_examples=60, deadline=None)
@given(looks=LOOKS, min_users=st.integers(1, 3))
def test_normalised_by_the_mass_of_both(looks: list[set[int]], min_users: int) -> None:
    mass = [sum((Fraction(1, len(notes)) for notes in looks if i in notes), Fraction(0)) for i in range(COUNT)]
    pairs = Cooccurrence(seen_by(looks), min_users)
    expected = {
        (i, j): float(score) / sqrt(mass[i] * mass[j]) for (i, j), score in naive_sums(looks, min_users).items()
    }
    found = as_mapping(pairs.rows(np.arange(COUNT)))
    assert found == pytest.approx(expected)
    assert pairs.mass == pytest.approx([float(each) for each in mass])
    assert all(0 < score <= 1 + 1e-12 and found[j, i] == pytest.approx(score) for (i, j), score in found.items())


@settings(max_examples=60, deadline=None)
@given(looks=LOOKS, low=st.integers(0, 20), high=st.integers(0, 20), normalize=st.booleans())
def test_bounds_are_on_the_sum_before_it_is_normalised(
    looks: list[set[int]], low: int, high: int, normalize: bool
) -> None:
    at_least, at_most = low / 10 + 0.00123, high / 10 + 0.00123  # no sum of 1/1 … 1/7 is one of these
    bounded = Cooccurrence(seen_by(looks), 1, normalize, at_least, at_most).rows(np.arange(COUNT))
    free = as_mapping(Cooccurrence(seen_by(looks), 1, normalize).rows(np.arange(COUNT)))
    inside = {pair for pair, score in naive_sums(looks).items() if at_least <= score <= at_most}
    assert as_mapping(bounded) == {pair: score for pair, score in free.items() if pair in inside}


def test_a_sum_on_a_bound_is_kept() -> None:
    # NoteLLM drops s > 30 and s < .01: what equals a bound stays. One half and one quarter are exact in binary.
    looks = [{0, 1}, {0, 2, 3, 4}]
    for bounds, kept in (((0.5, None), {1}), ((None, 0.25), {2, 3, 4}), ((0.25, 0.5), {1, 2, 3, 4})):
        found = Cooccurrence(seen_by(looks), 1, False, *bounds).rows(np.array([0]))
        assert {j for _, j in as_mapping(found)} == kept


def test_too_few_common_users_count_as_none() -> None:
    looks = [{0, 1}] * 4 + [{0, 2}] * 5
    found = Cooccurrence(seen_by(looks)).rows(np.array([0]))
    assert {j for _, j in as_mapping(found)} == {2}  # five, unless told otherwise


def test_looking_twice_counts_once() -> None:
    rows = [(0, 0), (0, 1), (0, 0), (0, 0), (1, 0), (1, 1), (1, 2), (1, 2)]
    user, note = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    events = Events(user, note, None, ("u", "v"), 3, 0, 0, 0)
    found = Cooccurrence(events.matrix(), 2, normalize=False).rows(np.arange(3))
    assert as_mapping(found) == pytest.approx({(0, 1): 1 / 2 + 1 / 3, (1, 0): 1 / 2 + 1 / 3})
    # Of chosen events alone, N_u counts those alone.
    chosen = np.array([True, True, True, True, True, True, False, False])
    found = Cooccurrence(events.matrix(chosen), 1, normalize=False).rows(np.arange(3))
    assert as_mapping(found) == pytest.approx({(0, 1): 1 / 2 + 1 / 2, (1, 0): 1 / 2 + 1 / 2})


def test_nobody_looked_at_anything() -> None:
    pairs = Cooccurrence(csr_matrix((3, 4), dtype=np.float32), 1)
    assert pairs.rows(np.arange(4)).nnz == 0
    assert pairs.rows(np.empty(0, dtype=np.int64)).shape == (0, 4)
