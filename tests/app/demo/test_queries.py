from dataclasses import replace

import numpy as np
import pytest

from app.demo.catalogue import load_catalogue
from app.demo.errors import DemoError
from app.demo.notes import DemoNote
from app.demo.queries import PLAIN_TO_SEE, TELLING, pick_queries, pick_text, telling_words
from app.demo.writing import Search, load_searches

Notes = tuple[DemoNote, ...]


def test_the_topics_named_exist():
    topics = {topic.id for topic in load_catalogue().topics}
    assert set(PLAIN_TO_SEE) | set(TELLING) <= topics
    assert {topic for search in load_searches() for topic in search.topics} <= topics


def test_the_cold_note_and_the_picture_are_good_ones(notes: Notes):
    by_id = {note.id: note for note in notes}
    chosen = pick_queries(notes, np.random.default_rng(0))
    cold = by_id[chosen["cold_note_id"]]
    assert cold.cold
    assert cold.images
    assert cold.lang == "en"
    assert cold.topic.id in TELLING
    assert len(cold.written.body) >= 140
    assert not any(note.written.title in cold.written.title for note in notes if note is not cold)
    pictured = next(note for note in notes if chosen["image"] in note.image_names)
    assert not pictured.cold
    assert pictured.topic.id in PLAIN_TO_SEE


def test_the_search_stands_in_no_title_it_should_find(notes: Notes):
    text = pick_queries(notes, np.random.default_rng(0))["text"]
    [search] = [search for search in load_searches() if search.text == text]
    titles = [note.written.title for note in notes if note.topic.id in search.topics]
    assert len(titles) > 20
    assert not telling_words(text) & telling_words(" ".join(titles))


def test_a_search_whose_words_stand_in_a_title_is_passed_over(notes: Notes):
    note = next(note for note in notes if note.lang == "en")
    word = max(telling_words(note.written.title), key=len)
    given = (Search(f"much {word}", (note.topic.id,)), Search("zyzzyva", (note.topic.id,)))
    assert pick_text(notes, given) == "zyzzyva"
    assert pick_text(notes, tuple(reversed(given))) == "zyzzyva"


def test_notes_without_a_cold_one_are_refused(notes: Notes):
    warm = [replace(note, images=0) for note in notes[:50]]
    with pytest.raises(DemoError, match="too few"):
        pick_queries(warm, np.random.default_rng(0))
