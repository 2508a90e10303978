"""A split that is saved: it comes back equal, and takes no data but its own."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError, SplitMismatch
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.split import DataDigests, Split, SplitConfig
from retrieval.interactions.events import EventFilter, Events, read_events

MORNING = datetime(2024, 5, 1, tzinfo=UTC)
EVENTS = [("u", "a", 5.0), ("u", "b", 7.0), ("v", "b", 6.0), ("小明", "c", 5.0)]


def facts_of(ids: Sequence[str], published: Sequence[datetime | None] | None = None) -> NoteFacts:
    when = published or [None] * len(ids)
    notes = [Note(id=name, title="t", created_at=time) for name, time in zip(ids, when, strict=True)]
    return read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]


def events_of(rows: Sequence[tuple[str, str, float | None]], ids: Sequence[str]) -> Events:
    """What reading a file of these rows gives, users coded in the order they are met."""
    users = list(dict.fromkeys(user for user, _, _ in rows))
    times = [time for _, _, time in rows]
    return Events(
        user=np.array([users.index(user) for user, _, _ in rows], dtype=np.int32),
        note=np.array([list(ids).index(note) for _, note, _ in rows], dtype=np.int32),
        time=None if None in times else np.array(times, dtype=np.float64),
        users=tuple(users),
        notes=len(ids),
        unknown=0,
        broken=0,
        filtered=0,
    )


def digests(
    rows: Sequence[tuple[str, str, float | None]] = EVENTS,
    ids: Sequence[str] = ("a", "b", "c"),
    chosen: EventFilter = EventFilter(),
) -> DataDigests:
    return DataDigests.of(facts_of(ids), events_of(rows, ids), chosen)


CONFIGS = [
    SplitConfig(by="items+users", seed="笔记", cold=3, test_users=4, validation_items=7, validation_users=8),
    SplitConfig(
        by="time",
        cold_by="publication",
        validation_from=datetime(2024, 5, 1, 8, tzinfo=timezone(timedelta(hours=8))),
        test_from=datetime(2024, 5, 1, 0, 0, 0, 1, tzinfo=UTC),
    ),
]


@pytest.mark.parametrize("config", CONFIGS, ids=["hash", "time"])
def test_a_saved_split_comes_back_equal(config: SplitConfig, tmp_path: Path) -> None:
    split = Split(config=config, data=digests(chosen=EventFilter(kinds=("收藏", "view"), min_rating=3.5)))
    split.save(tmp_path / "split.json")
    again = Split.load(tmp_path / "split.json")
    assert again == split
    again.check(split.data)
    facts = facts_of([str(i) for i in range(50)], [MORNING - timedelta(hours=20 - i) for i in range(50)])
    assert again.config.item_roles(facts).tolist() == config.item_roles(facts).tolist()
    assert again.config.user_roles(facts.ids).tolist() == config.user_roles(facts.ids).tolist()


def test_what_is_no_split_is_refused_by_name(tmp_path: Path) -> None:
    good = json.loads(Split(config=CONFIGS[0], data=digests()).model_dump_json())
    bad = {
        "broken": b'{"format": 1, ',
        "bytes": b"\xff\xfe\x00",
        "list": b"[]",
        "format": json.dumps(good | {"format": 2}).encode(),
        "more": json.dumps(good | {"more": 1}).encode(),
        "less": json.dumps({"format": 1, "config": good["config"]}).encode(),
        "cuts": json.dumps(good | {"config": {"by": "time"}}).encode(),
        "seed": json.dumps(good | {"config": good["config"] | {"seed": 5}}).encode(),
    }
    for name, content in bad.items():
        path = tmp_path / f"{name}.json"
        path.write_bytes(content)
        with pytest.raises(EvaluationError, match=f"{name}.json is no split"):
            Split.load(path)
    with pytest.raises(EvaluationError, match=r"gone\.json"):
        Split.load(tmp_path / "gone.json")
    with pytest.raises(EvaluationError, match="cannot be written"):
        Split(config=CONFIGS[0], data=digests()).save(tmp_path / "no" / "split.json")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("notes", digests(ids=("a", "b", "c", "d"))),
        ("notes", digests(EVENTS[:3], ids=("a", "b"))),
        ("interactions", digests([("u", "a", 5.5), *EVENTS[1:]])),
        ("interactions", digests([("v", "a", 5.0), *EVENTS[1:]])),
        ("interactions", digests([("u", "c", 5.0), *EVENTS[1:]])),
        ("interactions", digests([("w", "a", 5.0), *EVENTS[1:]])),
        ("interactions", digests(EVENTS[1:])),
        ("interactions", digests([*EVENTS, EVENTS[0]])),
        ("interactions", digests([(user, note, None) for user, note, _ in EVENTS])),
        ("events", digests(chosen=EventFilter(kinds=("view",)))),
        ("events", digests(chosen=EventFilter(min_rating=4))),
    ],
)
def test_other_data_is_refused(name: str, found: DataDigests) -> None:
    split = Split(config=CONFIGS[0], data=digests())
    split.check(digests())
    with pytest.raises(SplitMismatch, match=f"other {name}"):
        split.check(found)


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("uvw小"), st.sampled_from("abc"), st.integers(0, 3).map(float)), min_size=1
    ),
    random=st.randoms(use_true_random=False),
)
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[str, str, float]], random) -> None:
    shuffled = random.sample(rows, len(rows))
    assert digests(shuffled) == digests(rows)


def test_the_order_of_the_rows_of_a_file_does_not_matter(tmp_path: Path) -> None:
    lines = [f"u{i * 7 % 5},n{i % 3},{i % 4}" for i in range(40)]
    read = []
    for order in (lines, lines[::-1], [*lines[:-1], "u0,n0,99"]):
        path = tmp_path / "interactions.csv"
        path.write_text("\n".join(["user,item,timestamp", *order]) + "\n")
        ids = ["n0", "n1", "n2"]
        read.append(DataDigests.of(facts_of(ids), read_events(path, ids), EventFilter()))
    assert read[0] == read[1]
    assert read[0] != read[2]


def test_the_order_of_the_corpus_does_not_matter() -> None:
    assert digests(ids=("c", "a", "b")) == digests(ids=("a", "b", "c"))


def test_other_looks_in_another_corpus_order_are_told_apart() -> None:
    first = digests([("u", "a", 1.0), ("v", "b", 2.0)], ids=("a", "b"))
    assert digests([("u", "b", 1.0), ("v", "a", 2.0)], ids=("b", "a")) != first
