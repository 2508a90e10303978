"""The weightless image tower: the same picture is near, however it was saved, brightened or cut; others are not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from encoders import NoteImage
from encoders.images import decode
from encoders.vision.descriptor import ORDER, Descriptor

ROOT = Path(__file__).parents[2]
TOWER = Descriptor()
SEEDS = range(24)


@pytest.fixture(scope="module")
def pictures(picture):
    return [picture(seed, (400, 300)) for seed in SEEDS]


@pytest.fixture(scope="module")
def described(pictures):
    return np.stack([TOWER.preprocess(image) for image in pictures])


def test_rows_are_unit_float32(described):
    assert described.shape == (len(SEEDS), TOWER.dim)
    assert described.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(described, axis=1), 1, atol=1e-5)


def test_it_is_deterministic_across_processes(described):
    """The same pixels in another process with another hash seed, bit for bit."""
    code = """
import sys
import numpy as np
from PIL import Image
from encoders.vision.descriptor import Descriptor
pixels = np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8)
sys.stdout.buffer.write(Descriptor().preprocess(Image.fromarray(pixels)).tobytes())
"""
    pixels = np.random.default_rng(5).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == TOWER.preprocess(Image.fromarray(pixels)).tobytes()


CHANGES = {
    "brighter": lambda image: ImageEnhance.Brightness(image).enhance(1.15),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.87),
    "cropped": lambda image: image.crop((12, 9, image.width - 12, image.height - 9)),
    "smaller": lambda image: image.resize((image.width // 3, image.height // 3)),
    "squeezed": lambda image: image.resize((image.width, image.height * 3 // 4)),
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_a_slightly_changed_picture_is_nearer_than_any_other(pictures, described, change):
    changed = np.stack([TOWER.preprocess(CHANGES[change](image)) for image in pictures])
    scores = changed @ described.T
    own = np.diag(scores).copy()
    np.fill_diagonal(scores, -1)
    assert own.min() > 0.8
    assert (own > scores.max(axis=1) + 0.1).all()


def test_other_pictures_are_far(described):
    scores = described @ described.T
    others = scores[~np.eye(len(SEEDS), dtype=bool)]
    assert others.max() < 0.75
    assert abs(others.mean()) < 0.4


def test_draft_decoding_changes_little(picture, encoded, described):
    for seed in range(8):
        image = NoteImage.from_bytes(encoded(picture(seed, (1600, 1200)), "JPEG", quality=90))
        whole, draft = (TOWER.preprocess(decode(image, shrink_to=side)) for side in (None, TOWER.shrink_to))
        assert float(whole @ draft) > 0.98


@pytest.mark.parametrize("quality", [60, 85])
def test_compression_changes_little(pictures, described, encoded, quality):
    for image, expected in zip(pictures, described, strict=True):
        again = decode(NoteImage.from_bytes(encoded(image, "JPEG", quality=quality)))
        assert float(TOWER.preprocess(again) @ expected) > 0.95


@pytest.mark.parametrize("colour", ["black", "white", "grey", "red", (1, 2, 3)], ids=str)
@pytest.mark.parametrize("size", [(64, 64), (1, 1), (1, 3000), (3000, 2)], ids=str)
def test_one_flat_colour(colour, size):
    row = TOWER.preprocess(Image.new("RGB", size, colour))
    assert np.isfinite(row).all()
    assert np.linalg.norm(row) == pytest.approx(1, abs=1e-5)


def test_flat_colours_differ():
    red, blue, pink = (TOWER.preprocess(Image.new("RGB", (9, 9), name)) for name in ("red", "blue", "#ff2020"))
    assert float(red @ pink) > float(red @ blue) + 0.2


def test_no_pictures():
    assert TOWER.encode([]).shape == (0, TOWER.dim)


def test_the_numbers_come_in_an_order_that_takes_of_every_group_early(picture):
    described = [TOWER.preprocess(picture(seed)) for seed in range(3)]
    encoded = TOWER.encode(described)
    np.testing.assert_array_equal(np.sort(encoded, axis=1), np.sort(np.stack(described), axis=1))
    np.testing.assert_allclose(encoded @ encoded.T, np.stack(described) @ np.stack(described).T, atol=1e-6)
    groups = np.repeat([0, 1, 2, 3], [24, 12, 48, 96])
    assert set(groups[ORDER[:31]]) == {0, 1, 2, 3}  # as many as a note of 100 numbers keeps
