"""Multimodal models of sentence-transformers as an encoder: golden vectors of plain transformers, and every subset."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders import Note, NoteImage, from_pretrained, load_encoder, resolve_config
from encoders.errors import EncoderError, NoteRejected, Reason, WeightsError
from encoders.images import ImageLimits
from encoders.sentence_transformer.config import SentenceTransformerConfig
from encoders.sentence_transformer.encoder import SentenceTransformerEncoder
from encoders.sentence_transformer.inputs import shrunk
from encoders.sentence_transformer.models import reads_pictures
from encoders.text.stock import find_minilm

GOLDEN = Path(__file__).parents[1] / "golden" / "sentence_transformer.npz"


def encoder_of(model, precision="float32", **options) -> SentenceTransformerEncoder:
    return SentenceTransformerEncoder(SentenceTransformerConfig(model=str(model), **options), precision)


@pytest.fixture(scope="module")
def clip(clip_st) -> SentenceTransformerEncoder:
    return encoder_of(clip_st)


@pytest.fixture(scope="module")
def qwen_vl(qwen_vl_st) -> SentenceTransformerEncoder:
    return encoder_of(qwen_vl_st)


@pytest.fixture(params=["clip", "qwen_vl"])
def both(request) -> SentenceTransformerEncoder:
    """Each of the two kinds."""
    return request.getfixturevalue(request.param)


@pytest.mark.parametrize("kind", ["clip", "qwen_vl"])
def test_golden_vectors(kind, request, golden_notes):
    vectors = request.getfixturevalue(kind).encode(golden_notes)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, np.load(GOLDEN)[kind], atol=2e-5)


@pytest.mark.parametrize("kind", ["clip", "qwen_vl"])
def test_plain_transformers_models_are_read_too(kind, request, golden_notes):
    folder = request.getfixturevalue(f"{kind}_st").parent / "plain"
    assert reads_pictures(str(folder))
    np.testing.assert_allclose(encoder_of(folder).encode(golden_notes), np.load(GOLDEN)[kind], atol=2e-5)


def test_order_and_company_change_nothing(both, golden_notes):
    together = both.encode(golden_notes)
    for i, note in enumerate(golden_notes):
        np.testing.assert_allclose(both.encode([note])[0], together[i], atol=2e-6)
    np.testing.assert_allclose(both.encode(golden_notes[::-1]), together[::-1], atol=2e-6)
    assert both.encode([]).shape == (0, both.dim)


def test_bfloat16_is_close(clip_st, golden_notes, clip):
    rounded = encoder_of(clip_st, "bfloat16").encode(golden_notes)
    assert (rounded * clip.encode(golden_notes)).sum(axis=1).min() > 0.99


@pytest.mark.parametrize("share", [0.1, 0.8])
def test_image_share_weighs_pictures_read_apart(clip_st, golden_notes, share):
    """unit(√(1−s)·text + √s·mean of the pictures), by hand from the parts."""
    encoder = encoder_of(clip_st, image_share=share)
    note = golden_notes[5]
    words, pictures, whole = encoder.encode([Note(body=note.body), Note(images=note.images), note])
    expected = np.sqrt(1 - share) * words + np.sqrt(share) * pictures
    np.testing.assert_allclose(whole, expected / np.linalg.norm(expected), atol=2e-6)
    assert encoder.fingerprint != encoder_of(clip_st).fingerprint


def test_several_pictures_are_the_mean_of_each(both, golden_notes):
    note = golden_notes[5] if both.reads_both else golden_notes[3]
    each = both.encode([note.model_copy(update={"images": (image,)}) for image in note.images]).mean(axis=0)
    np.testing.assert_allclose(both.encode([note])[0], each / np.linalg.norm(each), atol=1e-5)


def test_which_model_reads_both_at_once(clip, qwen_vl, golden_notes):
    assert (clip.reads_both, qwen_vl.reads_both) == (False, True)
    words, picture, whole = qwen_vl.encode([Note(body="Ramen in Kyoto"), golden_notes[2], golden_notes[4]])
    apart = words + picture
    assert float(whole @ apart / np.linalg.norm(apart)) < 0.999  # not a sum of two


@pytest.mark.parametrize("field", ["title", "body"])
def test_words_that_look_like_pictures_are_words(both, field, tmp_path, monkeypatch, unreached):
    """The vector is that of the words with a mark around them taken off: nothing is opened, nothing fetched."""
    path = tmp_path / "cat.png"
    Image.new("RGB", (40, 40), "red").save(path)
    texts = [str(path), path.as_uri(), "https://host.example/x.jpg", "data:image/png;base64,iVBORw0KGgo=", "x.jpg"]
    texts += ["https://www.youtube.com/watch?v=1", "https://host.example/x.mp4", "https://host.example/x.wav"]
    seen = []
    monkeypatch.setattr(Image, "open", lambda *given, **_: seen.append(given))
    found = both.encode([Note.model_validate({field: text}) for text in texts])
    # The tokenizer drops the marks of layout at the end, so these strings no longer look like anything but words.
    plain = both.encode([Note(body=f"{text}\u0000") for text in texts])
    np.testing.assert_allclose(found, plain, atol=2e-6)
    assert seen == []


def test_marks_of_pictures_in_words_are_words(qwen_vl, golden_notes):
    notes = [Note(title="<|image_pad|> sale <|video_pad|>"), Note(title="< |image_pad|> sale < |video_pad|>")]
    hostile, plain = qwen_vl.encode(notes)
    np.testing.assert_allclose(hostile, plain, atol=1e-6)
    pictured = [note.model_copy(update={"images": golden_notes[2].images}) for note in notes]
    hostile, plain = qwen_vl.encode(pictured)
    np.testing.assert_allclose(hostile, plain, atol=1e-6)


def test_a_long_text_leaves_the_picture_whole(qwen_vl, golden_notes):
    image = golden_notes[2].images
    long, longer = qwen_vl.encode([Note(body="word " * n, images=image) for n in (5_000, 20_000)])
    np.testing.assert_allclose(long, longer, atol=1e-6)
    (other,) = qwen_vl.encode(
        [Note(body="word " * 5_000, images=golden_notes[6].images or golden_notes[3].images[1:2])]
    )
    assert float(long @ other) < 0.99999


@pytest.mark.parametrize("body", ["🍜" * 50, "مرحبا", "[CLS] [SEP]", "{{ message }} {% raw %}", "<|im_end|>"])
def test_odd_words(both, body):
    vector = both.encode([Note(body=body)])[0]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)


def test_bad_notes_are_rejected(both, as_image, picture):
    with pytest.raises(NoteRejected) as empty:
        both.encode([Note(category="food")])
    assert empty.value.reason == Reason.EMPTY_NOTE
    with pytest.raises(NoteRejected) as half:
        both.encode([Note(title="t").model_copy(update={"body": "\ud83d"})])
    assert half.value.reason == Reason.INVALID_UTF8
    with pytest.raises(NoteRejected) as broken:
        both.encode([Note(images=(NoteImage.from_bytes(b"no picture"),))])
    assert broken.value.reason == Reason.NOT_AN_IMAGE
    limited = SentenceTransformerEncoder(both.config, "float32", ImageLimits(max_pixels=100))
    with pytest.raises(NoteRejected) as large:
        limited.encode([Note(images=(as_image(picture(1)),))])
    assert large.value.reason == Reason.IMAGE_TOO_LARGE


def test_large_pictures_wait_small(clip, qwen_vl, as_image):
    """A chunk of notes is prepared before it is encoded: what is kept of a picture has a bound."""
    note = Note(images=(as_image(Image.new("RGB", (3000, 2000), "teal")),))
    (small,) = clip.prepare(note).images
    assert 64 <= min(small.shape[:2]) <= 96  # the model wants 32
    (kept,) = qwen_vl.prepare(note).images
    assert kept.shape[0] * kept.shape[1] <= 1_500_000
    picture = Image.new("RGB", (50, 40))
    assert shrunk(picture, 32) is picture
    assert shrunk(picture, None) is picture


def test_dim_keeps_the_first_numbers(clip_st, clip, golden_notes):
    cut = encoder_of(clip_st, dim=8)
    expected = clip.encode(golden_notes)[:, :8]
    np.testing.assert_allclose(
        cut.encode(golden_notes), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=2e-6
    )
    assert (cut.dim, cut.blocks.dim) == (8, 8)
    assert cut.fingerprint != clip.fingerprint
    with pytest.raises(EncoderError, match="dim 25 is more than the 24"):
        encoder_of(clip_st, dim=25)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_saved_and_opened_it_is_the_same(both, tmp_path, golden_notes, precision):
    SentenceTransformerEncoder(both.config, precision).save_pretrained(tmp_path / "encoder")
    again = from_pretrained(tmp_path / "encoder", "float32")
    assert isinstance(again, SentenceTransformerEncoder)
    np.testing.assert_allclose(again.encode(golden_notes), both.encode(golden_notes), atol=1e-6)
    assert again.fingerprint == both.fingerprint
    (tmp_path / "encoder").rename(tmp_path / "moved")
    assert from_pretrained(tmp_path / "moved", dim=8).dim == 8


def test_by_name(clip_st, bert_folder):
    """st:MODEL is an encoder of its own where the model reads pictures, and a text tower where it does not."""
    config = resolve_config(f"st:{clip_st}")
    assert config == SentenceTransformerConfig(model=str(clip_st))
    assert load_encoder(config.model_dump(mode="json")).dim == 24
    assert resolve_config(f"st:{find_minilm()}").text.tower == "sentence_transformer"
    assert resolve_config(f"st:{bert_folder}").text.tower == "sentence_transformer"


def test_a_text_model_is_named_as_a_tower(bert_folder):
    with pytest.raises(EncoderError, match=r"no image.*text tower"):
        encoder_of(bert_folder)


def test_nothing_to_suggest_with(clip):
    with pytest.raises(EncoderError, match="nothing to suggest"):
        clip.suggest_tags([Note(title="t")])


def test_threads(both, golden_notes):
    alone = both.encode(golden_notes)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda i: both.encode([golden_notes[i % 7]])[0], range(21)))
    np.testing.assert_allclose(np.stack(together), np.tile(alone, (3, 1)), atol=2e-6)


def test_what_reads_pictures_is_told_without_weights(clip_st, qwen_vl_st, tmp_path):
    for folder in (clip_st, qwen_vl_st):
        copy = tmp_path / folder.parent.name
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors"))
        assert reads_pictures(str(copy))
    assert not reads_pictures(str(find_minilm()))
    with pytest.raises(WeightsError, match="no model folder"):
        reads_pictures(str(tmp_path / "gone"))
