"""The frozen vision tower of NoteLLM-2, and what it sees of a batch of notes."""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from encoders.base import Pixels, Prepared
from encoders.device import Precision
from encoders.notellm2.module import Seen
from encoders.towers import ImageTower
from encoders.vision.config import OpenClipConfig, TimmConfig


class PatchTower(ImageTower, Protocol):
    """An image tower that gives the states of its patches beside the pooled vector; patch_width: their length."""

    patch_width: int

    def patches_and_pooled(self, features: Sequence[Pixels]) -> tuple[Tensor, Tensor]:
        """Return the states of N pictures, float32 [N, P, patch_width], and their unit rows, float32 [N, dim]."""


def vision_tower(config: OpenClipConfig | TimmConfig, precision: Precision) -> PatchTower:
    """Make the tower a configuration names; only its own module is imported."""
    if config.tower == "open_clip":
        from encoders.vision.open_clip_tower import OpenClipTower

        return OpenClipTower(config, precision)
    from encoders.vision.timm_tower import TimmTower

    return TimmTower(config, precision)


@torch.no_grad()
def look(tower: PatchTower, prepared: Sequence[Prepared]) -> Seen:
    """Show the tower the pictures of N notes.

    The pooled vector of several pictures is the mean of their unit vectors, not scaled up again: pictures that have
    little in common then weigh less against the text.
    """
    counts = torch.tensor([len(one.images) for one in prepared])
    patches, vectors = tower.patches_and_pooled([image for one in prepared for image in one.images])
    owners = torch.repeat_interleave(torch.arange(len(prepared)), counts).to(vectors.device)
    counts = counts.to(vectors.device)
    sums = torch.zeros(len(prepared), vectors.shape[1], device=vectors.device).index_add_(0, owners, vectors)
    return Seen(patches, sums / counts.clamp(min=1)[:, None], counts > 0)
