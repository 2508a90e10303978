"""Mixes of what is sought and what is not, against the definition in plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from encoders import Note, NoteImage
from retrieval import Retriever, Weights
from retrieval.errors import EmptyQuery, UnknownNote

TEXT = "noodle soup"


@pytest.fixture(scope="module")
def look(indexed):
    return NoteImage.from_file(indexed.folder / "images" / "trail-2.png")


def part(vector):
    """A part of a mix: without the two absent coordinates, at unit length, in float64."""
    kept = np.append(vector[:-2].astype(np.float64), [0, 0])
    return kept / np.linalg.norm(kept)


@pytest.mark.parametrize("weights", [Weights(), Weights(text=3, image=0.5, like=2, unlike=0.25), Weights(image=0)])
def test_the_sum_by_hand(indexed, encoder, look, weights):
    stored = {name: indexed.index.get([name])[0].vector for name in ("food-0", "music-1", "trail-0")}
    text, image = (part(encoder.encode([note])[0]) for note in (Note(body=TEXT), Note(images=(look,))))
    total = weights.text + weights.image + weights.like
    expected = (weights.text * text + weights.image * image + weights.like * part(stored["food-0"])) / total
    expected -= weights.unlike * (part(stored["music-1"]) + part(stored["trail-0"])) / 2
    found = indexed.retriever.encode_query(TEXT, look, like=["food-0"], unlike=["music-1", "trail-0"], weights=weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected / np.linalg.norm(expected), atol=1e-6)


def test_similar_asks_with_that_vector_and_leaves_out_what_was_named(indexed, encoder, look):
    retriever = indexed.retriever
    hits = retriever.similar(["food-0"], [Note(body=TEXT), Note(images=(look,))], k=100, unlike=["music-1"])
    query = retriever.encode_query(TEXT, look, like=["food-0"], unlike=["music-1"])
    assert {"food-0", "music-1"}.isdisjoint(hit.id for hit in hits)
    assert len(hits) == len(indexed.rows) - 2
    for hit in hits:
        vector = indexed.index.get([hit.id])[0].vector
        assert hit.score == pytest.approx(float(query @ vector), abs=1e-5)
        assert sum(hit.why.contributions.values()) == pytest.approx(hit.score, abs=1e-5)


def test_less_of_something_pushes_its_kind_down(indexed):
    def place(hits, topic):
        return np.mean([i for i, hit in enumerate(hits) if hit.id.startswith(topic)])

    plain = indexed.retriever.similar(notes=[Note(body="a rainy day")], k=100)
    less = indexed.retriever.similar(notes=[Note(body="a rainy day")], k=100, unlike=["music-2"])
    assert place(less, "music") > place(plain, "music")


def test_weights_decide_what_a_mix_is_like(indexed, look):
    def best(weights):
        return indexed.retriever.similar(notes=[Note(title="京都拉面"), Note(images=(look,))], k=1, weights=weights)[
            0
        ].id

    assert best(Weights(text=1, image=0)) == "food-3"
    assert best(Weights(text=0, image=1)) == "trail-2"


def test_a_single_part_is_itself_whatever_its_weight(indexed):
    one, other = (indexed.retriever.encode_query(TEXT, weights=Weights(text=weight)) for weight in (1, 7))
    np.testing.assert_allclose(one, other, atol=1e-7)


def test_a_note_with_words_and_pictures_is_one_part(indexed, encoder, look):
    whole = Note(title="broth", images=(look,))
    weights = Weights(note=3, text=1, image=5)
    hits = indexed.retriever.similar(notes=[whole, Note(body=TEXT)], k=100, weights=weights)
    expected = 3 * part(encoder.encode([whole])[0]) + part(encoder.encode([Note(body=TEXT)])[0])
    expected /= np.linalg.norm(expected)
    for hit in hits:
        assert hit.score == pytest.approx(float(expected @ indexed.index.get([hit.id])[0].vector), abs=1e-5)


def test_by_id_alone_no_encoder_is_made(indexed):
    def never():
        raise AssertionError("a query by id wants no encoder")

    assert Retriever(indexed.index, never).encode_query(like=["food-0"], unlike=["music-0"]).shape == (566,)


def test_what_cannot_be_asked(indexed):
    retriever = indexed.retriever
    with pytest.raises(EmptyQuery, match="give a text"):
        retriever.encode_query()
    with pytest.raises(EmptyQuery, match="give a text"):
        retriever.encode_query(" ", unlike=["food-0"])
    with pytest.raises(EmptyQuery, match="give a text"):
        retriever.encode_query(TEXT, weights=Weights(text=0))
    with pytest.raises(EmptyQuery, match="are the same"):
        retriever.encode_query(like=["food-0"], unlike=["food-0"], weights=Weights(unlike=1))
    with pytest.raises(UnknownNote, match="'nope'"):
        retriever.encode_query(TEXT, unlike=["nope"])
    for bad in (-1, float("nan"), float("inf")):
        with pytest.raises(EmptyQuery, match="weight of like"):
            Weights(like=bad)
