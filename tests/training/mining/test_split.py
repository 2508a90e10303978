"""Nothing that a split holds out gets into pairs: the evaluation's own leak check is the judge."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import pytest

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import LeakFound, SplitMismatch
from retrieval.evaluation.facts import read_facts
from retrieval.evaluation.holdout import hold_out
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.split import DataDigests, Split, SplitConfig
from retrieval.interactions.events import EventFilter, read_events
from training.mining.config import Bounds, MiningConfig
from training.mining.database import Resources
from training.mining.errors import MiningError, NothingMined
from training.mining.held import Held, check_notes
from training.mining.mine import Task, mine
from training.mining.writing import read_about
from training.pairs import check_pairs

ONE = Resources(memory=0.5, threads=1)
START = 1.6e9
CUTS = {
    "validation_from": datetime.fromtimestamp(START + 600, UTC),
    "test_from": datetime.fromtimestamp(START + 800, UTC),
}
SPLITS = {
    "items": SplitConfig(by="items", seed="s", cold=4, validation_items=4),
    "users": SplitConfig(by="users", seed="s", validation_users=3),
    "items+users": SplitConfig(by="items+users", seed="s", cold=4, validation_items=4, validation_users=3),
    "time": SplitConfig(by="time", **CUTS),
    "publication": SplitConfig(by="time", cold_by="publication", **CUTS),
}
ALL = Bounds(at_least=0.0, at_most=math.inf, top=1000)
FILTER = EventFilter(kinds=("click", "like"), min_rating=2.0)


@pytest.fixture(scope="module")
def world(logs, tmp_path_factory):
    """Notes, half of them published while people look; events, a third of a kind or rating that does not count."""
    rng = np.random.default_rng(5)
    published = [START + (0 if i % 2 else int(rng.integers(0, 950))) for i in range(40)]
    notes = [
        Note(id=f"笔记{i}", title="t", created_at=datetime.fromtimestamp(when, UTC)) for i, when in enumerate(published)
    ]
    facts = read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]
    events = [
        logs.Event(f"u{u}", f"笔记{n}", START + t, ("click", "like", "hide")[k], float(r))
        for u, n, t, k, r in rng.integers(0, [60, 42, 1000, 3, 6], (1500, 5))
        if n >= 40 or START + t >= published[n]
    ]
    file = logs.write(tmp_path_factory.mktemp("world") / "log.parquet", events)
    return facts, file, read_events(file, facts.ids, FILTER), events


def made(world, kind):
    facts, _, events, _ = world
    return Split(config=SPLITS[kind], data=DataDigests.of(facts, events, FILTER))


@pytest.mark.parametrize("mode", ["sequence", "together"])
@pytest.mark.parametrize("stage", ["validation", "test"])
@pytest.mark.parametrize("kind", SPLITS)
def test_no_pair_leaks(logs, world, tmp_path, kind, stage, mode):
    facts, file, events, rows = world
    split = made(world, kind)
    holdout = hold_out(split.config, facts, events, stage)
    out = tmp_path / "pairs.parquet"
    config = MiningConfig(mode=mode, window=300.0)
    mined = mine(Task(file, config, ALL, Held(split, stage, facts), facts.ids), out, resources=ONE)
    pairs, unknown = check_pairs(out, LeakCheck(facts, holdout))
    assert len(pairs) == mined.report.pairs > 20
    assert unknown == 0

    # Exactly what is left is mined: the same as from a file that holds nothing else.
    training = {
        (events.users[u], facts.ids[n], t)
        for u, n, t in zip(
            events.user[holdout.training],
            events.note[holdout.training],
            events.time[holdout.training],
            strict=True,
        )
    }
    users = {user for user, held in zip(events.users, holdout.hidden_users, strict=True) if not held}
    late = SPLITS[kind].test_from if stage == "test" else SPLITS[kind].validation_from

    def is_left(event):
        if event.note in facts.ids:
            return (event.user, event.note, event.time) in training and counts(event)
        hashed = split.config.item_roles(facts_of(event.note))[0] < (2 if stage == "test" else 1)
        in_time = late is None or event.time < late.timestamp()
        return counts(event) and event.user in users and hashed and in_time

    def counts(event):
        return event.kind in FILTER.kinds and event.rating >= FILTER.min_rating

    left = [event for event in rows if is_left(event)]
    expected = [row for row in logs.oracle(left, config, ALL) if row[0] in facts.ids and row[1] in facts.ids]
    assert logs.read(out) == expected
    assert mined.report.used == len(left)
    assert mined.report.removed.not_in_corpus > 0
    about = read_about(out)["split"]
    assert about == {"digest": Held(split, stage, facts).digest, "stage": stage}


def facts_of(note_id):
    return read_facts([Placed(Note(id=note_id, title="t"), "notes.jsonl", 0)])[0]


@pytest.mark.parametrize("kind", SPLITS)
def test_the_judge_finds_what_mining_without_the_split_takes(world, tmp_path, kind):
    facts, file, events, _ = world
    mine(Task(file, MiningConfig(mode="together"), ALL), tmp_path / "pairs.parquet", resources=ONE)
    leaks = LeakCheck(facts, hold_out(SPLITS[kind], facts, events, "validation"))
    with pytest.raises(LeakFound):
        check_pairs(tmp_path / "pairs.parquet", leaks)


def test_a_split_by_publication_needs_the_corpus(world):
    with pytest.raises(MiningError, match="give --corpus"):
        Held(made(world, "publication"))


def test_a_split_by_time_needs_times(logs, world, tmp_path):
    rows = [logs.Event("u", note, kind="click", rating=5.0) for note in "ab"]
    file = logs.write(tmp_path / "log.csv", rows)
    with pytest.raises(MiningError, match="no times"):
        mine(Task(file, held=Held(made(world, "time"))), tmp_path / "pairs.parquet", resources=ONE)


def test_notes_are_checked_where_interactions_cannot_be(world):
    split = made(world, "items")
    check_notes(split, world[0])
    with pytest.raises(SplitMismatch, match="other notes"):
        check_notes(split, facts_of("another"))


def test_all_held_out_is_said(logs, world, tmp_path):
    late = [logs.Event("u", note, START + 900, "click", 5.0) for note in "abc"]
    task = Task(logs.write(tmp_path / "log.csv", late), held=Held(made(world, "time")))
    with pytest.raises(NothingMined, match=r"no event of 3 counts; 3 held out by time"):
        mine(task, tmp_path / "pairs.parquet", resources=ONE)
