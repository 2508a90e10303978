"""Covers: one shape for all, the tile where there is no picture, and files that change or go away."""

from __future__ import annotations

import os
from io import BytesIO

import pytest
from PIL import Image

from app.browsing.pictures import COVER, LARGE, cover, large, no_picture, preview
from encoders.errors import NoteRejected
from encoders.images import ImageLimits, NoteImage

LIMITS = ImageLimits()


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (3000, 20), (20, 3000), (1200, 1600)])
def test_covers_are_of_one_shape_and_large_ones_keep_theirs(tmp_path, picture, size):
    path = tmp_path / "a.png"
    picture(3, size).save(path)
    assert opened(cover(path, LIMITS)).size == COVER
    width, height = opened(large(path, LIMITS)).size
    assert width <= LARGE[0]
    assert height <= LARGE[1]
    if min(size) >= 30:
        assert width / height == pytest.approx(size[0] / size[1], rel=0.05)


def test_no_missing_broken_or_over_sized_picture_stops_a_page(tmp_path, picture):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff not a picture")
    good = tmp_path / "good.png"
    picture(1).save(good)
    for path in (None, tmp_path / "missing.jpg", tmp_path, broken, tmp_path / ("n" * 300)):
        assert cover(path, LIMITS) == no_picture()
    assert cover(good, ImageLimits(max_pixels=10)) == no_picture()
    assert cover(good, LIMITS) != no_picture()
    assert opened(no_picture()).size == COVER


def test_a_replaced_file_is_read_again(tmp_path, picture):
    path = tmp_path / "a.png"
    picture(1).save(path)
    before = cover(path, LIMITS)
    picture(2).save(path)
    os.utime(path, ns=(1, 1))
    assert cover(path, LIMITS) != before


def test_an_upload_that_is_no_picture_is_rejected():
    with pytest.raises(NoteRejected):
        preview(NoteImage.from_bytes(b"GIF89a"), LIMITS)
