"""Suggestions for notes of the test: what a suggester is shown, and what stands beside it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from encoders import Corpus, Note
from encoders.blocks import Blocks
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.suggestion import Suggestion
from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.neighbour_labels import Known, by_neighbours, drawn_by_hash
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.split import SplitConfig
from retrieval.evaluation.suggesting import SuggestionTask, teachable

SPLIT = SplitConfig(by="items", seed="s", cold=3)


class Speller:
    """Suggests a note's title as its tag and "food" as its category; refuses notes that say so."""

    def __init__(self) -> None:
        self.shown = []

    def suggest_tags(self, notes, max_tags, categories):
        self.shown += notes
        if any(note.title == "torn" for note in notes):
            raise NoteRejected(Reason.BROKEN_IMAGE, "torn")
        return [Suggestion((note.title,), "food") for note in notes]


class Mute:
    def suggest_tags(self, notes, max_tags, categories):
        raise EncoderError("nothing to suggest with")


@pytest.fixture
def protocol(write_corpus):
    def make(cold: dict) -> Protocol:
        """Thirty notes that everybody looks at; those of the test are as told, the others about food, and one trip."""
        ids = [f"n{i}" for i in range(30)]
        is_cold = dict(zip(ids, SPLIT.item_roles(_Facts(ids)) == 2, strict=True))
        rows, held = [], iter([*cold.items()] * 30)
        for i, note_id in enumerate(ids):
            if is_cold[note_id]:
                title, row = next(held)
                rows.append({"id": note_id, "title": title, **row})
            else:
                rows.append({"id": note_id, "title": "w", "tags": ["ramen", f"t{i}"], "category": "food"})
        rows[next(i for i, row in enumerate(rows) if row["title"] == "w")]["category"] = "trips"
        folder = write_corpus(rows)
        lines = [f"u{user},{note_id}" for user in range(6) for note_id in ids]
        (folder / "interactions.csv").write_text("user,note\n" + "\n".join(lines) + "\n")
        data = Interactions.read(Corpus(folder), folder / "interactions.csv")
        return Protocol.of(data, SPLIT, ProtocolConfig(relevance=RelevanceConfig()))

    return make


class _Facts:
    def __init__(self, ids):
        self.ids = ids

    def __len__(self):
        return len(self.ids)


def test_a_suggester_sees_neither_tags_nor_category(protocol):
    speller = Speller()
    task = SuggestionTask(protocol({"ramen": {"tags": ["ramen", "broth"], "category": "food"}}), 4)
    found = task.of("speller", speller)
    assert len(speller.shown) == found.notes == 4
    assert all(note.tags == () and note.category is None and note.title for note in speller.shown)
    values = {name: estimate.value for name, estimate in found.metrics.items()}
    # One of the two tags, and the right category, for every note.
    assert values["tag P@5"] == 1
    assert values["tag R@5"] == 0.5
    assert values["category accuracy"] == values["category macro-F1"] == 1
    assert values["invented categories"] == 0
    assert "tok:zh" in found.bleu


def test_the_most_frequent_are_those_of_warm_notes(protocol):
    task = SuggestionTask(protocol({"a": {"tags": ["broth"], "category": "soups"}}), 3)
    assert set(task.categories) == {"food", "trips"}
    assert task.categories[0] == "food"
    usual = task.most_frequent()
    assert usual.metrics["category accuracy"].value == 0
    assert usual.metrics["tag R@5"].value == 0  # what only cold notes say, training cannot know
    known = SuggestionTask(protocol({"a": {"tags": ["ramen"], "category": "food"}}), 3).most_frequent()
    assert known.metrics["tag R@5"].value == known.metrics["category accuracy"].value == 1
    assert known.metrics["tag P@5"].value == pytest.approx(1 / 5)


def test_a_broken_picture_costs_its_own_note_alone(protocol):
    task = SuggestionTask(protocol({"ramen": {"tags": ["ramen"]}, "torn": {"tags": ["ramen"]}}), 6)
    torn = sum(note.title == "torn" for note in task.notes)
    assert 0 < torn < 6
    found = task.of("speller", Speller())
    assert found.metrics["tag R@5"].value == pytest.approx((6 - torn) / 6)


