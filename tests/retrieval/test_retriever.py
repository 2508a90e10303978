"""Queries of every kind against an exact computation over the exported vectors."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.errors import NoteRejected
from index import ExactIndex
from retrieval import Hit, Retriever
from retrieval.errors import EmptyQuery, EncoderChanged, UnknownNote
from retrieval.export import export_vectors
from retrieval.retriever import index_meta

ROOT = Path(__file__).parents[2]
TEXT = Note(body="noodle soup")


@pytest.fixture(scope="module")
def look(indexed):
    return Note(images=(NoteImage.from_file(indexed.folder / "images" / "trail-2.png"),))


@pytest.fixture(scope="module")
def exported(indexed, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "vectors.npz"
    assert export_vectors(indexed.index, path) == len(indexed.rows)
    with np.load(path, allow_pickle=False) as data:
        return data["ids"].tolist(), data["vectors"]


@pytest.fixture(scope="module")
def retriever(indexed):
    return indexed.retriever


def exact(exported, encoder, ids, notes, k):
    """The definition, in float64: parts without their last two coordinates, at unit length; their mean; cosines."""
    names, vectors = exported
    vectors = vectors.astype(np.float64)
    parts = [vectors[names.index(one)] for one in ids]
    parts += [encoder.encode([note])[0].astype(np.float64) for note in notes]
    parts = [part[:-2] / np.linalg.norm(part[:-2]) for part in parts]
    query = np.mean(parts, axis=0)
    scores = vectors[:, :-2] @ (query / np.linalg.norm(query))
    order = [i for i in np.argsort(-scores, kind="stable") if names[i] not in ids]
    return [(names[i], scores[i]) for i in order[:k]]


def partial_notes(kind, look):
    both = Note(body=TEXT.body, images=look.images)
    return {None: [], "text": [TEXT], "look": [look], "one of both": [both], "one each": [TEXT, look]}[kind]


QUERIES = {
    "an id": (["food-0"], None),
    "an id without picture": (["food-1"], None),
    "a picture's id": (["twin-look"], None),
    "three ids": (["food-0", "trail-1", "twin-look"], None),
    "a text": ([], "text"),
    "a picture": ([], "look"),
    "one note of both": ([], "one of both"),
    "a text and a picture apart": ([], "one each"),
    "ids and a text": (["music-0", "music-1"], "text"),
    "an id, a text and a picture": (["music-0"], "one each"),
}


@pytest.mark.parametrize("name", list(QUERIES))
@pytest.mark.parametrize("k", [1, 5, 100])
def test_scores_are_exact(retriever, exported, encoder, look, name, k):
    ids, kind = QUERIES[name]
    notes = partial_notes(kind, look)
    hits = retriever.similar(ids, notes, k=k)
    expected = exact(exported, encoder, ids, notes, k)
    assert len(hits) == min(k, len(exported[0]) - len(set(ids)))
    np.testing.assert_allclose([hit.score for hit in hits], [score for _, score in expected], atol=2e-6)
    by_id = dict(expected) if k == 100 else dict(exact(exported, encoder, ids, notes, 100))
    for hit in hits:  # ids may swap only where scores tie
        assert hit.score == pytest.approx(by_id[hit.id], abs=2e-6)
    assert not {hit.id for hit in hits} & set(ids)


def test_a_query_by_id_never_returns_itself(retriever, indexed):
    for row in indexed.rows:
        hits = retriever.similar([row["id"]], k=5)
        assert len(hits) == 5
        assert row["id"] not in [hit.id for hit in hits]
    first = retriever.similar(["twin-full"], k=1)[0]
    assert first.id in ("twin-text", "food-0")


def test_an_id_named_twice_is_not_returned_either(retriever):
    once, twice = (retriever.similar(ids, k=17) for ids in (["food-0"], ["food-0", "food-0"]))
    assert [hit.id for hit in once] == [hit.id for hit in twice]
    assert "food-0" not in [hit.id for hit in twice]


def scores_of(hits):
    return {hit.id: hit.score for hit in hits}


def test_a_text_scores_a_note_the_same_with_and_without_a_picture(retriever):
    for words in ("ramen", "京都", "a ridge in fog"):
        scores = scores_of(retriever.similar(notes=[Note(title=words)], k=100))
        assert scores["twin-full"] == pytest.approx(scores["twin-text"], abs=1e-6)
        assert abs(scores["twin-look"]) < 1e-6


def test_a_picture_scores_a_note_the_same_with_and_without_text(retriever, look):
    scores = scores_of(retriever.similar(notes=[look], k=100))
    assert scores["twin-full"] == pytest.approx(scores["twin-look"], abs=1e-6)
    assert abs(scores["twin-text"]) < 1e-6


def test_a_note_is_asked_the_same_with_and_without_its_missing_half(retriever, indexed, encoder):
    """The other way round: the query is the partial one."""
    look = (NoteImage.from_file(indexed.folder / "images" / "food-0.png"),)
    by_id = scores_of(retriever.similar(["twin-text"], k=100))
    by_text = scores_of(retriever.similar(notes=[Note(title="ramen in Kyoto")], k=100))
    assert {name: by_text[name] for name in by_id} == pytest.approx(by_id, abs=2e-6)
    by_id = scores_of(retriever.similar(["twin-look"], k=100))
    by_look = scores_of(retriever.similar(notes=[Note(images=look)], k=100))
    assert {name: by_look[name] for name in by_id} == pytest.approx(by_id, abs=2e-6)


def test_the_nearest_is_what_was_asked_for(retriever, look):
    assert retriever.similar(notes=[Note(title="hand-pulled noodles")], k=1)[0].id == "food-2"
    assert retriever.similar(notes=[look], k=1)[0].id == "trail-2"


@pytest.mark.parametrize("name", list(QUERIES))
def test_contributions_sum_to_the_score(retriever, look, name):
    ids, kind = QUERIES[name]
    notes = partial_notes(kind, look)
    for hit in retriever.similar(ids, notes, k=100):
        assert list(hit.why.contributions) == ["text", "image"]
        assert sum(hit.why.contributions.values()) == pytest.approx(hit.score, abs=2e-6)
        if kind == "text" and not ids:
            assert hit.why.contributions["image"] == 0


def test_why_names_shared_tags_and_category(retriever):
    hits = {hit.id: hit for hit in retriever.similar(["food-0", "trail-1"], k=100)}
    assert hits["food-1"].why.shared_tags == ("FOOD", "n1")
    assert hits["food-1"].why.same_category
    assert hits["trail-3"].why.shared_tags == ("TRAIL",)
    assert hits["music-2"].why.shared_tags == ()
    assert not hits["music-2"].why.same_category
    assert not hits["twin-text"].why.same_category
    asked = {hit.id: hit for hit in retriever.similar(notes=[Note(title="t", tags=("food",), category="music")], k=100)}
    assert asked["food-3"].why.shared_tags == ("FOOD",)
    assert asked["music-1"].why.same_category
    assert not asked["food-3"].why.same_category


def test_a_hit_carries_the_note(retriever, indexed):
    hit = next(hit for hit in retriever.similar(["food-1"], k=100) if hit.id == "food-0")
    assert isinstance(hit, Hit)
    assert (hit.title, hit.category, hit.tags) == ("ramen in Kyoto", "food", ["FOOD", "n0"])
    assert hit.images == [indexed.folder.resolve() / "images" / "food-0.png"]
    shown = hit.as_json()
    assert list(shown) == ["id", "score", "title", "category", "tags", "images", "why"]
    assert shown["score"] == pytest.approx(hit.score, abs=1e-6)
    assert list(shown["why"]) == ["contributions", "shared_tags", "same_category"]
    bare = next(hit for hit in retriever.similar(["food-1"], k=100) if hit.id == "twin-look")
    assert (bare.title, bare.category, bare.tags) == ("", None, [])


def test_unknown_ids_are_named(retriever):
    with pytest.raises(UnknownNote, match=r"'nope', 'nor this'.*18"):
        retriever.similar(["food-0", "nope", "nor this"])


def test_nothing_to_search_with(retriever):
    with pytest.raises(EmptyQuery):
        retriever.similar()
    with pytest.raises(NoteRejected):
        retriever.similar(notes=[Note(title=" ")])


def test_k_larger_than_the_index(retriever, indexed):
    assert len(retriever.similar(notes=[TEXT], k=10_000)) == len(indexed.rows)


def test_the_encoder_is_made_once_and_only_for_what_must_be_encoded(indexed, encoder):
    made = []

    def make():
        made.append(1)
        return encoder

    lazy = Retriever(indexed.index, make)
    lazy.similar(["food-0"])
    assert made == []
    lazy.similar(notes=[TEXT])
    lazy.similar(["food-0"], [TEXT])
    assert made == [1]


def test_an_index_opens_with_the_encoder_it_was_built_with(indexed, exported):
    with Retriever.open(indexed.path, "float32") as opened:
        hits = opened.similar(notes=[TEXT], k=3)
        assert opened.encoder.fingerprint == indexed.index.fingerprint
    expected = indexed.retriever.similar(notes=[TEXT], k=3)
    assert [(hit.id, hit.score) for hit in hits] == [(hit.id, pytest.approx(hit.score, abs=1e-5)) for hit in expected]


def test_another_encoder_than_the_one_it_was_built_with_is_refused(encoder, tmp_path):
    from index import FaissIndex

    described = index_meta(NoteEncoder(TowersConfig(image_share=0.3)))
    FaissIndex.create(tmp_path / "i", dim=encoder.dim, fingerprint=encoder.fingerprint, meta=described).close()
    with Retriever.open(tmp_path / "i") as opened, pytest.raises(EncoderChanged, match=encoder.fingerprint):
        opened.similar(notes=[TEXT])


def test_a_query_by_id_imports_no_torch(indexed):
    code = """
import sys
from retrieval import Retriever
with Retriever.open(sys.argv[1]) as retriever:
    assert len(retriever.similar(["food-0"], k=3)) == 3
print(sorted({"torch", "transformers", "open_clip", "streamlit", "tokenizers", "PIL"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", code, str(indexed.path)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_empty_index_has_no_hits(encoder):
    with ExactIndex(encoder.dim, encoder.fingerprint, index_meta(encoder)) as empty:
        assert Retriever(empty, lambda: encoder).similar(notes=[TEXT]) == []


def test_export_is_what_the_index_has(exported, indexed, encoder):
    ids, vectors = exported
    assert ids == [row["id"] for row in indexed.rows]
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(ids), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    stored = [record.vector for record in indexed.index.get(ids)]
    np.testing.assert_array_equal(vectors, stored)
    assert all(not np.array_equal(vectors[i], vectors[j]) for i, j in combinations(range(15), 2))


def test_export_of_nothing_and_to_a_name_without_suffix(tmp_path):
    with ExactIndex(8) as empty:
        assert export_vectors(empty, tmp_path / "vectors") == 0
    with np.load(tmp_path / "vectors", allow_pickle=False) as data:
        assert data["vectors"].shape == (0, 8)
        assert data["ids"].shape == (0,)
