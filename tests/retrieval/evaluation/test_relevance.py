"""Right answers against sorted lists in plain Python, and against the independent scorer of the protocol."""

from __future__ import annotations

import importlib.util
from collections import Counter
from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.sparse import csr_matrix

from retrieval.evaluation.relevance import Relevance, RelevanceConfig, mine_relevance

COUNT = 8
LOOKS = st.lists(st.sets(st.integers(0, COUNT - 1), min_size=1), min_size=1, max_size=14)


def seen_by(looks: list[set[int]], count: int = COUNT) -> csr_matrix:
    seen = np.zeros((len(looks), count), dtype=np.float32)
    for user, notes in enumerate(looks):
        seen[user, sorted(notes)] = 1
    return csr_matrix(seen)


def naive(looks: list[set[int]], query: int, config: RelevanceConfig) -> list[tuple[int, int]]:
    """The relevant notes of a query with their grades, best first, by the squares of scores, which are fractions."""
    mass = [sum((Fraction(1, len(notes)) for notes in looks if i in notes), Fraction(0)) for i in range(COUNT)]
    squares = {}
    for other in range(COUNT):
        common = [Fraction(1, len(notes)) for notes in looks if query in notes and other in notes]
        total = sum(common, Fraction(0))
        if other == query or len(common) < config.min_users:
            continue
        if config.at_least is not None and total < config.at_least:
            continue
        if config.at_most is not None and total > config.at_most:
            continue
        squares[other] = total**2 / (mass[query] * mass[other] if config.normalize else 1)
    best = sorted(squares, key=lambda other: (-squares[other], other))[: config.top]
    graded = []
    for other in best:
        share = squares[other] / squares[best[0]]
        tier = 3 if share > Fraction(4, 9) else 2 if share > Fraction(1, 9) else 1
        graded.append((other, tier if config.graded else 1))
    return graded


def rows_of(relevance: Relevance) -> list[list[tuple[int, int]]]:
    grades = [relevance.grades[relevance.offsets[q] : relevance.offsets[q + 1]] for q in range(len(relevance))]
    return [list(zip(relevance.of(q).tolist(), grade.tolist(), strict=True)) for q, grade in enumerate(grades)]


@settings(max_examples=100, deadline=None)
@given(
    looks=LOOKS,
    queries=st.lists(st.integers(0, COUNT - 1), unique=True, max_size=COUNT),
    config=st.builds(
        RelevanceConfig,
        top=st.integers(1, 6),
        min_users=st.integers(1, 3),
        normalize=st.booleans(),
        at_least=st.sampled_from([None, 0.25001, 0.60001]),  # no sum of 1/1 … 1/8 is one of these
        at_most=st.sampled_from([None, 0.75001, 2.00001]),
        graded=st.booleans(),
    ),
)
def test_the_best_of_a_sorted_list(looks: list[set[int]], queries: list[int], config: RelevanceConfig) -> None:
    found = mine_relevance(seen_by(looks), np.array(queries, dtype=np.int64), config)
    assert rows_of(found) == [naive(looks, query, config) for query in queries]
    assert found.counts.tolist() == [len(row) for row in rows_of(found)]


def test_many_queries_are_answered_as_one_by_one() -> None:
    # More than are scored at a time, so a boundary between two lots lies in between.
    rng = np.random.default_rng(0)
    seen = csr_matrix((rng.random((60, 700)) < 0.1).astype(np.float32))
    config = RelevanceConfig(min_users=2, graded=True)
    together = rows_of(mine_relevance(seen, np.arange(700), config))
    for query in (0, 1, 255, 256, 257, 511, 512, 699):
        assert rows_of(mine_relevance(seen, np.array([query]), config)) == [together[query]]
    assert Counter(len(row) for row in together)[10] > 500


def test_grades_by_hand() -> None:
    # Notes 1 … 5 stand with note 0 in the eyes of 12, 8, 9, 4, 5 people, each of whom looked at those two alone.
    looks = [{0, other} for other, people in zip(range(1, 6), (12, 8, 9, 4, 5), strict=True) for _ in range(people)]
    config = RelevanceConfig(min_users=1, normalize=False, graded=True)
    found = mine_relevance(seen_by(looks), np.array([0]), config)
    # Shares of the best, 12: 1, 9/12 above 2/3; 8/12 = 2/3 and 5/12 above 1/3; 4/12 = 1/3.
    assert rows_of(found) == [[(1, 3), (3, 3), (2, 2), (5, 2), (4, 1)]]
    plain = mine_relevance(seen_by(looks), np.array([0]), config.model_copy(update={"graded": False}))
    assert rows_of(plain) == [[(1, 1), (3, 1), (2, 1), (5, 1), (4, 1)]]


