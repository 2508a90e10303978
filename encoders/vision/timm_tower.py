"""The image tower of timm: pooled features of any of its architectures, before the classifier."""

from collections.abc import Sequence
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from encoders.base import Pixels
from encoders.blocks import Vectors
from encoders.device import Precision, best_device, resolve_precision
from encoders.hub import state_digest
from encoders.vision.batches import pooled_rows, token_states
from encoders.vision.config import TimmConfig
from encoders.vision.pixels import Fit, PixelTransform
from encoders.vision.timm_model import build_timm, data_config, find_timm, save_timm
from encoders.vision.tokens import flat_tokens

if TYPE_CHECKING:
    from PIL.Image import Image

_FITS: dict[str, Fit] = {"center": "shortest", "border": "longest", "squash": "squash"}


class TimmTower:
    """Unit vectors of a timm model's pooled features; preprocessing is the model's own, never augmented.

    dim: length of a vector; patch_width: of a patch's state; shrink_to: the shorter side it needs, in pixels.
    """

    def __init__(self, config: TimmConfig, precision: Precision = "auto") -> None:
        self.parts = find_timm(config)
        self.device = best_device()
        self.dtype = resolve_precision(precision, self.device)
        model: Any = build_timm(self.parts)
        self.digest = state_digest(model)
        self.preprocess_config = data_config(model)
        self.transform = timm_transform(self.preprocess_config)
        self.shrink_to = self.transform.shrink_to
        self.model = model.to(self.device, self.dtype, memory_format=torch.channels_last).requires_grad_(False)
        blank = torch.zeros(1, 3, self.transform.height, self.transform.width)
        tokens, pooled = self._tokens(blank.to(self.device, self.dtype))
        self.dim, self.patch_width = int(pooled.shape[-1]), int(tokens.shape[-1])

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors up to rounding: for the fingerprint."""
        return {
            "tower": "timm",
            "architecture": self.parts.architecture,
            "arguments": self.parts.arguments,
            "weights": self.digest,
            "preprocess": self.preprocess_config,
        }

    def save(self, folder: Path, trained: bool = False) -> None:
        """Write a folder that timm itself opens too (`local-dir:`).

        trained: the weights are those in memory, not those it was loaded from.
        """
        save_timm(self.parts, folder, self.model if trained else None)

    def preprocess(self, image: "Image") -> Pixels:
        """Resize and crop one RGB picture to uint8 [3, H, W]; `encode` normalises."""
        return self.transform.pixels(image)

    def encode(self, features: Sequence[Pixels]) -> Vectors:
        """Encode N preprocessed pictures to unit rows, float32 [N, dim]."""
        return pooled_rows(self.model, features, self.transform, self.device, self.dtype, self.dim)

    def patches(self, features: Sequence[Pixels]) -> torch.Tensor:
        """Return the last states of N pictures before they are pooled, float32 [N, P, patch_width], on the device.

        Of a CNN the P are the places of the last feature map in rows, of a ViT its patches without class token. No
        gradient flows into the tower, but what reads the states may be trained.
        """
        return self.patches_and_pooled(features)[0]

    def patches_and_pooled(self, features: Sequence[Pixels]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return `patches` and the unit rows of `encode`, float32 [N, dim], on the device, of one pass."""
        widths = (self.patch_width, self.dim)
        return token_states(self._tokens, features, self.transform, self.device, self.dtype, widths)

    @torch.no_grad()
    def _tokens(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Pixels [N, 3, H, W] to states [N, P, patch_width] and vectors [N, dim]."""
        features = self.model.forward_features(pixels)
        return flat_tokens(self.model, features), self.model.forward_head(features)


def timm_transform(config: dict[str, Any]) -> PixelTransform:
    """Read timm's data config: what its evaluation transform does with a picture."""
    _, height, width = config["input_size"]
    crop = config["crop_pct"] or 0.875
    mean, std = (tuple(float(part) for part in config[name]) for name in ("mean", "std"))
    interpolation = config["interpolation"]
    return PixelTransform(
        height=height,
        width=width,
        mean=mean,
        std=std,
        fit=_FITS.get(config["crop_mode"], "shortest"),
        resize=(floor(height / crop), floor(width / crop)),
        interpolation="BILINEAR" if interpolation == "random" else interpolation.upper(),
        fill=tuple(round(255 * part) for part in mean),
    )
