"""Vectors cut to their first numbers, block by block, against cutting by hand."""

from __future__ import annotations

import numpy as np
import pytest

from encoders import Note, NoteEncoder, NoteImage, TowersConfig, from_pretrained
from encoders.blocks import Blocks, unit_rows
from encoders.config import NoImageConfig
from encoders.errors import EncoderError
from encoders.load import with_dim


@pytest.fixture(scope="module")
def notes(picture, encoded):
    image = NoteImage.from_bytes(encoded(picture(4), "PNG"))
    return [Note(title="Ramen", images=(image,)), Note(title="A hike at dawn"), Note(images=(image,))]


def test_each_block_keeps_its_first_numbers_and_its_weight(encoder, notes):
    cut = NoteEncoder(TowersConfig(dim=100), "float32")
    assert cut.dim == 100
    assert cut.blocks.sizes == (("text", 67), ("image", 31))  # 98 numbers in the proportion 384 : 180
    full, small = encoder.encode(notes), cut.encode(notes)
    text, image = full[:, :384] / np.sqrt(0.9), full[:, 384:-2] / np.sqrt(0.1)
    np.testing.assert_allclose(small[:, :67], np.sqrt(0.9) * unit_rows(text[:, :67]), atol=1e-5)
    np.testing.assert_allclose(small[:, 67:98], np.sqrt(0.1) * unit_rows(image[:, :31]), atol=1e-5)
    np.testing.assert_allclose(small[:, 98:], full[:, -2:], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(small, axis=1), 1, atol=1e-5)


def test_one_block_is_cut_at_its_end(encoder, notes):
    words = NoteEncoder(TowersConfig(image=NoImageConfig(), dim=64), "float32")
    expected = unit_rows(encoder.encode(notes[:2])[:, :64])
    np.testing.assert_allclose(words.encode(notes[:2]), expected, atol=1e-5)


def test_a_saved_encoder_is_cut_when_it_is_opened(encoder, notes, tmp_path):
    encoder.save_pretrained(tmp_path / "saved")
    whole, cut = (from_pretrained(tmp_path / "saved", "float32", dim=dim) for dim in (None, 100))
    np.testing.assert_array_equal(whole.encode(notes), encoder.encode(notes))
    np.testing.assert_allclose(
        cut.encode(notes), NoteEncoder(TowersConfig(dim=100), "float32").encode(notes), atol=1e-6
    )
    assert cut.fingerprint != whole.fingerprint == encoder.fingerprint
    cut.save_pretrained(tmp_path / "cut")
    again = from_pretrained(tmp_path / "cut", "float32")
    assert (again.dim, again.fingerprint) == (100, cut.fingerprint)


@pytest.mark.parametrize("dim", [0, 3, 567, -5])
def test_impossible_sizes_are_refused(dim):
    with pytest.raises(EncoderError, match=r"dim"):
        NoteEncoder(with_dim(TowersConfig(), dim), "float32")


def test_pictures_without_colours_keep_something(encoded):
    """Of a grey picture whole groups of the descriptor are zero: a short vector must not be made of those alone."""
    from PIL import Image

    ramps = [np.linspace(0, top, 64 * 64).reshape(64, 64).astype(np.uint8) for top in (90, 250)]
    pictures = [Image.fromarray(ramp).convert("RGB") for ramp in (ramps[0], ramps[1].T)]
    notes = [Note(images=(NoteImage.from_bytes(encoded(picture, "PNG")),)) for picture in pictures]
    cut = NoteEncoder(TowersConfig(dim=64), "float32")
    vectors = cut.encode(notes)
    queries = cut.blocks.as_query(vectors)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    assert float(queries[0] @ queries[1]) < 0.98
    np.testing.assert_allclose(vectors[:, -1], 0, atol=1e-6)  # the picture is there


def test_a_block_of_which_nothing_is_left_counts_as_absent():
    blocks = Blocks((("text", 4), ("image", 4)), absent=2)
    kept = blocks.cut(6)
    assert kept.sizes == (("text", 2), ("image", 2))
    rows = np.array([[0.6, 0, 0, 0, 0, 0, 0.8, 0, 0, 0], [0.6, 0, 0, 0, 0.8, 0, 0, 0, 0, 0]], np.float32)
    expected = [[0.6, 0, 0, 0, 0, 0.8], [0.6, 0, 0.8, 0, 0, 0]]
    np.testing.assert_allclose(blocks.truncate(rows, kept), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("sizes", "absent", "dim", "kept"),
    [((384, 180), 2, 100, (67, 31)), ((10, 10), 0, 5, (2, 3)), ((1000, 1), 2, 4, (1, 1)), ((128,), 0, 64, (64,))],
)
def test_layouts_by_hand(sizes, absent, dim, kept):
    blocks = Blocks(tuple((str(i), size) for i, size in enumerate(sizes)), absent)
    cut = blocks.cut(dim)
    assert tuple(size for _, size in cut.sizes) == kept
    assert cut.dim == dim
    assert blocks.cut(None) == blocks.cut(blocks.dim) == blocks
