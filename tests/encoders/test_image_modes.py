"""Pictures of every mode come out as RGB of 8 bits: inks, deep greys, palettes, one bit, transparency on white."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from encoders import NoteImage
from encoders.images import decode


def decoded(data, **options):
    image = decode(NoteImage.from_bytes(data), **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def png(width, height, depth, colour, raw, *chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunk(*one) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


def test_cmyk(picture, encoded):
    image = picture(2)
    got = decoded(encoded(image.convert("CMYK"), "JPEG", quality=95)).astype(int)
    assert np.abs(got - np.asarray(image).astype(int)).mean() < 3


def test_cmyk_is_ink_and_in_a_jpeg_inverted_as_adobe_has_it(picture, encoded):
    image = picture(2)
    adobe = encoded(image.convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in adobe
    assert np.abs(decoded(adobe, shrink_to=20).astype(int).mean() - np.asarray(image).mean()) < 6
    inks = Image.fromarray(
        np.array([[[255, 0, 0, 0], [0, 0, 0, 255], [0, 0, 0, 0], [0, 255, 255, 128]]], np.uint8), "CMYK"
    )
    expected = [[[0, 255, 255], [0, 0, 0], [255, 255, 255], [127, 0, 0]]]
    assert np.abs(decoded(encoded(inks, "TIFF")).astype(int) - expected).max() <= 1


def test_sixteen_bits_in_the_other_byte_order(encoded):
    grey = np.array([[0, 257, 32896, 65535]], dtype=np.uint16)
    expected = [0, 1, 128, 255]
    little = encoded(Image.fromarray(grey), "TIFF")
    assert little[:2] == b"II"
    assert decoded(little)[0, :, 0].tolist() == expected
    assert decoded(big_endian_tiff(grey))[0, :, 0].tolist() == expected


def big_endian_tiff(grey):
    """One strip of 16-bit greys in big-endian order, as scanners write them."""
    height, width = grey.shape
    tags = [(256, width), (257, height), (258, 16), (259, 1), (262, 1), (273, 8), (277, 1), (278, height)]
    tags.append((279, grey.nbytes))
    body = grey.astype(">u2").tobytes()
    entries = b"".join(struct.pack(">HHII", tag, 4, 1, value) for tag, value in tags)
    return b"MM\0*" + struct.pack(">I", 8 + len(body)) + body + struct.pack(">H", len(tags)) + entries + b"\0" * 4


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0, 128, 255], np.int32, [0, 128, 255]),
        ([0, 257, 65535], np.int32, [0, 1, 255]),
        ([0, 50_000, 100_000], np.int32, [0, 128, 255]),
        ([-100, 0, 200], np.int32, [0, 85, 255]),
        ([0, 0.5, 1], np.float32, [0, 128, 255]),
        ([0, 100.4, 255], np.float32, [0, 100, 255]),
        ([0, 32896, 65535], np.float32, [0, 128, 255]),
        ([np.nan, 0.5, 1], np.float32, [0, 128, 255]),
        ([-1, 0, np.inf], np.float32, [0, 255, 255]),
        ([0, 0, 0], np.float32, [0, 0, 0]),
        ([7e9, 7e9, 7e9], np.float32, [0, 0, 0]),
    ],
    ids=str,
)
def test_greys_of_thirty_two_bits_and_floats(encoded, values, kind, expected):
    image = Image.fromarray(np.array([values], dtype=kind))
    got = decoded(encoded(image, "TIFF"))
    assert got[0, :, 0].tolist() == expected
    assert (got == got[..., :1]).all()


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "GIF"])
def test_one_bit(encoded, kind):
    image = Image.new("1", (3, 2))
    image.putpixel((1, 0), 1)
    got = decoded(encoded(image, kind))
    assert got[..., 0].tolist() == [[0, 255, 0], [0, 0, 0]]


@pytest.mark.parametrize(("mode", "seen", "key"), [("RGB", (10, 20, 30), (1, 2, 3)), ("L", 90, 7), ("1", 1, 0)])
def test_one_colour_that_counts_as_transparent(encoded, mode, seen, key):
    image = Image.new(mode, (2, 1), seen)
    image.putpixel((1, 0), key)
    got = decoded(encoded(image, "PNG", transparency=key))
    left = {"RGB": [10, 20, 30], "L": [90] * 3, "1": [255] * 3}[mode]
    assert got[0].tolist() == [left, [255, 255, 255]]


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_the_first_frame_of_an_animation_with_holes_is_laid_on_white(encoded, kind):
    frames = [Image.new("RGBA", (4, 4), (200, 0, 0, 255)), Image.new("RGBA", (4, 4), (0, 0, 200, 255))]
    frames[0].putpixel((0, 0), (0, 0, 0, 0))
    options = {"lossless": True} if kind == "WEBP" else {"disposal": 2}
    got = decoded(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options))
    assert got[0, 0].tolist() == [255, 255, 255]
    assert got[2, 2].tolist() == [200, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_are_scaled_not_clipped(encoded, kind):
    grey = np.linspace(0, 65535, 512).astype(np.uint16)[None]
    got = decoded(encoded(Image.fromarray(grey), kind))
    assert np.abs(got[..., 0].astype(int) - (grey.astype(int) >> 8)).max() <= 1
    assert (got[..., 0] == got[..., 1]).all()


def test_sixteen_bits_of_colour():
    row = b"\0" + struct.pack(">6H", 65535, 32768, 0, 0, 256, 65535)
    got = decoded(png(2, 1, 16, 2, row)).astype(int)
    assert np.abs(got - np.array([[[255, 128, 0], [0, 1, 255]]])).max() <= 1


def test_palettes_with_and_without_a_transparent_colour(encoded):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 60, 20, 0, 0, 255])
    image.putdata([0, 1])
    assert decoded(encoded(image, "PNG")).tolist() == [[[200, 60, 20], [0, 0, 255]]]
    assert decoded(encoded(image, "PNG", transparency=1)).tolist() == [[[200, 60, 20], [255, 255, 255]]]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(encoded, mode):
    alpha = Image.fromarray(np.array([[0, 128, 255]], dtype=np.uint8))
    image = Image.new(mode, (3, 1))
    image.putalpha(alpha)  # black, seen through more and more
    got = decoded(encoded(image, "PNG"))[0, :, 0].astype(int)
    assert np.abs(got - [255, 127, 0]).max() <= 1
