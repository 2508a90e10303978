import re
from collections import Counter
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from app.demo.catalogue import CatalogueError, load_catalogue
from app.demo.notes import DemoNote
from app.demo.writing import Deck, Writer, capitalised

Notes = tuple[DemoNote, ...]
LATIN = re.compile(r"[A-Za-z]{4,}")


def sentences(body: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?。！？])\s*|\n+", body) if part]


def test_no_slot_stays_open(notes: Notes):
    for note in notes:
        assert not re.search(r"[{}]", note.written.title + note.written.body), note.written


def test_texts_have_no_broken_punctuation(notes: Notes):
    for note in notes:
        text = f"{note.written.title}\n{note.written.body}"
        assert not re.search(r" {2}| [,.]|,,|,\.|\?,|None", text), text
        assert text == text.strip() or not note.written.body


def test_sentences_begin_with_a_capital(notes: Notes):
    for note in notes:
        for line in (note.written.title, *note.written.body.split("\n")):
            first = next((letter for letter in line if letter.isalpha()), "X")
            digit = next((letter for letter in line if letter.isalnum()), "X").isdigit()
            assert digit or first == first.upper(), line


def test_no_sentence_comes_twice_in_a_note(notes: Notes):
    for note in notes:
        told = sentences(note.written.body)
        assert len(told) == len(set(told)), note.written.body


def test_titles_vary_and_seldom_name_the_topic(notes: Notes):
    titles = [note.written.title for note in notes]
    assert len(set(titles)) >= 0.95 * len(titles)
    english = [note for note in notes if note.lang == "en"]
    naming = sum(note.topic.name.lower() in note.written.title.lower() for note in english)
    assert 0 < naming <= 0.5 * len(english)


def test_notes_of_a_topic_are_seldom_nearly_the_same(notes: Notes):
    pairs = near = 0
    by_topic: dict[str, list[set[str]]] = {}
    for note in notes:
        if note.written.body:
            words = set(re.findall(r"\w+", note.written.body.lower()))
            by_topic.setdefault(note.topic.id, []).append(words)
    for bodies in by_topic.values():
        for a, b in combinations(bodies, 2):
            pairs += 1
            near += len(a & b) > 0.8 * len(a | b)
    assert pairs > 10_000
    assert near < 0.003 * pairs


def test_bodies_come_in_several_forms(notes: Notes):
    bodies = [note.written.body for note in notes]
    empty = sum(not body for body in bodies)
    lists = sum(bool(re.search(r"^(- |• |1[.)] |✔️ |→ )", body, re.MULTILINE)) for body in bodies)
    questions = sum(body.endswith(("?", "？", "！")) for body in bodies)
    lengths = np.array([len(note.written.body) for note in notes if note.lang == "en" and note.written.body])
    assert 0.01 < empty / len(bodies) < 0.035
    assert 0.1 < lists / len(bodies) < 0.25
    assert 0.08 < questions / len(bodies) < 0.3
    assert np.quantile(lengths, 0.9) > 3 * np.quantile(lengths, 0.1)


def test_tags_mix_topic_and_category(notes: Notes):
    shared = {category.name: set(category.tags["en"]) for category in load_catalogue().categories}
    wide = 0
    for note in notes:
        tags = note.written.tags
        assert 2 <= len(tags) <= 6
        assert len(tags) == len(set(tags))
        if note.lang == "en":
            own = set(note.topic.voices["en"].tags)
            assert set(tags) <= own | shared[note.topic.category]
            assert set(tags) & own
            wide += bool(set(tags) & shared[note.topic.category])
    assert 0.3 * len(notes) < wide < 0.9 * len(notes)


def test_a_chinese_note_is_chinese(notes: Notes):
    chinese = [note for note in notes if note.lang == "zh"]
    assert len(chinese) == round(0.12 * len(notes))
    for note in chinese:
        text = note.written.title + note.written.body
        assert re.search(r"[\u4e00-\u9fff]", text)
        assert not re.search(r"[\u4e00-\u9fff][,?!]", text), text
    assert sum(bool(LATIN.search(note.written.body)) for note in chinese) < 0.1 * len(chinese)


def test_an_unknown_slot_is_refused():
    catalogue = load_catalogue()
    topic = catalogue.topic("cats")
    voice = replace(topic.voices["en"], titles=("Look at {nothing}",))
    # A title that fits any topic may come first: hence ten tries.
    broken = replace(topic, voices={**topic.voices, "en": voice})
    writer = Writer(catalogue.categories, np.random.default_rng(0))
    with pytest.raises(CatalogueError, match="nothing"):
        [writer.write(broken, "en", np.random.default_rng(seed)) for seed in range(10)]


def test_a_deck_deals_every_text_before_any_again():
    deck = Deck("abcde", np.random.default_rng(3))
    dealt = [text for _ in range(10) for text in deck.deal(1)]
    assert Counter(dealt[:5]) == Counter(dealt[5:]) == Counter("abcde")


def test_a_deal_holds_no_text_twice():
    deck = Deck("abc", np.random.default_rng(4))
    deals = [deck.deal(2) for _ in range(30)]
    assert all(len(set(deal)) == 2 for deal in deals)
    assert max(Counter(text for deal in deals for text in deal).values()) <= 21  # even: 20 each
    assert sorted(deck.deal(9)) == ["a", "b", "c"]


def test_the_first_letter_is_found_behind_quotes():
    assert capitalised('"so what", she said') == '"So what", she said'
    assert capitalised("ête") == "Ête"
    assert capitalised("3 things") == "3 things"
    assert capitalised("🌿") == "🌿"
