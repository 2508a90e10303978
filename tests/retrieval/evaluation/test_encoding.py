"""Notes of a pool as vectors: in its order, zeros for what is not there, bad pictures counted and never stopping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from encoders import Corpus
from encoders.base import Prepared
from encoders.blocks import Blocks, Vectors, unit_rows
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected, Reason
from encoders.images import NoteImage
from encoders.note import Note
from retrieval.evaluation.encoding import EncodedNotes, encode_notes, reduced
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.text_view import TextView

ROWS = [
    {"id": "both", "title": "ramen in Kyoto", "image": "a.png"},
    {"id": "text", "title": "a hike at dawn", "body": "boots for snow", "category": "trail"},
    {"id": "image", "image": "b.png"},
    {"id": "笔记", "title": "京都拉面", "tags": ["food"], "image": "c.png"},
    {"id": "other", "title": "not in the pool"},
    {"id": "torn", "title": "a picture that is none", "image": "torn.png"},
]


def whole(note: Note) -> Note:
    return note


class Told:
    """An encoder whose vector is the note's number; it may refuse notes, or make no number of them."""

    dim = 2
    blocks = Blocks((("text", 2),))

    def __init__(self, refused: dict[str, Reason] | None = None, broken: Sequence[str] = ()) -> None:
        self.refused, self.broken, self.lots = refused or {}, set(broken), []

    def prepare(self, note: Note) -> Prepared:
        if note.id in self.refused:
            raise NoteRejected(self.refused[note.id], "told so")
        return Prepared(note.id, ())

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        self.lots.append(len(prepared))
        return np.array(
            [[int(one.text), np.nan if one.text in self.broken else 1] for one in prepared], dtype=np.float32
        )


def numbered(count: int) -> tuple[list[Placed], NoteFacts]:
    rows = [Placed(Note(id=str(i), title="t"), "f", i) for i in range(count)]
    return rows, read_facts(rows)[0]


@pytest.mark.parametrize("count", [1, 255, 256, 257, 512, 700])
def test_every_note_stands_in_the_place_of_the_pool(count: int) -> None:
    rows, facts = numbered(count)
    order = np.random.default_rng(count).permutation(count)
    done: list[int] = []
    encoder = Told()
    found = encode_notes(encoder, iter(rows), facts.take(order), whole, done.append)
    assert found.vectors.tolist() == [[i, 1] for i in order]
    assert found.vectors.dtype == np.float32
    assert (sum(done), sum(encoder.lots), found.rejected) == (count, count, Counter())
    assert max(encoder.lots) <= 256


def test_notes_that_are_not_asked_for_are_not_encoded() -> None:
    rows, facts = numbered(50)
    encoder = Told()
    bad = Rejection("f", 50, "7", Reason.DUPLICATE_ID, "again")
    found = encode_notes(encoder, [bad, *rows], facts.take(np.array([40, 3, 17])), whole)
    assert found.vectors[:, 0].tolist() == [40, 3, 17]
    assert encoder.lots == [3]


def test_what_cannot_be_encoded_is_zeros_and_is_counted() -> None:
    rows, facts = numbered(600)
    refused = {"0": Reason.BROKEN_IMAGE, "300": Reason.BROKEN_IMAGE, "599": Reason.NOT_AN_IMAGE, "5": Reason.EMPTY_NOTE}
    found = encode_notes(Told(refused, broken=["1", "299"]), rows, facts, whole)
    zeros = {0, 300, 599, 5, 1, 299}
    assert [tuple(row) for row in found.vectors.tolist()] == [(0, 0) if i in zeros else (i, 1) for i in range(600)]
    # A note that only lacks what is read is none of them.
    assert found.rejected == {
        Reason.BROKEN_IMAGE.value: 2,
        Reason.NOT_AN_IMAGE.value: 1,
        Reason.NO_VECTOR.value: 2,
    }


def test_a_lot_without_one_good_note() -> None:
    rows, facts = numbered(300)
    found = encode_notes(Told({str(i): Reason.BROKEN_IMAGE for i in range(300)}), rows, facts, whole)
    assert not found.vectors.any()
    assert found.rejected == {Reason.BROKEN_IMAGE.value: 300}
    assert encode_notes(Told(), [], numbered(0)[1], whole).vectors.shape == (0, 2)


def test_notes_reduced_to_what_is_read() -> None:
    note = Note(id="n", title="t", body="b", tags=("a",), category="c", images=(NoteImage("a.png"),), lang="en")
    text, image = reduced(note, "text"), reduced(note, "image")
    assert reduced(note, "both") == note
    assert (text.title, text.body, text.tags, text.images, text.id) == ("t", "b", ("a",), (), "n")
    assert (image.title, image.body, image.tags, image.category) == ("", "", (), None)
    assert (image.images, image.id) == (note.images, "n")


