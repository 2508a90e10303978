"""What a split holds out, against plain loops over the events, for every kind of split and both stages."""

import hashlib
from datetime import UTC, datetime
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.holdout import Holdout, hold_out
from retrieval.evaluation.split import SplitConfig
from retrieval.interactions.events import Events

TRAINING, VALIDATION, TEST = range(3)
NOTES = [f"n{i}" for i in range(12)]
USERS = tuple(f"u{i}" for i in range(12))
CUTS = (100.0, 200.0)  # validation and test begin
KINDS = ["items", "users", "items+users", "time by interaction", "time by publication"]
STAGES = {"validation": VALIDATION, "test": TEST}
ROWS = st.lists(
    st.tuples(
        st.sampled_from(range(12)), st.sampled_from(range(12)), st.sampled_from([0, 99, 100, 150, 199, 200, 250])
    ),
    min_size=1,
    max_size=60,
)
PUBLISHED = st.lists(st.sampled_from([None, 50, 100, 150, 200, 300]), min_size=12, max_size=12)


def world(rows: list[tuple[int, int, int]], published: list[int | None]) -> tuple[NoteFacts, Events]:
    notes = [
        Note(id=name, title="t", created_at=None if when is None else datetime.fromtimestamp(when, UTC))
        for name, when in zip(NOTES, published, strict=True)
    ]
    facts = read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]
    user, note, time = (np.array(column) for column in zip(*rows, strict=True))
    events = Events(user.astype(np.int32), note.astype(np.int32), time.astype(np.float64), USERS, 12, 0, 0, 0)
    return facts, events


def config_of(kind: str, seed: str = "s") -> SplitConfig:
    if kind.startswith("time"):
        cuts = [datetime.fromtimestamp(cut, UTC) for cut in CUTS]
        by = kind.removeprefix("time by ")
        return SplitConfig(by="time", validation_from=cuts[0], test_from=cuts[1], cold_by=by)
    return SplitConfig(by=kind, seed=seed, cold=3, test_users=3, validation_items=2, validation_users=2)


def drawn(key: str, modulus: int) -> int:
    return int(hashlib.sha1(key.encode()).hexdigest(), 16) % modulus


def at(moment: float | None) -> int:
    return TRAINING if moment is None else TEST if moment >= CUTS[1] else VALIDATION if moment >= CUTS[0] else TRAINING


def naive_roles(kind: str, published: list[int | None], seed: str = "s") -> tuple[list[int], list[int]]:
    """The role of each note and of each user, by the rules as they are written down."""
    notes = [TRAINING] * 12
    users = [TRAINING] * 12
    if kind in ("items", "items+users"):
        for i, name in enumerate(NOTES):
            held = drawn(f"{seed}-validation-item-{name}", 2) == 0
            notes[i] = TEST if drawn(f"{seed}-item-{name}", 3) == 0 else VALIDATION if held else TRAINING
    if kind in ("users", "items+users"):
        for i, name in enumerate(USERS):
            held = drawn(f"{seed}-validation-user-{name}", 2) == 0
            users[i] = TEST if drawn(f"{seed}-user-{name}", 3) != 0 else VALIDATION if held else TRAINING
    if kind == "time by publication":
        notes = [at(when) for when in published]
    return notes, users


def exists(kind: str, note: int, rows: list[tuple[int, int, int]], published: list[int | None], target: int) -> bool:
    """Whether a note is there by the end of a stage: published, or looked at, which nobody can before it is there."""
    if not kind.startswith("time"):
        return True
    return at(published[note]) <= target or any(looked == note and at(time) <= target for _, looked, time in rows)


def test_the_small_world_has_notes_and_users_of_every_role() -> None:
    notes, users = naive_roles("items+users", [None] * 12)
    assert set(notes) == set(users) == {TRAINING, VALIDATION, TEST}


@pytest.mark.parametrize(("kind", "stage"), list(product(KINDS, STAGES)))
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, published=PUBLISHED)
def test_every_event_falls_where_a_loop_puts_it(
    kind: str, stage: str, rows: list[tuple[int, int, int]], published: list[int | None]
) -> None:
    facts, events = world(rows, published)
    found = hold_out(config_of(kind), facts, events, stage)
    target = STAGES[stage]
    notes, users = naive_roles(kind, published)
    for i, (user, note, time) in enumerate(rows):
        moment = at(time) if kind.startswith("time") else TRAINING
        learned = notes[note] < target and users[user] < target and moment < target
        # Of a note of a later stage nothing is known yet; else what is held out is held out by users, by time, or both.
        relevant = notes[note] <= target
        if kind in ("users", "items+users"):
            relevant = relevant and users[user] == target
        if kind.startswith("time"):
            # Of a person's looks at a note only the first say anything new: those that training has seen are no news.
            again = any(
                (other, looked) == (user, note) and notes[looked] < target and at(before) < target
                for other, looked, before in rows
            )
            relevant = relevant and moment == target and not again
        assert (found.training[i], found.held_out[i]) == (learned, relevant), rows[i]
        assert found.unblinded[i] == (notes[note] <= target and users[user] < target and moment < target), rows[i]
    for i in range(12):
        assert found.hidden_notes[i] == (notes[i] >= target)
        assert found.hidden_users[i] == (users[i] >= target)
        visible = notes[i] <= target and exists(kind, i, rows, published, target)
        by_item = kind in ("items", "items+users")
        assert found.visible[i] == visible
        assert found.asked[i] == (visible and (notes[i] == target or not by_item))
        assert found.cold[i] == all(note != i or not found.training[e] for e, (_, note, _) in enumerate(rows))


