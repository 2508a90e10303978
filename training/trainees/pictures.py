"""What the image parts have in common: a tower of encoders.vision with float32 weights that can be trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from encoders.base import Pixels
from encoders.vision.open_clip_tower import OpenClipTower
from encoders.vision.timm_tower import TimmTower
from training.trainees.augment import random_views
from training.trainees.rows import StillNorms, gradients, set_unused_aside

if TYPE_CHECKING:
    from PIL.Image import Image

# Pixels that count as a token where a picture is not cut into patches.
PIXELS_A_TOKEN = 16 * 16


class PicturePart:
    """An image tower with gradients; what is left out of a pooled vector's making is never trained.

    model: the network in `tower`. patches: whether it is a transformer, whose patches are what a picture costs; of a
    CNN it is 16 × 16 pixels each. augment: random crops and flips in training mode.
    """

    def __init__(self, tower: OpenClipTower | TimmTower, model: nn.Module, patches: bool, augment: bool) -> None:
        self.tower = tower
        self.augment = augment
        self.dim, self.shrink_to = tower.dim, tower.shrink_to
        self.module: nn.Module = StillNorms(model).eval()
        self.module.requires_grad_(True)
        blank = np.zeros((3, tower.transform.height, tower.transform.width), dtype=np.uint8)
        set_unused_aside(self.module, self.module(self._stack([blank])))
        self.cost = tower.patches([blank]).shape[1] if patches else max(1, blank[0].size // PIXELS_A_TOKEN)

    def begin(self, train: bool) -> None:
        """Train all weights or none."""
        self.module.requires_grad_(train)

    def preprocess(self, image: "Image") -> Pixels:
        """Bring one RGB picture to uint8 [3, H, W]; thread-safe."""
        return self.tower.preprocess(image)

    def embed(self, pictures: Sequence[Pixels]) -> Tensor:
        """Embed N ≥ 1 pictures to rows float32 [N, dim], not of unit length."""
        with gradients(self.module):
            pixels = self._stack(pictures)
            rows: Tensor = self.module(random_views(pixels) if self.augment and self.module.training else pixels)
            return rows.float()

    def save(self, folder: Path) -> None:
        """Write the folder that the tower writes, with the weights as they are now."""
        self.tower.save(folder, trained=True)

    def _stack(self, pictures: Sequence[Pixels]) -> Tensor:
        device = next(self.module.parameters()).device
        return self.tower.transform.stack(pictures, str(device), torch.float32)
