"""Leaks planted one at a time into what training sees: each is caught, and named; clean training data passes."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations, permutations

import numpy as np
import pytest

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError, LeakFound
from retrieval.evaluation.facts import read_facts
from retrieval.evaluation.holdout import Holdout, hold_out
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.pool import Pool, candidate_order, make_pool
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.split import SplitConfig
from retrieval.interactions.events import Events

NOTES = [f"笔记{i}" for i in range(30)]
USERS = tuple(f"u{i}" for i in range(40))
START = datetime(2024, 1, 1, tzinfo=UTC).timestamp()
CUTS = {
    "validation_from": datetime.fromtimestamp(START + 60, UTC),
    "test_from": datetime.fromtimestamp(START + 80, UTC),
}
SPLITS = {
    "items": SplitConfig(by="items", seed="s", cold=4, validation_items=4),
    "users": SplitConfig(by="users", seed="s", validation_users=3),
    "items+users": SplitConfig(by="items+users", seed="s", cold=4, validation_items=4, validation_users=3),
    "time": SplitConfig(by="time", **CUTS),
    "publication": SplitConfig(by="time", cold_by="publication", **CUTS),
}


class World:
    """A split of random looks, and by loops over them what training may know."""

    def __init__(self, kind: str, stage: str) -> None:
        self.kind = kind
        rng = np.random.default_rng(11)
        # Half of the notes are published while people look at others; nobody sees a note before it is there.
        published = [START + (0 if i % 2 else rng.integers(0, 95)) for i in range(30)]
        notes = [
            Note(id=name, title="t", created_at=datetime.fromtimestamp(float(when), UTC))
            for name, when in zip(NOTES, published, strict=True)
        ]
        self.facts = read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]
        user, note, time = rng.integers(0, 40, 400), rng.integers(0, 30, 400), START + rng.integers(0, 100, 400)
        there = time >= np.array(published)[note]
        user, note, time = user[there].astype(np.int32), note[there].astype(np.int32), time[there].astype(np.float64)
        events = Events(user, note, time, USERS, 30, 0, 0, 0)
        self.holdout: Holdout = hold_out(SPLITS[kind], self.facts, events, stage)
        self.leaks = LeakCheck(self.facts, self.holdout)
        self.by_training = self.looks(self.holdout.training)
        self.by_held_out = self.looks(self.holdout.held_out)
        self.by_anybody = self.looks(np.ones(len(events), dtype=np.bool_))

    def looks(self, chosen: np.ndarray) -> dict[str, set[str]]:
        """The notes of each user who has any among the chosen events."""
        found: dict[str, set[str]] = {}
        events = self.holdout.events
        for user, note, yes in zip(events.user, events.note, chosen, strict=True):
            if yes:
                found.setdefault(USERS[user], set()).add(NOTES[note])
        return found

    def pool(self) -> Pool:
        order = candidate_order(self.facts, self.holdout, "interacted")
        return make_pool(self.facts, self.holdout, order, RelevanceConfig(min_users=1))


def pairs_of(looks: dict[str, set[str]]) -> set[tuple[str, str]]:
    return {pair for notes in looks.values() for pair in combinations(sorted(notes), 2)}


def counts_of(looks: dict[str, set[str]]) -> dict[str, int]:
    return dict(Counter(note for notes in looks.values() for note in notes))


@pytest.fixture(
    scope="module", params=[(kind, stage) for kind in SPLITS for stage in ("validation", "test")], ids="-".join
)
def world(request) -> World:
    return World(*request.param)


def test_clean_training_data_passes(world: World) -> None:
    pairs = pairs_of(world.by_training)
    assert len(pairs) > 20
    world.leaks.pairs([*pairs, *((b, a) for a, b in pairs)])
    world.leaks.pairs([])
    world.leaks.users(world.by_training)
    world.leaks.notes({note for notes in world.by_training.values() for note in notes})
    world.leaks.popularity(counts_of(world.by_training))
    world.leaks.pool(world.pool())


def test_two_views_of_a_note_and_notes_from_elsewhere_pass(world: World) -> None:
    cold = NOTES[int(np.flatnonzero(world.holdout.cold)[0])] if world.holdout.cold.any() else NOTES[0]
    warm = next(iter(next(iter(world.by_training.values()))))
    world.leaks.pairs([(cold, cold), (warm, "elsewhere"), ("elsewhere", "nowhere")])
    world.leaks.notes(["elsewhere"])
    world.leaks.popularity({"elsewhere": 10**6})


def test_a_pair_that_only_held_out_looks_support(world: World) -> None:
    warm = {note for notes in world.by_training.values() for note in notes}
    clean, test = pairs_of(world.by_training), pairs_of(world.by_held_out)
    planted = sorted(pair for pair in test - clean if set(pair) <= warm)
    if not planted:  # by items alone the people are the same, and so are their pairs of warm notes
        assert world.kind == "items"
        return
    a, b = planted[0]
    for pair in ((a, b), (b, a)):
        with pytest.raises(LeakFound, match=f"{pair[0]} with {pair[1]}"):
            world.leaks.pairs([*clean, pair])
    # Every one of them alone, not just the first.
    for pair in planted[:20]:
        with pytest.raises(LeakFound):
            world.leaks.pairs([pair])


def test_right_answers_of_cold_queries_are_leaks(world: World) -> None:
    pool = world.pool()
    cold = [i for i, query in enumerate(pool.queries) if pool.cold[query]]
    for i in cold:
        query = pool.notes.ids[pool.queries[i]]
        answer = pool.notes.ids[pool.relevance.of(i)[0]]
        for pair in ((query, answer), (answer, query)):
            with pytest.raises(LeakFound, match=query):
                world.leaks.pairs([*pairs_of(world.by_training), pair])
    assert cold or not world.holdout.hidden_notes.any()


def test_a_cold_note(world: World) -> None:
    for position in np.flatnonzero(world.holdout.cold | world.holdout.hidden_notes):
        with pytest.raises(LeakFound, match=NOTES[position]):
            world.leaks.notes([NOTES[position]])
        with pytest.raises(LeakFound, match=NOTES[position]):
            world.leaks.pairs([(NOTES[position], "elsewhere")])
        with pytest.raises(LeakFound, match=NOTES[position]):
            world.leaks.pairs([("elsewhere", NOTES[position])])


def test_a_held_out_user(world: World) -> None:
    events, hidden = world.holdout.events, np.flatnonzero(world.holdout.hidden_users)
    for position in hidden:
        with pytest.raises(LeakFound, match=USERS[position]):
            world.leaks.users([*world.by_training, events.users[position]])
    with pytest.raises(LeakFound, match="stranger"):
        world.leaks.users(["stranger"])


def test_popularity_counted_over_everybody(world: World) -> None:
    everybody, training = counts_of(world.by_anybody), counts_of(world.by_training)
    more = [note for note in NOTES if everybody.get(note, 0) > training.get(note, 0)]
    assert more
    with pytest.raises(LeakFound, match="|".join(more)):
        world.leaks.popularity(everybody)
    one = more[-1]
    with pytest.raises(
        LeakFound, match=rf"1 notes.*{one} \({training.get(one, 0) + 1} people, {training.get(one, 0)} in"
    ):
        world.leaks.popularity(training | {one: training.get(one, 0) + 1})


def test_a_pool_that_learns_from_what_is_held_out(world: World) -> None:
    pool, events = world.pool(), world.holdout.events
    leaked = world.holdout.held_out | world.holdout.unblinded
    for chosen in (leaked, np.ones(len(events), dtype=np.bool_), world.holdout.training | world.holdout.held_out):
        with pytest.raises(LeakFound):
            world.leaks.pool(replace(pool, training=events.matrix(chosen)[:, pool.order].tocsr()))


def test_one_look_swapped_for_another_is_found(world: World) -> None:
    """Counts of people stay what they were: only who looked is another."""
    pool = world.pool()
    seen = pool.training.toarray()
    held = set(np.flatnonzero(seen.sum(axis=0)).tolist())
    note = next(i for i in sorted(held) if 0 < seen[:, i].sum() < len(USERS))
    gone, came = int(np.flatnonzero(seen[:, note])[0]), int(np.flatnonzero(seen[:, note] == 0)[0])
    seen[gone, note], seen[came, note] = 0, 1
    with pytest.raises(LeakFound, match=pool.notes.ids[note]):
        world.leaks.pool(replace(pool, training=type(pool.training)(seen)))


def test_the_message_counts_all_and_names_some() -> None:
    world = World("items+users", "test")
    hidden = sorted(USERS[i] for i in np.flatnonzero(world.holdout.hidden_users))
    assert len(hidden) > 5
    with pytest.raises(LeakFound) as caught:
        world.leaks.users(hidden + hidden)
    assert f"{len(hidden)} users" in str(caught.value)
    assert ", ".join(hidden[:5]) + ", ..." in str(caught.value)
    assert "split.json" in str(caught.value)
    assert isinstance(caught.value, EvaluationError)


def test_many_pairs_are_checked_to_the_last() -> None:
    """More pairs than are looked at at a time, the leak behind them all: seen together by one person, too late."""
    ids = [f"n{i}" for i in range(280)]
    facts = read_facts(Placed(Note(id=name, title="t"), "f", i) for i, name in enumerate(ids))[0]
    looks = [(0, note, START) for note in range(279)] + [(1, 279, START), (1, 0, START + 90)]
    user, note, time = (np.array(column) for column in zip(*looks, strict=True))
    events = Events(user.astype(np.int32), note.astype(np.int32), time.astype(np.float64), USERS[:2], 280, 0, 0, 0)
    leaks = LeakCheck(facts, hold_out(SPLITS["time"], facts, events))
    clean = list(permutations(ids[:279], 2))
    assert len(clean) > 70_000
    leaks.pairs(clean)
    with pytest.raises(LeakFound, match=r"1 pairs.*n0 with n279"):
        leaks.pairs([*clean, ("n0", "n279"), ("n0", "n279")])


def test_a_setting_that_trains_on_everything_is_refused(world: World) -> None:
    """What training may see is worked out twice: a mistake in one must not excuse itself in the other."""
    everything = replace(world.holdout, training=np.ones_like(world.holdout.training))
    order = candidate_order(world.facts, world.holdout, "interacted")
    pool = replace(world.pool(), training=everything.events.matrix(everything.training)[:, order].tocsr())
    with pytest.raises(LeakFound):
        LeakCheck(world.facts, everything).pool(pool)
