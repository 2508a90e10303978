"""Pictures of a note: where they may lie, and how their bytes become pixels.

A corpus is untrusted input. A name may not leave the corpus folder, nothing is ever fetched, the size is
checked before a pixel is decoded, and only plain raster formats are opened.
"""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from encoders.errors import NoteRejected, Reason

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
ORIENTATION = 0x0112  # the EXIF tag; 1 is upright, 2 … 8 are the turns and flips


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a picture may cost: bytes on disk, and pixels (width × height) once decoded."""

    max_bytes: int = 64 * 2**20
    max_pixels: int = 50_000_000


@dataclass(frozen=True, slots=True)
class NoteImage:
    """One picture: a vetted file, or bytes handed over (an upload).

    `name` is what the note called it; for a corpus it is relative to the corpus folder.
    """

    name: str
    path: Path | None = None
    data: bytes | None = field(default=None, repr=False)

    @classmethod
    def from_file(cls, path: Path | str) -> "NoteImage":
        """Name a file the caller chose, outside any corpus."""
        path = Path(path)
        return cls(name=path.name, path=path)

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "upload") -> "NoteImage":
        """Wrap bytes the caller holds."""
        return cls(name=name, data=data)

    def size(self) -> int:
        """Return how many bytes the file has; 0 where it is not there."""
        if self.data is not None:
            return len(self.data)
        try:
            return self.path.stat().st_size if self.path is not None else 0
        except OSError:
            return 0

    def read(self, limits: ImageLimits = ImageLimits()) -> bytes:
        """Return the encoded bytes; raises NoteRejected where they are missing or too many."""
        if self.data is not None:
            size = len(self.data)
        elif self.path is not None and self.path.is_file():
            size = self.path.stat().st_size
        else:
            raise NoteRejected(Reason.MISSING_IMAGE, f"image {self.name!r} is not there or is not a file")
        if size > limits.max_bytes:
            raise NoteRejected(
                Reason.IMAGE_TOO_LARGE,
                f"image {self.name!r} has {size:,} bytes, at most {limits.max_bytes:,} are read",
            )
        if self.data is not None:
            return self.data
        assert self.path is not None
        try:
            return self.path.read_bytes()
        except OSError as error:
            raise NoteRejected(Reason.MISSING_IMAGE, f"image {self.name!r}: {error.strerror}") from error


def locate(root: Path, name: str) -> NoteImage:
    """Find the picture `name` of a corpus at `root` (resolved), there or in its folder `images`.

    Raises NoteRejected for an address, an absolute path, `..`, a link out of the corpus, or no file.
    """
    if "://" in name or name.startswith(("//", "data:")):
        raise NoteRejected(
            Reason.REMOTE_IMAGE,
            f"image {name[:200]!r} is an address; nothing is fetched: download it into the corpus folder",
        )
    unsafe = NoteRejected(
        Reason.UNSAFE_PATH,
        f"image {name[:200]!r} must be a path inside the corpus folder (not absolute, no '..', no link out)",
    )
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if posix.is_absolute() or windows.drive or windows.root or ".." in windows.parts or "\0" in name:
        raise unsafe
    for candidate in (root / posix, root / "images" / posix):
        try:
            resolved = candidate.resolve()
            found = resolved.is_file()
        except (OSError, RuntimeError):  # a name too long for the file system, or a loop of links
            continue
        if not resolved.is_relative_to(root):
            raise unsafe
        if found:
            return NoteImage(name=candidate.relative_to(root).as_posix(), path=resolved)
    raise NoteRejected(Reason.MISSING_IMAGE, f"image {name[:200]!r} is not in the corpus folder or its images/")


def decode(image: NoteImage, limits: ImageLimits = ImageLimits(), shrink_to: int | None = None) -> "Image":
    """Decode to upright RGB: first frame, EXIF rotation applied, transparency laid on white.

    shrink_to: the shorter side the caller needs, in pixels; JPEGs are then decoded at the smallest scale of
    1/1, 1/2, 1/4, 1/8 that is no smaller, which costs a fraction of the time.
    Raises NoteRejected for a missing, foreign, truncated or over-sized file.
    """
    from PIL import Image, UnidentifiedImageError

    data = image.read(limits)
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > limits.max_pixels:
                raise NoteRejected(
                    Reason.IMAGE_TOO_LARGE,
                    f"image {image.name!r} has {width} × {height} pixels, at most {limits.max_pixels:,} are decoded",
                )
            if shrink_to is not None:
                scale = shrink_to / min(width, height)
                opened.draft("RGB", (max(1, round(width * scale)), max(1, round(height * scale))))
            opened.load()
            return _flatten(_upright(opened))
    except NoteRejected:
        raise
    except UnidentifiedImageError as error:
        raise NoteRejected(Reason.NOT_AN_IMAGE, f"image {image.name!r} is none of {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise NoteRejected(Reason.IMAGE_TOO_LARGE, f"image {image.name!r}: {error}") from error
    except Exception as error:
        # Pillow's readers raise whatever a hostile file makes them raise (OSError, SyntaxError, struct.error,
        # zlib.error, IndexError, ...); one bad picture must never stop a build.
        raise NoteRejected(Reason.BROKEN_IMAGE, f"image {image.name!r} does not decode: {error}") from error


def _upright(image: "Image") -> "Image":
    """Turn a picture as its camera was held.

    Pillow's exif_transpose also writes the rest of the EXIF anew, and fails where that is damaged: here the one
    number is read, and EXIF that cannot be read says nothing.
    """
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    try:
        orientation = image.getexif().get(ORIENTATION)
    except Exception:
        # Its parsers raise errors of many kinds on rubbish; the pixels are whole all the same.
        return image
    if not isinstance(orientation, int) or not 2 <= orientation <= 8:
        return image
    return image.transpose(turns[orientation - 2])


def _flatten(image: "Image") -> "Image":
    """Bring any Pillow mode to RGB."""
    from PIL import Image

    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _eight_bits(image: "Image") -> "Image":
    """Scale deep greys to 0 … 255; Pillow's own conversion clips them instead.

    Of 16 bits, white is 65,535. Of 32 bits and of floats it is not agreed on: the least of 1 (floats alone), 255 and
    65,535 that is not exceeded; where a value is beyond that or negative, the picture's own range.
    """
    import numpy as np
    from PIL import Image

    values = np.nan_to_num(np.asarray(image).astype(np.float64), nan=0, posinf=0, neginf=0)
    black, white = 0.0, 65535.0
    if not image.mode.startswith("I;16"):
        low, high = float(values.min()), float(values.max())
        whites = (1.0, 255.0, 65535.0) if image.mode == "F" else (255.0, 65535.0)
        fitting = [one for one in whites if low >= 0 and high <= one]
        black, white = (0.0, fitting[0]) if fitting else (low, high)
    greys = np.rint((values - black) * (255 / ((white - black) or 1)))
    return Image.fromarray(greys.astype(np.uint8)).convert("RGB")
