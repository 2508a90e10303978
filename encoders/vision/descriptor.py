"""The image tower that needs no weights: colours, their places, and edges, as a deterministic vector.

It knows nothing of what a picture shows; it finds pictures that look alike. Four groups of features, each
brought to zero mean and unit length so that none drowns the others and unrelated pictures score near zero
(without that, every picture resembles every other, and merely having one would count as similarity).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.blocks import Vectors, unit_rows

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 64  # pixels; every picture is squeezed to this square first
HUES, TONES, GRID, CELLS, ORIENTATIONS = 12, 6, 4, 4, 6


GROUPS = (HUES * 2, TONES * 2, GRID * GRID * 3, CELLS * CELLS * ORIENTATIONS)


def _interleaved() -> NDArray[np.intp]:
    """An order that takes of every group in proportion, so that a vector cut short still has of each, [dim]."""
    rng = np.random.default_rng(0)
    return np.argsort(np.concatenate([(rng.permutation(size) + 0.5) / size for size in GROUPS]), kind="stable")


ORDER = _interleaved()


class Descriptor:
    """Hues and tones (histograms), layout (a grid of mean colours), edges (oriented gradients a cell)."""

    dim = sum(GROUPS)
    shrink_to = SIDE

    def identity(self) -> dict[str, object]:
        """Return what decides the vectors: for the fingerprint."""
        return {"tower": "descriptor", "version": 2, "dim": self.dim}

    def preprocess(self, image: "Image") -> Vectors:
        """Describe one RGB picture as a unit vector [dim]; a picture of one flat colour has no edges, not NaN."""
        from PIL import Image

        small = image.resize((SIDE, SIDE), Image.Resampling.BOX, reducing_gap=2.0)
        rgb = np.asarray(small, dtype=np.float32) / np.float32(255)
        groups = (*_histograms(small), _layout(rgb), _edges(rgb))
        return unit_rows(np.concatenate([unit_rows(group - group.mean()) for group in groups]))

    def save(self, folder: Path) -> None:
        """Nothing: the tower is all code."""

    def encode(self, features: Sequence[Vectors]) -> Vectors:
        """Stack N described pictures to [N, dim], in `ORDER`; the work is done in `preprocess`, in parallel."""
        return np.stack(features)[:, ORDER] if features else np.zeros((0, self.dim), dtype=np.float32)


def _histograms(image: "Image") -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shares of hues, by how vivid they are, in the dark and the light; and of tones in greys and colours."""
    hsv = np.asarray(image.convert("HSV"), dtype=np.float32).reshape(-1, 3) / 256
    hue, vivid, value = hsv.T
    hues = _soft_histogram(hue, HUES, vivid * value, (value > 0.5).astype(np.intp), circular=True)
    tones = _soft_histogram(value, TONES, np.ones_like(value), (vivid > 0.25).astype(np.intp), circular=False)
    return hues, tones


def _soft_histogram(
    values: NDArray[np.float32],
    bins: int,
    weights: NDArray[np.float32],
    kind: NDArray[np.intp],
    circular: bool,
) -> NDArray[np.float32]:
    """Histogram of values in [0, 1) by kind (0 or 1), each shared between its two nearest bins, [2 * bins]."""
    position = values * bins - 0.5
    low = np.floor(position).astype(np.intp)
    share = (position - low).astype(np.float32)
    high = low + 1
    low, high = (low % bins, high % bins) if circular else (low.clip(0), high.clip(None, bins - 1))
    counts = np.bincount(kind * bins + low, weights * (1 - share), 2 * bins)
    counts += np.bincount(kind * bins + high, weights * share, 2 * bins)
    return counts.astype(np.float32)


def _layout(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean luma and colour differences in a grid of GRID × GRID, each channel about its own mean."""
    cells = rgb.reshape(GRID, SIDE // GRID, GRID, SIDE // GRID, 3).mean(axis=(1, 3)).reshape(-1, 3)
    luma = cells @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    opponents = np.stack([luma - 0.5, cells[:, 0] - luma, cells[:, 2] - luma])
    return opponents.reshape(-1)


def _edges(rgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gradient orientations in CELLS × CELLS cells (Dalal and Triggs 2005), normalised over the whole picture."""
    luma = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    down, right = np.gradient(luma)
    strength = np.hypot(down, right)
    turn = (np.arctan2(down, right) / np.pi % 1).astype(np.float32)  # 0 … 1: unsigned orientation
    bin_of = np.floor(turn * ORIENTATIONS).astype(np.intp) % ORIENTATIONS
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    cell = (row * CELLS // SIDE) * CELLS + column * CELLS // SIDE
    counts = np.bincount(cell * ORIENTATIONS + bin_of.ravel(), strength.ravel(), CELLS * CELLS * ORIENTATIONS)
    return np.sqrt(counts.astype(np.float32))
