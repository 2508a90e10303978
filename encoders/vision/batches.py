"""Pictures through a model, a batch at a time: constant memory, whatever their number."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch.nn.functional import normalize

from encoders.base import Pixels
from encoders.blocks import Vectors, unit_rows
from encoders.vision.pixels import PixelTransform

BATCH = 32


def pooled_rows(
    model: Callable[[torch.Tensor], torch.Tensor],
    features: Sequence[Pixels],
    transform: PixelTransform,
    device: str,
    dtype: torch.dtype,
    dim: int,
) -> Vectors:
    """Unit rows, float32 [N, dim], of N pictures of uint8 [3, H, W]; model: pixels [B, 3, H, W] to [B, dim]."""
    rows = [np.zeros((0, dim), dtype=np.float32)]
    with torch.inference_mode():
        rows += [model(batch).float().cpu().numpy() for batch in _batches(features, transform, device, dtype)]
    return unit_rows(np.concatenate(rows))


def token_states(
    model: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    features: Sequence[Pixels],
    transform: PixelTransform,
    device: str,
    dtype: torch.dtype,
    widths: tuple[int, int],
) -> tuple[torch.Tensor, torch.Tensor]:
    """Last states float32 [N, P, W] and unit rows float32 [N, dim], on the device; widths: (W, dim)."""
    if not features:
        return torch.zeros(0, 0, widths[0], device=device), torch.zeros(0, widths[1], device=device)
    # Not inference mode: what is made in it can stand in no gradient, and a resampler is trained on these.
    with torch.no_grad():
        states = [model(batch) for batch in _batches(features, transform, device, dtype)]
    tokens = torch.cat([one.float() for one, _ in states])
    return tokens, normalize(torch.cat([pooled.float() for _, pooled in states]), dim=-1)


def _batches(
    features: Sequence[Pixels], transform: PixelTransform, device: str, dtype: torch.dtype
) -> Iterator[torch.Tensor]:
    for start in range(0, len(features), BATCH):
        yield transform.stack(features[start : start + BATCH], device, dtype)
