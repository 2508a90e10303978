"""Notes, whole and partial, to unit vectors in which what is missing changes nothing of what is there."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from encoders import Encoder, Note, NoteEncoder, NoteImage, TowersConfig
from encoders.config import MiniLMConfig, parse_config
from encoders.errors import EncoderError, NoteRejected, Reason
from encoders.images import ImageLimits, decode
from encoders.text.render import render


@pytest.fixture(scope="module")
def notes(picture, encoded):
    images = [NoteImage.from_bytes(encoded(picture(seed), "JPEG", quality=90)) for seed in range(3)]
    return [
        Note(
            id="full", title="Ramen in Kyoto", body="Broth.", tags=("ramen", "京都"), category="food", images=images[:1]
        ),
        Note(id="text", title="Ramen in Kyoto", body="Broth.", tags=("ramen", "京都"), category="food"),
        Note(id="look", images=images[:1]),
        Note(id="two looks", title="A trail", images=images[1:]),
        Note(id="long", body="word " * 4000),
        Note(id="blank title", title=" \n ", body="Only a body"),
        Note(id="labelled look", category="food", images=images[:1]),
    ]


@pytest.fixture(scope="module")
def vectors(encoder, notes):
    return encoder.encode(notes)


def test_it_is_an_encoder(encoder, vectors, notes):
    """Every name of the protocol, and the promise: float32 [N, dim], unit rows."""
    wanted = {name for name in vars(Encoder) if not name.startswith("_")}
    assert wanted == {"dim", "fingerprint", "blocks", "prepare", "embed", "encode", "as_json", "save_pretrained"} | {
        "config",
        "suggest_tags",
        "save",
    }
    assert [name for name in wanted if not hasattr(encoder, name)] == []
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(notes), encoder.dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_encode_is_embed_of_prepare(encoder, notes, vectors):
    np.testing.assert_allclose(encoder.embed([encoder.prepare(note) for note in notes]), vectors, atol=1e-6)


def test_no_notes(encoder):
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_the_blocks_are_the_towers_own_vectors(encoder, notes, vectors):
    """The oracle: each tower asked alone, and the layout done by hand."""
    share = encoder.config.image_share
    text = encoder.text.encode(["Ramen in Kyoto. food. ramen, 京都. Broth."])[0]
    look = encoder.image.encode(
        [encoder.image.preprocess(decode(notes[0].images[0], shrink_to=encoder.image.shrink_to))]
    )[0]
    full, words, pure = vectors[:3]
    np.testing.assert_allclose(full[:384], (1 - share) ** 0.5 * text, atol=2e-6)
    np.testing.assert_allclose(full[384:-2], share**0.5 * look, atol=2e-6)
    np.testing.assert_array_equal(full[-2:], [0, 0])
    np.testing.assert_allclose(words[:384], full[:384], atol=2e-6)
    np.testing.assert_allclose(words[-2:], [0, share**0.5], atol=1e-6)
    np.testing.assert_allclose(pure[384:-2], full[384:-2], atol=2e-6)
    np.testing.assert_allclose(pure[-2:], [(1 - share) ** 0.5, 0], atol=1e-6)
    assert not words[384:-2].any()
    assert not pure[:384].any()


def test_several_pictures_are_averaged(encoder, notes, vectors):
    pictures = [decode(image, shrink_to=encoder.image.shrink_to) for image in notes[3].images]
    looks = encoder.image.encode([encoder.image.preprocess(one) for one in pictures])
    mean = np.mean(looks, axis=0)
    expected = encoder.config.image_share**0.5 * mean / np.linalg.norm(mean)
    np.testing.assert_allclose(vectors[3][384:-2], expected, atol=2e-6)


def test_a_category_alone_is_no_text(encoder, notes, vectors):
    np.testing.assert_allclose(vectors[6], vectors[2], atol=1e-6)
    with pytest.raises(NoteRejected) as caught:
        encoder.encode([Note(category="food")])
    assert caught.value.reason is Reason.EMPTY_NOTE


def test_company_and_order_change_nothing_beyond_rounding(encoder, notes, vectors):
    for note, vector in zip(notes, vectors, strict=True):
        np.testing.assert_allclose(encoder.encode([note])[0], vector, atol=3e-6)
    order = [3, 0, 6, 5, 1, 4, 2]
    np.testing.assert_allclose(encoder.encode([notes[i] for i in order]), vectors[order], atol=3e-6)


def test_what_is_not_read_changes_nothing(encoder):
    plain = Note(title="Ramen")
    decorated = Note(
        title="Ramen", author="kim", lang="en", extra={"x": 1}, created_at=datetime(2024, 5, 31, tzinfo=UTC)
    )
    np.testing.assert_array_equal(*encoder.encode([plain, decorated]))


@pytest.mark.parametrize(
    ("note", "text"),
    [
        (Note(title="A", category="c", tags=("x", "y"), body="B"), "A. c. x, y. B"),
        (Note(title=" A ", body="\nB\n"), "A. B"),
        (Note(body="B"), "B"),
        (Note(tags=("x",), category="c"), "c. x"),
        (Note(category="c"), ""),
        (Note(title=" "), ""),
    ],
    ids=repr,
)
def test_the_text_that_is_read(note, text):
    assert render(note, TowersConfig().text_fields) == text


def test_fields_and_their_order_are_the_configurations():
    note = Note(title="A", category="c", tags=("x",), body="B")
    assert render(note, ("body", "title")) == "B. A"


def test_bfloat16_is_close(notes, vectors):
    rounded = NoteEncoder(precision="bfloat16").encode(notes)
    assert (rounded * vectors).sum(axis=1).min() >= 0.999
    np.testing.assert_allclose(np.linalg.norm(rounded, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("data", [b"not a picture", b""], ids=["text", "empty"])
def test_a_bad_picture_is_refused_with_its_reason(encoder, data):
    with pytest.raises(NoteRejected) as caught:
        encoder.encode([Note(title="fine"), Note(title="t", images=(NoteImage.from_bytes(data),))])
    assert caught.value.reason is Reason.NOT_AN_IMAGE


def test_the_limits_are_the_encoders(picture, encoded):
    image = NoteImage.from_bytes(encoded(picture(1), "PNG"))
    small = NoteEncoder(limits=ImageLimits(max_pixels=160 * 120 - 1))
    with pytest.raises(NoteRejected) as caught:
        small.encode([Note(images=(image,))])
    assert caught.value.reason is Reason.IMAGE_TOO_LARGE


def test_an_empty_note_is_refused(encoder):
    with pytest.raises(NoteRejected) as caught:
        encoder.encode([Note(title=" ")])
    assert caught.value.reason is Reason.EMPTY_NOTE


def test_text_that_is_no_unicode_is_refused(encoder):
    """Bytes of a shell's argument that are not UTF-8 reach Python as lone surrogates."""
    with pytest.raises(NoteRejected) as caught:
        encoder.encode([Note().model_copy(update={"body": "caf\udce9"})])
    assert caught.value.reason is Reason.INVALID_UTF8


def test_a_title_that_names_a_file_or_an_address_is_text(encoder, picture, tmp_path, unreached):
    """sentence-transformers 6 opens such strings as pictures."""
    picture(1).save(tmp_path / "a.png")
    names = [str(tmp_path / "a.png"), "https://example.com/a.png", "data:image/png;base64,AAAA"]
    rows = encoder.encode([Note(title=name) for name in names])
    assert not rows[:, 384:-2].any()


@pytest.mark.parametrize(
    "bad",
    [
        {"image_share": 0},
        {"image_share": 1},
        {"image_share": "much"},
        {"text_fields": []},
        {"text_fields": ["title", "author"]},
        {"text": {"max_tokens": 4}},
        {"text": {"max_tokens": 513}},
        {"image": {"tower": "resnet"}},
        {"image": {"tower": "open_clip"}},
        {"colour": "red"},
        [],
    ],
    ids=repr,
)
def test_a_wrong_configuration_is_refused(bad):
    with pytest.raises(EncoderError, match="not valid"):
        parse_config(bad)


def test_the_configuration_survives_json():
    config = TowersConfig(image_share=0.3, text=MiniLMConfig(max_tokens=64), text_fields=("body", "title"))
    assert parse_config(config.model_dump(mode="json")) == config