def holdouts(rows: list[tuple[int, int, int]], published: list[int | None], kind: str) -> dict[str, Holdout]:
    facts, events = world(rows, published)
    return {stage: hold_out(config_of(kind), facts, events, stage) for stage in STAGES}


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, published=PUBLISHED)
def test_nothing_held_out_is_in_training(
    kind: str, rows: list[tuple[int, int, int]], published: list[int | None]
) -> None:
    for found in holdouts(rows, published, kind).values():
        events, training = found.events, found.training
        if kind == "items":
            # The same people, but never their looks at what is asked.
            assert not (training & found.hidden_notes[events.note]).any()
            assert not (training & found.asked[events.note]).any()
        else:
            assert not (training & found.held_out).any()
        assert not found.hidden_notes[events.note[training]].any()
        assert not found.hidden_users[events.user[training]].any()
        assert not (training & ~found.unblinded).any()
        assert not found.hidden_users[events.user[found.unblinded]].any()
        assert not (found.unblinded & found.held_out).any() or kind == "items"
        if kind.startswith("time") and training.any() and found.held_out.any():
            assert events.time[training].max() < events.time[found.held_out].min()
            assert events.time[found.unblinded].max() < events.time[found.held_out].min()


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(rows=ROWS, published=PUBLISHED)
def test_the_validation_knows_nothing_of_the_test(
    kind: str, rows: list[tuple[int, int, int]], published: list[int | None]
) -> None:
    """Taking away all that is of the test, events, users and notes, leaves the validation as it was."""
    both = holdouts(rows, published, kind)
    early, late = both["validation"], both["test"]
    assert not (early.held_out & late.held_out).any() or kind == "items"
    assert not (early.training & ~late.training).any()  # what choices were made on may be trained on in the end
    notes, users = naive_roles(kind, published)
    of_test = [
        notes[note] == TEST or users[user] == TEST or (kind.startswith("time") and at(time) == TEST)
        for user, note, time in rows
    ]
    kept = [row for row, test in zip(rows, of_test, strict=True) if not test]
    for mask in (early.training, early.held_out, early.unblinded):
        assert not (mask & np.array(of_test)).any()
    assert not early.visible[[i for i in range(12) if notes[i] == TEST]].any()
    assert not early.met[[i for i in range(12) if notes[i] == TEST]].any()
    if kept:
        without = holdouts(kept, published, kind)["validation"]
        assert without.visible.tolist() == early.visible.tolist()
        assert without.asked.tolist() == early.asked.tolist()
        assert without.met.tolist() == early.met.tolist()
        assert without.cold.tolist() == early.cold.tolist()


@pytest.mark.parametrize(("kind", "stage"), list(product(KINDS, STAGES)))
@settings(max_examples=15, deadline=None)
@given(rows=ROWS, published=PUBLISHED)
def test_candidates_were_met_by_the_end_of_the_stage(
    kind: str, stage: str, rows: list[tuple[int, int, int]], published: list[int | None]
) -> None:
    found = holdouts(rows, published, kind)[stage]
    target = STAGES[stage]
    notes, users = naive_roles(kind, published)
    for i in range(12):
        looks = [
            1
            for user, note, time in rows
            if note == i and users[user] <= target and (not kind.startswith("time") or at(time) <= target)
        ]
        assert found.met[i] == (bool(looks) and notes[i] <= target)
    # Whatever is relevant, or learned from, is a candidate.
    assert found.met[found.events.note[found.held_out | found.training]].all()


def test_another_seed_holds_others_out() -> None:
    rows = [(u, n, 0) for u in range(12) for n in range(12)]
    facts, events = world(rows, [None] * 12)
    first, second = (hold_out(config_of("items+users", seed), facts, events) for seed in "ab")
    assert first.held_out.tolist() != second.held_out.tolist()


def test_by_time_needs_times() -> None:
    facts, events = world([(0, 0, 0)], [None] * 12)
    timeless = Events(events.user, events.note, None, USERS, 12, 0, 0, 0)
    with pytest.raises(EvaluationError, match="timestamp"):
        hold_out(config_of("time by interaction"), facts, timeless)


def test_cold_by_publication_forgets_what_was_seen_before() -> None:
    # Note 0 is published after the cut, yet somebody had looked at it long before (a preview, a wrong clock).
    facts, events = world([(0, 0, 50), (0, 1, 50), (1, 0, 250), (1, 1, 250)], [300] + [10] * 11)
    found = hold_out(config_of("time by publication"), facts, events)
    assert found.training.tolist() == [False, True, False, False]
    assert found.unblinded.tolist() == [True, True, False, False]
    assert found.held_out.tolist() == [False, False, True, True]
    assert found.cold[:2].tolist() == [True, False]
    by_interaction = hold_out(config_of("time by interaction"), facts, events)
    assert by_interaction.cold[:2].tolist() == [False, False]
