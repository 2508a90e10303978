"""What is asked and what is ranked, against loops over the events; judged answers by hand."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.holdout import Holdout, hold_out
from retrieval.evaluation.pool import candidate_order, judged_pool, make_pool
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.split import SplitConfig
from retrieval.interactions.events import Events

COUNT = 10
ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, COUNT - 1)), min_size=20, max_size=80)
ONE = RelevanceConfig(min_users=1)


def facts_of(ids: Sequence[str]) -> NoteFacts:
    return read_facts(Placed(Note(id=name, title="t"), "notes.jsonl", i) for i, name in enumerate(ids))[0]


def world(rows: Sequence[tuple[int, int]], by: str = "items+users") -> tuple[NoteFacts, Holdout]:
    facts = facts_of([f"n{i}" for i in range(COUNT)])
    user, note = (np.array(column, dtype=np.int32) for column in zip(*rows, strict=True))
    events = Events(user, note, None, tuple(f"u{i}" for i in range(10)), COUNT, 0, 0, 0)
    return facts, hold_out(SplitConfig(by=by, seed="s", cold=3), facts, events)


def held_by(holdout: Holdout, chosen: np.ndarray) -> dict[int, set[int]]:
    """The notes of each user among the chosen events."""
    looks: dict[int, set[int]] = {}
    for user, note, yes in zip(holdout.events.user, holdout.events.note, chosen, strict=True):
        if yes:
            looks.setdefault(int(user), set()).add(int(note))
    return looks


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, by=st.sampled_from(["items", "users", "items+users"]), asked=st.sampled_from(["all", "cold", "warm"]))
def test_a_pool_is_what_loops_over_the_events_make(rows: list[tuple[int, int]], by: str, asked: str) -> None:
    facts, holdout = world(rows, by)
    order = candidate_order(facts, holdout, "interacted")
    learned, relevant = held_by(holdout, holdout.training), held_by(holdout, holdout.held_out)
    trained = {note for notes in learned.values() for note in notes}
    partners = {
        i: {other for notes in relevant.values() if i in notes for other in notes} - {i} for i in order.tolist()
    }
    wanted = [
        i
        for i in order.tolist()
        if holdout.asked[i] and partners[i] and {"all": True, "cold": i not in trained, "warm": i in trained}[asked]
    ]
    if not wanted:
        with pytest.raises(NothingToEvaluate, match="min-users"):
            make_pool(facts, holdout, order, ONE, asked)
        return
    pool = make_pool(facts, holdout, order, ONE, asked)
    assert len(pool) == len(order)
    assert pool.notes.ids == [f"n{i}" for i in order]
    assert [int(order[query]) for query in pool.queries] == wanted
    assert pool.cold.tolist() == [i not in trained for i in order.tolist()]
    for row, i in enumerate(wanted):
        found = {int(order[position]) for position in pool.relevance.of(row)}
        assert found == partners[i]  # at most nine, and ten would be kept
        assert pool.queries[row] not in pool.relevance.of(row)
    assert pool.popularity.tolist() == [sum(i in notes for notes in learned.values()) for i in order.tolist()]
    assert pool.exposure.tolist() == [sum(i in notes for notes in relevant.values()) for i in order.tolist()]
    dense = pool.training.toarray()
    for user in range(10):
        assert {int(order[j]) for j in np.flatnonzero(dense[user])} == learned.get(user, set())
    assert set(np.unique(dense)) <= {0.0, 1.0}


def test_candidates_are_those_that_somebody_met_or_all_that_are_there() -> None:
    facts, holdout = world([(0, 1), (1, 1), (2, 3), (3, 8)])
    assert candidate_order(facts, holdout, "interacted", "corpus").tolist() == [1, 3, 8]
    assert candidate_order(facts, holdout, "all", "corpus").tolist() == list(range(COUNT))
    assert sorted(candidate_order(facts, holdout, "interacted").tolist()) == [1, 3, 8]
    # Nothing of the test is there at the validation.
    early = hold_out(SplitConfig(by="items", seed="s", cold=3), facts, holdout.events, "validation")
    of_test = [i for i in range(COUNT) if int(hashlib.sha1(f"s-item-n{i}".encode()).hexdigest(), 16) % 3 == 0]
    assert of_test
    assert not set(of_test) & set(candidate_order(facts, early, "all").tolist())


def test_ties_favour_nobody() -> None:
    ids = [f"{i:04d}" for i in range(2000)]
    facts = facts_of(ids)
    every = np.arange(2000, dtype=np.int32)
    events = Events(np.zeros(2000, np.int32), every, None, ("u",), 2000, 0, 0, 0)
    holdout = hold_out(SplitConfig(by="items", seed="s"), facts, events)
    order = candidate_order(facts, holdout, "all", seed="s")
    assert sorted(order.tolist()) == list(range(2000))
    assert candidate_order(facts, holdout, "all", seed="s").tolist() == order.tolist()
    assert candidate_order(facts, holdout, "all", seed="t").tolist() != order.tolist()
    # Neither age nor cold notes come first: place in the corpus and in the pool have nothing to do with each other.
    assert abs(np.corrcoef(order, np.arange(2000))[0, 1]) < 4 / 2000**0.5
    cold = np.flatnonzero(holdout.cold[order])
    assert cold.mean() == pytest.approx(1000, abs=4 * 2000 / 12**0.5 / len(cold) ** 0.5)
    # Nor does the order of two notes change when others go.
    some = facts_of(ids[500:1500][::-1])
    fewer = hold_out(
        SplitConfig(by="items", seed="s"), some, Events(events.user[:1000], every[:1000], None, ("u",), 1000, 0, 0, 0)
    )
    left = [some.ids[i] for i in candidate_order(some, fewer, "all", seed="s")]
    kept = set(some.ids)
    assert left == [ids[i] for i in order if ids[i] in kept]


def test_popularity_counts_people_not_looks() -> None:
    facts, holdout = world([(user, note) for user in range(10) for note in range(COUNT)] * 3)
    pool = make_pool(facts, holdout, candidate_order(facts, holdout, "interacted"), ONE)
    training = int(10 - holdout.hidden_users.sum())
    assert set(pool.popularity[~pool.cold].tolist()) == {training}
    assert set(pool.popularity[pool.cold].tolist()) == {0}
    assert set(pool.exposure.tolist()) == {10 - training}


def test_nothing_to_evaluate_says_what_there_was() -> None:
    facts, holdout = world([(user, note) for user in range(10) for note in range(COUNT)])
    order = candidate_order(facts, holdout, "interacted")
    with pytest.raises(NothingToEvaluate, match=r"10 candidates: \d+ interactions are held out"):
        make_pool(facts, holdout, order, RelevanceConfig(min_users=11))
    with pytest.raises(NothingToEvaluate):
        judged_pool(facts, holdout, order, {})
    with pytest.raises(NothingToEvaluate):
        make_pool(facts, holdout, np.empty(0, dtype=np.int64), ONE)


def test_judgements_become_right_answers() -> None:
    facts, holdout = world([(user, note) for user in range(10) for note in range(COUNT - 1)], "users")
    order = np.array([7, 2, 5, 0, 1], dtype=np.int64)
    qrels = {
        "n2": {"n0": 1, "n5": 3, "n7": 1, "n2": 3, "n1": 0, "n9": 2, "gone": 3},  # itself, wrong, no candidate, unknown
        "n5": {"n1": -1},
        "n0": {"n9": 1},
        "gone": {"n0": 1},
        "n9": {"n0": 1},
    }
    pool = judged_pool(facts, holdout, order, qrels)
    assert [pool.notes.ids[query] for query in pool.queries] == ["n2"]
    # Best grade first, equal ones in the pool's order: n7 stands before n0 there.
    assert [pool.notes.ids[i] for i in pool.relevance.of(0)] == ["n5", "n7", "n0"]
    assert pool.relevance.grades.tolist() == [3, 1, 1]
    assert len(pool) == 5


def test_judged_queries_are_still_those_of_the_split() -> None:
    facts, holdout = world([(user, note) for user in range(10) for note in range(COUNT)])
    order = candidate_order(facts, holdout, "interacted", "corpus")
    qrels = {name: dict.fromkeys(facts.ids, 1) for name in facts.ids}
    cold = [f"n{i}" for i in range(COUNT) if holdout.cold[i]]
    assert 0 < len(cold) < COUNT
    pool = judged_pool(facts, holdout, order, qrels)
    assert [pool.notes.ids[query] for query in pool.queries] == cold
    assert pool.relevance.counts.tolist() == [COUNT - 1] * len(cold)
    with pytest.raises(NothingToEvaluate):
        judged_pool(facts, holdout, order, qrels, asked="warm")
