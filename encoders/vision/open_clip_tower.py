"""The image tower of open_clip: by name and tag, by local weights file, by folder, or with random weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from encoders.base import Pixels
from encoders.blocks import Vectors
from encoders.device import Precision, best_device, resolve_precision
from encoders.hub import state_digest
from encoders.vision.batches import pooled_rows, token_states
from encoders.vision.config import OpenClipConfig
from encoders.vision.open_clip_model import build_clip, find_clip, save_clip
from encoders.vision.pixels import PixelTransform
from encoders.vision.tokens import flat_tokens

if TYPE_CHECKING:
    from PIL.Image import Image


class OpenClipTower:
    """Unit image vectors of the vision half of a CLIP model; preprocessing is the model's own, never augmented.

    dim: length of a vector; patch_width: of a patch's state; shrink_to: the shorter side it needs, in pixels.
    """

    def __init__(self, config: OpenClipConfig, precision: Precision = "auto") -> None:
        self.parts = find_clip(config)
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        visual: Any = build_clip(self.parts).visual
        self.digest = state_digest(visual)
        self.preprocess_config: dict[str, Any] = visual.preprocess_cfg
        self.transform = clip_transform(self.preprocess_config)
        self.shrink_to = self.transform.shrink_to
        self.visual = visual.to(self.device, self.dtype, memory_format=torch.channels_last).requires_grad_(False)
        blank = torch.zeros(1, 3, self.transform.height, self.transform.width)
        tokens, pooled = self._tokens(blank.to(self.device, self.dtype))
        self.dim, self.patch_width = int(pooled.shape[-1]), int(tokens.shape[-1])

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {
            "tower": "open_clip",
            "architecture": self.parts.architecture,
            "weights": self.digest,
            "preprocess": {key: str(value) for key, value in sorted(self.preprocess_config.items())},
        }

    def save(self, folder: Path, trained: bool = False) -> None:
        """Write a folder that open_clip itself opens too (`local-dir:`).

        trained: the weights of this half are those in memory, not those it was loaded from.
        """
        changed = {f"visual.{name}": weight for name, weight in self.visual.state_dict().items()} if trained else None
        save_clip(self.parts, self.preprocess_config, folder, changed)

    def preprocess(self, image: "Image") -> Pixels:
        """Resize and crop one RGB picture to uint8 [3, H, W]; `encode` normalises."""
        return self.transform.pixels(image)

    def encode(self, features: Sequence[Pixels]) -> Vectors:
        """Encode N preprocessed pictures to unit rows, float32 [N, dim]."""
        return pooled_rows(self._pooled, features, self.transform, self.device, self.dtype, self.dim)

    def patches(self, features: Sequence[Pixels]) -> torch.Tensor:
        """Return the last states of N pictures before they are pooled, float32 [N, P, patch_width], on the device.

        Of a ViT the P are its patches in rows, without the class token, after the last norm; of a CNN the places
        of the last feature map. No gradient flows into the tower, but what reads the states may be trained.
        """
        return self.patches_and_pooled(features)[0]

    def patches_and_pooled(self, features: Sequence[Pixels]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `patches` and the unit rows of `encode`, float32 [N, dim], on the device, of one pass."""
        widths = (self.patch_width, self.dim)
        return token_states(self._tokens, features, self.transform, self.device, self.dtype, widths)

    def _pooled(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels [N, 3, H, W] to vectors [N, dim]."""
        pooled = self.visual(pixels)
        # A CoCa model gives its tokens as well.
        vectors: torch.Tensor = pooled[0] if isinstance(pooled, tuple) else pooled
        return vectors

    @torch.no_grad()
    def _tokens(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels [N, 3, H, W] to states [N, P, patch_width] and vectors [N, dim]."""
        trunk = getattr(self.visual, "trunk", None)
        if trunk is not None:
            features = trunk.forward_features(pixels)
            return flat_tokens(trunk, features), self.visual.head(trunk.forward_head(features))
        if hasattr(self.visual, "transformer"):
            # With attentional pooling the norm comes after it, and may be of another width.
            normed = self.visual.attn_pool is None
            out = self.visual.forward_intermediates(pixels, indices=1, normalize_intermediates=normed, output_fmt="NLC")
            return out["image_intermediates"][-1], out["image_features"]
        out = self.visual.forward_intermediates(pixels, indices=1)
        return out["image_intermediates"][-1].flatten(2).transpose(1, 2), out["image_features"]


def clip_transform(preprocess: dict[str, Any]) -> PixelTransform:
    """Read open_clip's preprocess_cfg: what its image_transform does with a picture, without augmentation."""
    size = preprocess["size"]
    height, width = (size, size) if isinstance(size, int) else size
    fit = preprocess["resize_mode"]
    # open_clip resizes to sides that are not equal in bicubic, whatever the config says.
    bilinear = preprocess["interpolation"] == "bilinear" and (fit != "shortest" or height == width)
    return PixelTransform(
        height=height,
        width=width,
        mean=_of_channels(preprocess["mean"]),
        std=_of_channels(preprocess["std"]),
        fit=fit,
        resize=(height, width),
        interpolation="BILINEAR" if bilinear else "BICUBIC",
        fill=(int(preprocess["fill_color"]),) * 3,
    )


def _of_channels(value: float | Sequence[float]) -> tuple[float, ...]:
    return (float(value),) * 3 if isinstance(value, int | float) else tuple(float(part) for part in value)
