from collections import Counter, defaultdict
from itertools import combinations

import numpy as np
from numpy.random import SeedSequence

from app.demo.lifestyles import load_lifestyles
from app.demo.notes import END, DemoNote
from app.demo.users import MAX_VIEWS, START, Event, make_events

Notes = tuple[DemoNote, ...]
Events = tuple[Event, ...]


def test_events_are_on_notes_that_exist_by_then(notes: Notes, events: Events):
    created = {note.id: note.created_at.timestamp() for note in notes}
    assert events
    for event in events:
        assert created[event.note] < event.second


def test_events_lie_in_the_year_and_in_order(events: Events):
    seconds = [event.second for event in events]
    assert seconds == sorted(seconds)
    assert START.timestamp() <= seconds[0] < START.timestamp() + 14 * 86_400
    assert END.timestamp() - 2 * 86_400 < seconds[-1] < END.timestamp()
    assert events[-1].timestamp.startswith("2025-06-")


def test_a_click_follows_a_view_of_the_same_note(events: Events):
    last_seen: dict[tuple[str, str], int] = {}
    clicks = 0
    for event in events:
        if event.kind == "view":
            last_seen[event.user, event.note] = event.second
        else:
            clicks += 1
            assert event.kind == "click"
            assert 0 < event.second - last_seen[event.user, event.note] < 60
    assert 0.08 * len(events) < clicks < 0.35 * len(events)


def test_users_and_notes_have_long_tails(events: Events):
    views = [event for event in events if event.kind == "view"]
    by_user = np.array(sorted(Counter(event.user for event in views).values()))
    by_note = np.array(sorted(Counter(event.note for event in views).values()))
    assert len(by_user) == 500
    assert by_user.max() <= MAX_VIEWS
    assert by_user.mean() > 1.2 * np.median(by_user)
    assert by_note[-len(by_note) // 10 :].sum() > 0.3 * by_note.sum()


def test_better_notes_are_seen_more(notes: Notes, events: Events):
    views = Counter(event.note for event in events if event.kind == "view")
    warm = [note for note in notes if not note.cold]
    good = sorted(warm, key=lambda note: -note.quality)[: len(warm) // 5]
    assert sum(views[note.id] for note in good) > 0.4 * sum(views.values())


def test_topics_of_one_lifestyle_are_clicked_together(notes: Notes, events: Events):
    """Lift of a pair: users who clicked both, over what independent clicks would give; linked against unlinked."""
    topic = {note.id: note.topic for note in notes}
    category = {note.topic.id: note.topic.category for note in notes}
    users: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.kind == "click":
            users[topic[event.note].id].add(event.user)
    linked = {frozenset(pair) for style in load_lifestyles() for pair in combinations(style.topics, 2)}
    lifts: dict[bool, list[float]] = {True: [], False: []}
    for a, b in combinations(sorted(users), 2):
        if category[a] != category[b]:
            expected = len(users[a]) * len(users[b]) / 500
            lifts[frozenset((a, b)) in linked].append(len(users[a] & users[b]) / expected)
    assert len(lifts[True]) > 200
    assert np.mean(lifts[True]) > 4 * np.mean(lifts[False])


def test_some_clicks_are_noise(notes: Notes):
    """A reader of one lifestyle only still sees other topics, but mostly its own."""
    [style] = load_lifestyles()[:1]
    topic = {note.id: note.topic.id for note in notes}
    views = [event for event in make_events(notes, [style], 40, SeedSequence(1)) if event.kind == "view"]
    own = sum(topic[event.note] in style.topics for event in views) / len(views)
    assert 0.75 < own < 0.95


def test_each_user_has_a_stream_of_their_own(notes: Notes):
    few = make_events(notes, load_lifestyles(), 5, SeedSequence(2))
    more = make_events(notes, load_lifestyles(), 9, SeedSequence(2))
    assert few == tuple(event for event in more if event.user in {"u00001", "u00002", "u00003", "u00004", "u00005"})