def test_equal_scores_come_in_their_order_whoever_is_first() -> None:
    """Sums that are equal, but are added up in another order of people, are ties: 1/3 + 1/4 + 1/5 both times."""
    sizes = (3, 4, 5)  # (1/3 + 1/4) + 1/5 is by one unit in the last place another float64 than (1/5 + 1/4) + 1/3
    filler = iter(range(3, 60))
    looks = []
    for other, order in ((2, sizes), (1, sizes[::-1])):
        looks += [{0, other} | {next(filler) for _ in range(size - 2)} for size in order]
    for people, normalize in product((looks, looks[::-1]), (True, False)):
        config = RelevanceConfig(top=1, min_users=3, normalize=normalize)
        assert rows_of(mine_relevance(seen_by(people, 60), np.array([0]), config)) == [[(1, 1)]]


def test_no_query_has_anything() -> None:
    found = mine_relevance(seen_by([{0, 1}]), np.arange(3))  # one common user, where five are wanted
    assert (len(found), found.counts.tolist(), found.positions.tolist()) == (3, [0, 0, 0], [])
    assert len(mine_relevance(seen_by([{0, 1}]), np.empty(0, dtype=np.int64))) == 0


ROWS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), max_size=4), min_size=1, max_size=6)


def relevance_of(rows: list[list[tuple[int, int]]]) -> Relevance:
    flat = [entry for row in rows for entry in row]
    return Relevance(
        np.cumsum([0, *map(len, rows)]),
        np.array([position for position, _ in flat], dtype=np.int64),
        np.array([grade for _, grade in flat], dtype=np.int32),
    )


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, data=st.data())
def test_taking_queries_takes_their_rows(rows: list[list[tuple[int, int]]], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8))
    taken = relevance_of(rows).take(np.array(some, dtype=np.int64))
    assert rows_of(taken) == [rows[i] for i in some]


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, allowed=st.lists(st.booleans(), min_size=10, max_size=10))
def test_among_keeps_those_that_are_allowed(rows: list[list[tuple[int, int]]], allowed: list[bool]) -> None:
    kept = relevance_of(rows).among(np.array(allowed))
    assert rows_of(kept) == [[entry for entry in row if allowed[entry[0]]] for row in rows]


@pytest.mark.parametrize("fields", [{"top": 0}, {"min_users": 0}, {"most": 3}])
def test_settings_that_make_no_sense_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        RelevanceConfig.model_validate(fields)


@pytest.fixture(scope="module")
def scorer(movies: Path):
    """The independent scorer of the cold-start protocol, as a module."""
    path = movies.resolve().parents[1] / "reference" / "cold_start.py"
    if not path.is_file():
        pytest.skip(f"the independent scorer is not at {path}")
    spec = importlib.util.spec_from_file_location("cold_start", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.movies
@pytest.mark.parametrize("seed", range(3))
def test_the_independent_scorer_finds_the_same(scorer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    taste = rng.random((60, 4)) @ rng.random((4, 40))
    seen = csr_matrix((rng.random((60, 40)) < taste / taste.max() * 0.6).astype(np.float32))
    scores = scorer.cooccurrence(seen)
    found = mine_relevance(seen, np.arange(40))
    compared = 0
    for query, row in enumerate(rows_of(found)):
        mine = [position for position, _ in row]
        positive = np.flatnonzero(scores[query] > 0)
        assert len(mine) == min(scorer.TOP, len(positive))
        # The scorer works in float32 and leaves ties open: all that is better than the last is in, none that is worse.
        last = min((scores[query, j] for j in mine), default=0)
        assert {j for j in positive if scores[query, j] > last + 1e-6} <= set(mine)
        assert all(scores[query, a] >= scores[query, b] - 1e-6 for a, b in pairwise(mine))
        compared += len(mine)
    assert compared > 200


def test_a_score_is_a_fraction_of_what_people_looked_at() -> None:
    """One long row in exact fractions, up to which floating point decides nothing but ties."""
    rng = np.random.default_rng(3)
    looks = [set(np.flatnonzero(rng.random(COUNT) < 0.5).tolist()) or {0} for _ in range(200)]
    exact = {}
    for other in range(1, COUNT):
        exact[other] = sum(Fraction(1, len(notes)) for notes in looks if {0, other} <= notes)
    expected = sorted(exact, key=lambda other: (-exact[other], other))
    found = mine_relevance(seen_by(looks), np.array([0]), RelevanceConfig(normalize=False))
    assert found.of(0).tolist() == expected