@pytest.fixture
def corpus(write_corpus, picture) -> Corpus:
    pictures = {f"{name}.png": picture(seed, (64, 48)) for seed, name in enumerate("abc")} | {"torn.png": b"no picture"}
    return Corpus(write_corpus(ROWS, pictures=pictures))


@pytest.fixture
def notes(corpus) -> NoteFacts:
    """The pool: five of the six notes, in an order that is not the corpus'."""
    facts, _ = read_facts(corpus)
    return facts.take(np.array([facts.ids.index(name) for name in ("笔记", "torn", "image", "text", "both")]))


def test_vectors_are_those_of_the_encoder(corpus, notes, encoder) -> None:
    found = encode_notes(encoder, corpus, notes, whole)
    by_id = {row.note.id: row.note for row in corpus}
    good = [i for i, name in enumerate(notes.ids) if name != "torn"]
    np.testing.assert_allclose(found.vectors[good], encoder.encode([by_id[notes.ids[i]] for i in good]), atol=1e-6)
    assert not found.vectors[notes.ids.index("torn")].any()
    assert found.rejected == {Reason.NOT_AN_IMAGE.value: 1}
    np.testing.assert_array_equal(found.queries, encoder.blocks.as_query(found.vectors))


@pytest.mark.parametrize("reading", ["text", "image"])
def test_a_block_is_what_encoding_one_modality_gives(corpus, notes, encoder, reading) -> None:
    """The shortcut for encoders of separate blocks, against encoding notes that have nothing else."""
    notes = notes.take(np.flatnonzero(np.array(notes.ids) != "torn"))
    short = encode_notes(encoder, corpus, notes, whole).reading(reading)
    long = encode_notes(encoder, corpus, notes, lambda note: reduced(note, reading))
    np.testing.assert_allclose(unit_rows(short.queries), unit_rows(long.queries), atol=1e-5)
    lacks = notes.ids.index("image" if reading == "text" else "text")
    assert not short.vectors[lacks].any()
    assert not long.vectors[lacks].any()
    # Whatever asks, the order of the answers is the same: rows are equally long, whichever note they are of.
    shown = [i for i in range(len(notes)) if i != lacks]
    scale = np.linalg.norm(short.vectors[shown], axis=1)
    assert scale == pytest.approx(scale[0], rel=1e-5)
    scores = [one.queries[shown] @ one.vectors.T for one in (short, long)]
    np.testing.assert_array_equal(*(np.argsort(-score, axis=1, kind="stable") for score in scores))
    # A note that lacks what is read is no broken one.
    assert short.rejected == long.rejected == {}


def test_a_torn_picture_does_not_take_its_words_along(corpus, notes, encoder) -> None:
    torn = notes.ids.index("torn")
    pictures = encode_notes(encoder, corpus, notes, lambda note: reduced(note, "image"))
    assert pictures.rejected == {Reason.NOT_AN_IMAGE.value: 1}
    words = encode_notes(encoder, corpus, notes, lambda note: reduced(note, "text"))
    assert words.rejected == {}
    assert words.vectors[torn].any()
    short = encode_notes(encoder, corpus, notes, whole).reading("text")
    assert short is None or short.vectors[torn].any()


def test_readings_of_one_and_of_no_blocks() -> None:
    vectors = np.arange(12, dtype=np.float32).reshape(2, 6)
    parted = EncodedNotes(vectors, Blocks((("text", 3), ("image", 2)), absent=1))
    assert parted.reading("both") is parted
    assert parted.reading("text").vectors.tolist() == [[0, 1, 2, 0, 0, 0], [6, 7, 8, 0, 0, 0]]
    assert parted.reading("image").vectors.tolist() == [[0, 0, 0, 3, 4, 0], [0, 0, 0, 9, 10, 0]]
    joint = EncodedNotes(vectors, Blocks((("joint", 6),)))
    assert joint.reading("text") is joint.reading("image") is None
    np.testing.assert_array_equal(joint.queries, vectors)
    assert parted.queries[:, 5].tolist() == [0, 0]


def test_one_text_for_all_is_what_is_encoded(corpus, notes, encoder) -> None:
    view = TextView("{title}")
    found = encode_notes(encoder, corpus, notes, lambda note: reduced(view.note(note), "text"))
    expected = encoder.encode([Note(body="a hike at dawn"), Note(body="京都拉面")])
    np.testing.assert_allclose(found.vectors[notes.ids.index("text")], expected[0], atol=1e-6)
    np.testing.assert_allclose(found.vectors[notes.ids.index("笔记")], expected[1], atol=1e-6)
    assert not found.vectors[notes.ids.index("image")].any()