def test_what_cannot_suggest_is_left_out(protocol):
    assert SuggestionTask(protocol({"a": {"tags": ["x"]}}), 2).of("mute", Mute()) is None
    with pytest.raises(NothingToEvaluate, match="tags or a category"):
        SuggestionTask(protocol({"a": {}}), 2)


class Titles:
    """Vectors that are a title's letter; remembers what it read."""

    dim = 4
    blocks = Blocks((("text", 4),))

    def __init__(self):
        self.seen = []

    def encode(self, notes):
        self.seen += notes
        if any(note.title == "?" for note in notes):
            raise NoteRejected(Reason.EMPTY_NOTE, "no word in it")
        return np.eye(4, dtype=np.float32)[["wxyz".index(note.title) for note in notes]]


def test_neighbours_vote_by_title_and_body_alone(protocol):
    cold = {"w": {"tags": ["RAMEN"], "category": "food"}, "x": {"tags": ["ramen"]}, "?": {"tags": ["ramen"]}}
    task = SuggestionTask(protocol(cold), 6)
    encoder, told = Titles(), []
    found = task.neighbours("titles", encoder, told.append)
    assert found.name == "neighbours of titles"
    assert all(not note.tags and not note.category and not note.images for note in encoder.seen)
    assert sum(told) == task.to_encode
    # All notes of training are called w: of six of the test, those of that title meet them, and no other does.
    near = [note.title == "w" for note in task.notes]
    assert 0 < sum(near) < 6
    assert found.metrics["tag R@5"].value == pytest.approx(sum(near) / 6)
    assert found.metrics["category accuracy"].value == 1  # only those called w have one


def test_neighbours_are_the_nearest_known_notes():
    known = Known(
        [Note(title="w", tags=(f"t{i}",)) for i in range(30)],
        np.array([[1 - i / 100, 0, 0, 0] for i in range(30)], dtype=np.float32)[::-1],
    )
    (found,) = by_neighbours(Titles(), known, [Note(title="w")], 3)
    assert found.tags == ("t29", "t28", "t27")
    (all_of_them,) = by_neighbours(Titles(), known, [Note(title="w")], 50)
    assert set(all_of_them.tags) == {f"t{i}" for i in range(10, 30)}
    assert by_neighbours(Titles(), known, [Note(tags=("w",))], 3) == [Suggestion((), None)]
    assert by_neighbours(Titles(), Known([], np.zeros((0, 4), np.float32)), [Note(title="w")], 3)[0].tags == ()


def test_notes_that_vote_are_drawn_by_hash():
    ids = [f"n{i}" for i in range(50)]
    drawn = drawn_by_hash(ids, 10)
    assert len(drawn) == 10
    assert drawn == drawn_by_hash(ids[::-1], 10)
    assert drawn_by_hash(drawn | {"n1"}, 50) == drawn | {"n1"}


def test_what_may_be_learnt_is_neither_hidden_nor_asked(protocol):
    # Held out; cold and looked at since; cold and never looked at; warm.
    four = SimpleNamespace(
        hidden_notes=np.array([True, False, False, False]),
        cold=np.array([True, True, True, False]),
        met=np.array([True, True, False, True]),
    )
    assert teachable(four).tolist() == [False, False, True, True]
    made = protocol({"a": {"tags": ["x"]}})
    may = teachable(made.holdout)
    ids = np.array(made.data.facts.ids)
    task = SuggestionTask(made, 30)
    assert {note.id for note in task.notes} == set(ids[~may])
    assert not (may & made.holdout.hidden_notes).any()
    assert may.any()
    pool_cold = {made.pool.notes.ids[i] for i in np.flatnonzero(made.pool.cold)}
    assert not pool_cold & set(ids[may])


def test_heads_choose_among_the_categories_they_know(protocol):
    from encoders import NoteEncoder, TowersConfig
    from encoders.heads.config import HeadsConfig

    small = {"width": 16, "layers": 1, "heads": 2, "max_tokens": 8}
    able = NoteEncoder(TowersConfig(heads=HeadsConfig(seed=0, categories=("food", "sport"), **small)), "float32")
    found = SuggestionTask(protocol({"a": {"tags": ["x"], "category": "food"}}), 3).of("able", able)
    assert found.metrics["category accuracy"].value == 1  # food is the one that both know: trips the heads do not
    assert found.metrics["invented categories"].value == 0
