"""Pictures to the pixels a model wants: resized and cropped in threads by Pillow alone, normalised in batches.

What is handed from one to the other is uint8, a quarter of the memory of the float32 that the libraries' own
transforms make; the pixels are theirs, bit for bit (tests/encoders/vision/test_pixels.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

Fit = Literal["shortest", "longest", "squash"]
# Longer side to shorter: beyond it, resizing before cropping would cost memory without bound (1 × 10,000 pixels
# would become 224 × 2,240,000), so only the part that the crop keeps is resized.
SLENDER = 8


@dataclass(frozen=True, slots=True)
class PixelTransform:
    """How a picture becomes an input of `height` × `width` pixels, in the steps of torchvision and open_clip.

    fit: how a picture is brought to `resize` (height, width) before the centre is cut out: `shortest` covers it,
    `longest` fits in and is padded with `fill` (R, G, B), `squash` ignores proportions.
    interpolation: a name of PIL.Image.Resampling. mean, std: of the channels R, G, B in units of 1.
    """

    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fit: Fit
    resize: tuple[int, int]
    interpolation: str = "BICUBIC"
    fill: tuple[int, ...] = (0, 0, 0)

    @property
    def shrink_to(self) -> int:
        """The shorter side, in pixels, below which a picture loses what this transform would keep."""
        return max(self.resize)

    def pixels(self, image: "Image") -> NDArray[np.uint8]:
        """Bring one RGB picture to uint8 [3, height, width]; thread-safe, and without torch."""
        fitted = self._fit(image)
        # A view: rows of pixels lie as Pillow has them, which is what `stack` and channels_last want.
        return np.asarray(fitted).transpose(2, 0, 1)

    def _fit(self, image: "Image") -> "Image":
        from PIL import Image as PillowImage

        kind = PillowImage.Resampling[self.interpolation]
        width, height = image.size
        if self.fit == "squash":
            return _cropped(_resized(image, self.resize[::-1], kind), self.width, self.height)
        new_width, new_height = self._proportional(width, height)
        if self.fit == "longest":
            return self._padded(_resized(image, (new_width, new_height), kind))
        if max(width, height) > SLENDER * min(width, height):
            return self._slender(image, (new_width, new_height), kind)
        return _cropped(_resized(image, (new_width, new_height), kind), self.width, self.height)

    def _proportional(self, width: int, height: int) -> tuple[int, int]:
        """Width and height that keep the proportions."""
        target_height, target_width = self.resize
        if self.fit == "shortest" and target_height == target_width:
            # torchvision's Resize of one number: the shorter side exact, the longer cut to a whole number.
            short, long = min(width, height), max(width, height)
            longer = int(target_height * long / short)
            return (target_height, longer) if width <= height else (longer, target_height)
        # open_clip's and timm's ResizeKeepRatio.
        ratios = (height / target_height, width / target_width)
        ratio = max(ratios) if self.fit == "longest" else min(ratios)
        return max(1, round(width / ratio)), max(1, round(height / ratio))

    def _slender(self, image: "Image", size: tuple[int, int], kind: int) -> "Image":
        """Resize only the part that the crop keeps."""
        new_width, new_height = size
        kept_width, kept_height = min(self.width, new_width), min(self.height, new_height)
        left, top = round((new_width - kept_width) / 2.0), round((new_height - kept_height) / 2.0)
        across, down = image.size[0] / new_width, image.size[1] / new_height
        box = (left * across, top * down, (left + kept_width) * across, (top + kept_height) * down)
        part = image.resize((kept_width, kept_height), kind, box=box)
        return _cropped(part, self.width, self.height)

    def _padded(self, image: "Image") -> "Image":
        """Lay the picture in the middle of a canvas of one colour; what stands out is cut."""
        from PIL import Image as PillowImage

        image = _cropped(image, min(self.width, image.size[0]), min(self.height, image.size[1]))
        if image.size == (self.width, self.height):
            return image
        canvas = PillowImage.new("RGB", (self.width, self.height), self.fill)
        canvas.paste(image, ((self.width - image.size[0]) // 2, (self.height - image.size[1]) // 2))
        return canvas

    def stack(self, pixels: Sequence[NDArray[np.uint8]], device: str, dtype: torch.dtype) -> torch.Tensor:
        """Stack N ≥ 1 pictures of uint8 [3, H, W] and normalise them: dtype [N, 3, H, W], channels last."""
        stacked = np.stack([one.transpose(1, 2, 0) for one in pixels])
        batch = torch.from_numpy(stacked).to(device).permute(0, 3, 1, 2).float()
        scale = torch.tensor([1 / (255 * std) for std in self.std], device=device).view(1, -1, 1, 1)
        shift = torch.tensor([-mean / std for mean, std in zip(self.mean, self.std, strict=True)], device=device)
        return torch.addcmul(shift.view(1, -1, 1, 1), batch, scale).to(dtype)


def _resized(image: "Image", size: tuple[int, int], kind: int) -> "Image":
    return image if image.size == size else image.resize(size, kind)


def _cropped(image: "Image", width: int, height: int) -> "Image":
    """Cut the centre out; sides that are too short are filled up with black first, as torchvision does."""
    from PIL import ImageOps

    short_x, short_y = max(0, width - image.size[0]), max(0, height - image.size[1])
    if short_x or short_y:
        border = (short_x // 2, short_y // 2, (short_x + 1) // 2, (short_y + 1) // 2)
        image = ImageOps.expand(image, border)
    left, top = round((image.size[0] - width) / 2.0), round((image.size[1] - height) / 2.0)
    if (left, top) == (0, 0) and image.size == (width, height):
        return image
    return image.crop((left, top, left + width, top + height))
