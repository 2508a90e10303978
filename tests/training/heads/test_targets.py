"""What notes teach: categories and hashtags by how often they come, and which notes are kept aside."""

from __future__ import annotations

import hashlib

import pytest

from encoders import Note
from training.errors import TrainingError
from training.heads.targets import choose_targets, is_aside


def note(tags=(), category=None, note_id="a"):
    return Note(id=note_id, title="t", tags=tuple(tags), category=category)


def test_rare_categories_and_hashtags_are_left_out():
    notes = [note(["Ramen", "once"], "food"), note(["ramen"], "trips"), note([], "food"), note(["x"], "trips")]
    notes += [note([], "food"), note([], "旅行"), note()]
    found = choose_targets(notes, 2)
    assert found.categories == ("food", "trips")  # three, two; 旅行 has one
    assert found.category == (0, 1, 0, 1, 0, None, None)
    assert found.tags == (("Ramen",), ("ramen",), (), (), (), (), ())
    assert found.remarks == ("1 of 3 categories are not learnt, with fewer than 2 notes",)


def test_hashtags_of_one_note_each_are_learnt_where_there_are_no_others():
    assert choose_targets([note(["a", "b"], "x"), note(["c"], "y")], 1).tags == (("a", "b"), ("c",))


@pytest.mark.parametrize(
    ("categories", "says"),
    [
        (["food"] * 4, "no category is suggested: of 1 categories only 'food' has 2 notes or more"),
        (["food", "trips"], "no category is suggested: none of 2 categories has 2 notes or more"),
        ([None], "no category is suggested: none of 0 categories has 2 notes or more"),
    ],
)
def test_no_category_to_tell_apart(categories, says):
    found = choose_targets([note(["t"], name) for name in categories], 2)
    assert found.categories == ()
    assert set(found.category) == {None}
    assert found.remarks == (says,)
    with pytest.raises(TrainingError, match="nothing to suggest"):
        choose_targets([note([], name) for name in categories], 2)


def test_no_hashtags():
    found = choose_targets([note([], "a"), note([], "b")], 1)
    assert not found.has_tags
    assert found.remarks == ("no hashtags are suggested: none of 2 notes has any",)


def test_aside_is_by_the_hash_of_the_id():
    ids = [f"笔记{i}" for i in range(2000)]
    aside = {name for name in ids if is_aside(note(note_id=name), 0.1, 7)}
    wanted = {name for name in ids if int(hashlib.sha1(f"7-heads-{name}".encode()).hexdigest(), 16) % 10_000 < 1000}
    assert aside == wanted
    assert 140 < len(aside) < 260
    assert aside != {name for name in ids if is_aside(note(note_id=name), 0.1, 8)}
    assert not any(is_aside(note(note_id=name), 0.0, 7) for name in ids)
    assert is_aside(Note(title="x", body="y"), 0.5, 0) == is_aside(Note(title="x", body="y", tags=("z",)), 0.5, 0)
