"""Facts of notes in columns, against the notes themselves."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders import Corpus
from encoders.corpus import Placed, Rejection
from encoders.errors import Reason
from encoders.images import NoteImage
from encoders.note import Note
from retrieval.evaluation.facts import NoteFacts, read_facts

MAY = datetime(2024, 5, 1, 8, tzinfo=timezone(timedelta(hours=8)))
NOTES = [
    Note(id="a", title="Ramen", body="汤头", tags=("Food", "京都"), category="food", lang="zh", created_at=MAY),
    Note(id="b", images=(NoteImage("b.png"),), category="food"),
    Note(id="c", title="x", images=(NoteImage("c.png"), NoteImage("d.png")), tags=("FOOD", "food"), lang="en"),
    Note(id="d", tags=("trail",), category="hike", lang="zh"),
]


def facts_of(notes: list[Note]) -> NoteFacts:
    return read_facts(Placed(note, "notes.jsonl", i) for i, note in enumerate(notes))[0]


def test_facts_by_hand() -> None:
    facts = facts_of(NOTES)
    assert len(facts) == 4
    assert facts.ids == ["a", "b", "c", "d"]
    assert facts.has_text.tolist() == [True, False, True, True]
    assert facts.has_image.tolist() == [False, True, True, False]
    assert facts.text_length.tolist() == [5 + 2 + 4 + 2, 0, 1 + 4 + 4, 5]  # characters, not bytes
    assert [facts.categories[code] if code >= 0 else None for code in facts.category] == ["food", "food", None, "hike"]
    assert [facts.languages[code] if code >= 0 else None for code in facts.language] == ["zh", None, "en", "zh"]
    assert facts.created_at[0] == datetime(2024, 5, 1, tzinfo=UTC).timestamp()
    assert np.isnan(facts.created_at[1:]).all()


def tags_of(facts: NoteFacts, note: int) -> list[int]:
    return facts.tags[facts.tag_offsets[note] : facts.tag_offsets[note + 1]].tolist()


def test_tags_are_one_whatever_their_case() -> None:
    facts = facts_of(NOTES)
    food, kyoto = tags_of(facts, 0)
    assert food != kyoto
    assert tags_of(facts, 1) == []
    assert tags_of(facts, 2) == [food, food]
    assert tags_of(facts, 3) not in ([food], [kyoto])


def test_rejected_rows_are_counted_and_nothing_more() -> None:
    rows = [Placed(NOTES[0], "f", 0), Rejection("f", 1, "x", Reason.BAD_VALUE, "why"), Placed(NOTES[1], "f", 2)]
    done = []
    facts, rejected = read_facts(iter(rows), done.append)
    assert (facts.ids, rejected) == (["a", "b"], 1)
    assert sum(done) == 3


def test_a_corpus_with_every_kind_of_bad_row(bad_rows, tmp_path) -> None:
    folder = tmp_path / "corpus"
    reasons = bad_rows(folder)
    facts, rejected = read_facts(Corpus(folder))
    # A picture that proves broken when it is decoded is found only then.
    late = {Reason.BROKEN_IMAGE, Reason.NOT_AN_IMAGE, Reason.IMAGE_TOO_LARGE}
    assert {"good-1", "good-2"} <= set(facts.ids)
    assert set(facts.ids) - {"good-1", "good-2"} == {name for name, reason in reasons.items() if reason in late}
    assert rejected + len(facts) == sum(1 for _ in Corpus(folder))


def test_nothing_at_all() -> None:
    facts, rejected = read_facts([])
    assert (len(facts), rejected, facts.tag_offsets.tolist()) == (0, 0, [0])
    assert len(facts.take(np.empty(0, dtype=np.int64))) == 0


WORDS = st.sampled_from(["a", "b", "京", "D"])
RANDOM = st.lists(
    st.builds(
        Note,
        title=st.text(WORDS, max_size=5),
        tags=st.lists(WORDS, max_size=3).map(tuple),
        category=st.none() | WORDS,
        lang=st.none() | WORDS,
        created_at=st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    ),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(notes=RANDOM, data=st.data())
def test_taking_some_takes_all_of_theirs(notes: list[Note], data: st.DataObject) -> None:
    notes = [note.model_copy(update={"id": str(i)}) for i, note in enumerate(notes)]
    some = data.draw(st.lists(st.integers(0, len(notes) - 1), max_size=8)) if notes else []
    whole = facts_of(notes)
    taken = whole.take(np.array(some, dtype=np.int64))
    assert taken.ids == [notes[i].id for i in some]
    for row, i in enumerate(some):
        note = notes[i]
        assert taken.has_text[row] == note.has_text
        assert taken.has_image[row] == bool(note.images)
        assert taken.text_length[row] == len(note.title + note.body + "".join(note.tags))
        assert (taken.category[row] == -1) == (note.category is None)
        assert note.category is None or taken.categories[taken.category[row]] == note.category
        assert note.lang is None or taken.languages[taken.language[row]] == note.lang
        assert tags_of(taken, row) == tags_of(whole, i)
        assert len(tags_of(taken, row)) == len(note.tags)
        if note.created_at is None:
            assert np.isnan(taken.created_at[row])
        else:
            assert taken.created_at[row] == pytest.approx(note.created_at.timestamp())
    assert taken.tag_offsets[-1] == len(taken.tags)
