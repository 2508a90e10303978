"""Suggestions for notes of the test: what a suggester is shown, and what stands beside it."""

from __future__ import annotations

import pytest

from encoders import Corpus
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.suggestion import Suggestion
from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.split import SplitConfig
from retrieval.evaluation.suggesting import SuggestionTask

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
