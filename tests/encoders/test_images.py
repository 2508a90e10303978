"""Pictures of every kind come out upright, RGB, first frame, on white; hostile ones are refused before they cost."""

from __future__ import annotations

import struct
import zlib
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageOps

from encoders import NoteImage
from encoders.errors import NoteRejected, Reason
from encoders.images import ImageLimits, decode, locate


def decoded(data, **options):
    image = decode(NoteImage.from_bytes(data), **options)
    assert image.mode == "RGB"
    return np.asarray(image)


def reason_of(call, *args):
    with pytest.raises(NoteRejected) as caught:
        call(*args)
    return caught.value.reason


def png(width, height, depth, colour, raw, *chunks):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    body = b"".join(chunk(*one) for one in chunks)
    return b"\x89PNG\r\n\x1a\n" + head + body + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF", "WEBP", "JPEG"])
def test_the_formats(picture, encoded, kind):
    image = picture(1)
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95} if kind == "JPEG" else {}
    got = decoded(encoded(image, kind, **options)).astype(int)
    difference = np.abs(got - np.asarray(image).astype(int)).mean()
    assert difference == 0 if kind in ("PNG", "BMP", "TIFF", "WEBP") else difference < 6


def test_a_phones_jpeg_of_several_pictures_is_its_first(picture, encoded):
    """MPO: a JPEG with a preview or a depth map behind it."""
    first, second = picture(3), picture(4)
    got = decoded(encoded(first, "MPO", save_all=True, append_images=[second], quality=95)).astype(int)
    assert np.abs(got - np.asarray(first).astype(int)).mean() < 6
    assert np.abs(got - np.asarray(second).astype(int)).mean() > 20


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_exif_rotation_beyond_jpeg(picture, encoded, kind):
    upright = picture(6, (64, 48))
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"lossless": True} if kind == "WEBP" else {}
    got = decoded(encoded(stored, kind, exif=exif, **options))
    np.testing.assert_array_equal(got, np.asarray(upright))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize(
    "rubbish", [b"Exif\0\0", b"Exif\0\0rubbish", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*" + b"\xff" * 40]
)
def test_rubbish_in_place_of_exif_costs_only_the_rotation(picture, encoded, rubbish):
    image = picture(6, (64, 48))
    np.testing.assert_array_equal(decoded(encoded(image, "JPEG", exif=rubbish)), decoded(encoded(image, "JPEG")))


def test_a_damaged_tag_beside_the_orientation_does_not_undo_it(picture, encoded):
    """Pillow's exif_transpose raises struct.error here: it writes the other tags anew."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "maker"
    # The maker becomes the number of samples, which is no word.
    tags = exif.tobytes().replace(b"\x01\x0f\x00\x02", b"\x01\x52\x00\x02")
    image = picture(6, (64, 48))
    data = encoded(image, "JPEG", quality=100, subsampling=0, exif=tags)
    with Image.open(BytesIO(data)) as opened, pytest.raises(struct.error):
        ImageOps.exif_transpose(opened)
    turned = np.asarray(image.transpose(Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(decoded(data).astype(int) - turned).mean() < 4


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_is_none(picture, encoded, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert decoded(encoded(picture(6, (64, 48)), "JPEG", exif=exif)).shape == (48, 64, 3)


@pytest.mark.parametrize("size", [(1, 1), (1, 10_000), (10_000, 1)])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_extreme_sizes(encoded, size, kind):
    data = encoded(Image.new("RGB", size, (200, 40, 90)), kind)
    for shrink_to in (None, 1, 224):
        got = decoded(data, shrink_to=shrink_to)
        assert got.shape == (size[1], size[0], 3)
        assert np.abs(got.reshape(-1, 3).mean(axis=0) - [200, 40, 90]).max() < 8


def test_a_text_chunk_that_unpacks_without_end(encoded):
    """64 MB of zeros in a comment of 64 kB: refused by Pillow, so the picture is, and memory is not."""
    packed = b"c\0\0" + zlib.compress(b"\0" * 2**26, 9)
    assert len(packed) < 70_000
    assert reason_of(decoded, png(1, 1, 8, 0, b"\0a", (b"zTXt", packed))) is Reason.BROKEN_IMAGE


def test_pixels_that_are_fewer_than_the_header_says():
    assert reason_of(decoded, png(100, 100, 8, 2, b"\0" * 50)) is Reason.BROKEN_IMAGE


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame(picture, encoded, kind):
    frames = [picture(seed) for seed in (3, 4, 5)]
    options = {"lossless": True} if kind == "WEBP" else {}
    got = decoded(encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=50, **options))
    errors = [np.abs(got.astype(int) - np.asarray(frame).astype(int)).mean() for frame in frames]
    assert errors[0] < 8
    assert min(errors[1:]) > 3 * errors[0] + 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(picture, encoded, orientation):
    upright = picture(6, (64, 48))
    # What a camera held that way stores: the inverse of what a viewer must do.
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(stored, "JPEG", quality=100, subsampling=0, exif=exif)
    got = decoded(data)
    assert got.shape == (48, 64, 3)
    assert np.abs(got.astype(int) - np.asarray(upright).astype(int)).mean() < 4
    assert decoded(data, shrink_to=12).shape[1] > decoded(data, shrink_to=12).shape[0]


def test_draft_decoding_is_smaller_and_not_too_small(picture, encoded):
    data = encoded(picture(7, (1600, 1200)), "JPEG", quality=90)
    whole, draft = decoded(data), decoded(data, shrink_to=64)
    assert whole.shape == (1200, 1600, 3)
    assert 64 <= min(draft.shape[:2]) < 300
    small = np.asarray(ImageOps.fit(Image.fromarray(whole), draft.shape[1::-1], Image.Resampling.BOX))
    assert np.abs(small.astype(int) - draft.astype(int)).mean() < 2


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"])
def test_truncated(picture, encoded, kind):
    data = encoded(picture(8), kind)
    assert reason_of(decoded, data[: len(data) * 2 // 3]) in (Reason.BROKEN_IMAGE, Reason.NOT_AN_IMAGE)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0" * 1000, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4", b"%!PS-Adobe-3.0 EPSF-3.0\n"],
    ids=["empty", "zeros", "svg", "pdf", "eps"],
)
def test_not_an_image(data):
    assert reason_of(decoded, data) is Reason.NOT_AN_IMAGE


def test_formats_beyond_the_allowed_are_not_opened(picture, encoded):
    for kind in ("PPM", "ICO", "TGA", "EPS", "PDF"):
        assert reason_of(decoded, encoded(picture(9, (32, 32)), kind)) is Reason.NOT_AN_IMAGE


def test_the_pixel_cap_is_checked_before_a_pixel_is_decoded():
    """The header says 50,000 × 50,000; there are no pixels behind it, and nobody looks."""
    data = png(50_000, 50_000, 8, 2, b"")
    assert reason_of(decoded, data) is Reason.IMAGE_TOO_LARGE
    limits = ImageLimits(max_pixels=6)
    assert decode(NoteImage.from_bytes(png(3, 2, 8, 0, b"\0abc\0abc")), limits).size == (3, 2)
    seven = NoteImage.from_bytes(png(7, 1, 8, 0, b"\0abcdefg"))
    assert reason_of(decode, seven, limits) is Reason.IMAGE_TOO_LARGE


def test_the_bytes_cap_is_checked_before_the_file_is_read(picture, tmp_path):
    picture(1).save(tmp_path / "a.png")
    size = (tmp_path / "a.png").stat().st_size
    image = NoteImage.from_file(tmp_path / "a.png")
    assert decode(image, ImageLimits(max_bytes=size)).size == (160, 120)
    assert reason_of(decode, image, ImageLimits(max_bytes=size - 1)) is Reason.IMAGE_TOO_LARGE
    data = NoteImage.from_bytes((tmp_path / "a.png").read_bytes())
    assert reason_of(decode, data, ImageLimits(max_bytes=size - 1)) is Reason.IMAGE_TOO_LARGE
    with (tmp_path / "sparse.png").open("wb") as file:
        file.truncate(2**33)
    assert reason_of(decode, NoteImage.from_file(tmp_path / "sparse.png")) is Reason.IMAGE_TOO_LARGE


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_are_pictures_or_refusals(picture, encoded, seed):
    rng = np.random.default_rng(seed)
    kind = ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP")[seed % 6]
    data = bytearray(encoded(picture(seed % 3), kind))
    for place in rng.integers(0, len(data), 8):
        data[place] = rng.integers(256)
    image = NoteImage.from_bytes(bytes(data))
    with suppress(NoteRejected):
        assert decode(image, ImageLimits(max_pixels=10**6)).mode == "RGB"


def test_missing_and_foreign_files(tmp_path):
    assert reason_of(decode, NoteImage.from_file(tmp_path / "none.png")) is Reason.MISSING_IMAGE
    assert reason_of(decode, NoteImage.from_file(tmp_path)) is Reason.MISSING_IMAGE
    assert reason_of(decode, NoteImage("named only")) is Reason.MISSING_IMAGE


def test_a_picture_is_found_in_the_folder_or_in_its_images(tmp_path):
    root = tmp_path.resolve()
    for place in ("a.png", "images/b.png", "images/deep/c.png", "images/笔记.png"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).touch()
    names = {
        "a.png": "a.png",
        "b.png": "images/b.png",
        "images/b.png": "images/b.png",
        "./images/b.png": "images/b.png",
        "deep/c.png": "images/deep/c.png",
        "笔记.png": "images/笔记.png",
    }
    for name, expected in names.items():
        found = locate(root, name)
        assert (found.name, found.path) == (expected, root / expected)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("/etc/hostname", Reason.UNSAFE_PATH),
        ("../outside.png", Reason.UNSAFE_PATH),
        ("images/../../outside.png", Reason.UNSAFE_PATH),
        ("images\\..\\..\\outside.png", Reason.UNSAFE_PATH),
        ("C:\\outside.png", Reason.UNSAFE_PATH),
        ("C:outside.png", Reason.UNSAFE_PATH),
        ("\\\\server\\share\\outside.png", Reason.UNSAFE_PATH),
        ("link.png", Reason.UNSAFE_PATH),
        ("folder/outside.png", Reason.UNSAFE_PATH),
        ("a\0.png", Reason.UNSAFE_PATH),
        ("http://example.com/a.png", Reason.REMOTE_IMAGE),
        ("HTTPS://example.com/a.png", Reason.REMOTE_IMAGE),
        ("s3://bucket/a.png", Reason.REMOTE_IMAGE),
        ("file:///etc/hostname", Reason.REMOTE_IMAGE),
        ("//example.com/a.png", Reason.REMOTE_IMAGE),
        ("data:image/png;base64,AAAA", Reason.REMOTE_IMAGE),
        ("none.png", Reason.MISSING_IMAGE),
        ("images", Reason.MISSING_IMAGE),
        ("loop.png", Reason.MISSING_IMAGE),
        ("~/outside.png", Reason.MISSING_IMAGE),
        ("x" * 5000, Reason.MISSING_IMAGE),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_not_in_the_corpus_is_refused(tmp_path, unreached, name, reason):
    root = (tmp_path / "corpus").resolve()
    (root / "images").mkdir(parents=True)
    (tmp_path / "outside.png").touch()
    (root / "link.png").symlink_to("../outside.png")
    (root / "folder").symlink_to(tmp_path)
    (root / "loop.png").symlink_to("loop.png")
    assert reason_of(locate, root, name) is reason


def test_a_link_inside_the_corpus_is_fine(tmp_path):
    root = tmp_path.resolve()
    (root / "a.png").touch()
    (root / "b.png").symlink_to("a.png")
    assert locate(root, "b.png").path == root / "a.png"


def test_the_bytes_of_an_image_do_not_show_in_logs():
    assert "secret" not in repr(NoteImage.from_bytes(b"secret"))


def test_pictures_are_not_kept_open(picture, tmp_path):
    picture(1).save(tmp_path / "a.png")
    image = decode(NoteImage.from_file(tmp_path / "a.png"))
    (tmp_path / "a.png").unlink()
    assert image.getpixel((0, 0)) == picture(1).getpixel((0, 0))
