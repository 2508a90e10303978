"""How a note's text and image vectors share one unit vector, so that partial notes compare before any training.

A vector is [√(1−s)·text, √s·image, absent text, absent image], s being the image's share. A missing modality
leaves its block at zero and puts its mass into a coordinate of its own, which keeps the row at unit length
*and* the other block at its usual size: with or without a picture, a note's text counts the same.
Queries drop the absent coordinates, or notes would be alike for lacking the same thing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.errors import EncoderError

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Blocks:
    """The layout of a vector: `sizes` names the blocks in order, `absent` counts the coordinates at the end.

    An encoder of a single, inseparable space has one block and no absent coordinates.
    """

    sizes: tuple[tuple[str, int], ...]
    absent: int = 0

    @property
    def dim(self) -> int:
        """Length of a whole vector."""
        return sum(size for _, size in self.sizes) + self.absent

    def as_json(self) -> dict[str, object]:
        """Return the layout as JSON, to stand in an index."""
        return {"sizes": dict(self.sizes), "absent": self.absent}

    @classmethod
    def from_json(cls, value: Mapping[str, object]) -> "Blocks":
        """Read what `as_json` wrote."""
        sizes, absent = value["sizes"], value["absent"]
        assert isinstance(sizes, Mapping)
        assert isinstance(absent, int)
        return cls(tuple((str(name), int(size)) for name, size in sizes.items()), absent)

    def cut(self, dim: int | None) -> "Blocks":
        """Lay out `dim` numbers, None for all: the first of each block, in proportion to their sizes (Matryoshka).

        Raises EncoderError where there are fewer, or where nothing would be left of a block.
        """
        if dim is None or dim == self.dim:
            return self
        left, least = dim - self.absent, self.absent + len(self.sizes)
        if not least <= dim <= self.dim:
            raise EncoderError(f"dim {dim} is out of the range of this encoder: give {least} to {self.dim}")
        sizes = []
        for i, (name, size) in enumerate(self.sizes):
            behind = self.sizes[i + 1 :]
            whole = size + sum(other for _, other in behind)
            kept = min(max(round(left * size / whole), 1), left - len(behind))
            sizes.append((name, kept))
            left -= kept
        return Blocks(tuple(sizes), self.absent)

    def truncate(self, vectors: Vectors, kept: "Blocks") -> Vectors:
        """Cut rows [N, dim] of this layout to one that `cut` gave, [N, kept.dim]; each block weighs what it weighed.

        Where nothing is left of a block, its weight goes to its absent coordinate.
        """
        if kept == self:
            return vectors
        parts, start = [], 0
        absent = vectors[:, self.dim - self.absent :].copy()
        for i, ((_, whole), (_, size)) in enumerate(zip(self.sizes, kept.sizes, strict=True)):
            block = vectors[:, start : start + whole]
            weight = np.linalg.norm(block, axis=1)
            parts.append(unit_rows(block[:, :size]) * weight[:, None])
            if self.absent:
                absent[:, i] += np.where(parts[-1].any(axis=1), 0, weight)
            start += whole
        return unit_rows(np.concatenate([*parts, absent], axis=1))

    def as_query(self, vectors: Vectors) -> Vectors:
        """Drop the absent coordinates of vectors [N, dim] and return rows to unit length (zero rows stay)."""
        if not self.absent:
            return vectors
        queries = vectors.copy()
        queries[:, -self.absent :] = 0
        return unit_rows(queries)

    def only(self, vectors: Vectors, name: str) -> Vectors:
        """Keep one block of vectors [N, dim] and zero all else, [N, dim]: what is left where only that is read.

        Rows are as long as the block weighs, and zero where it is absent.
        """
        kept = np.zeros_like(vectors)
        start = 0
        for block, size in self.sizes:
            if block == name:
                kept[:, start : start + size] = vectors[:, start : start + size]
            start += size
        return kept

    def contributions(self, query: Vectors, candidate: Vectors) -> dict[str, float]:
        """Split the score query·candidate of two vectors [dim] into what each block adds; they sum to it."""
        parts, start = {}, 0
        for name, size in self.sizes:
            parts[name] = float(query[start : start + size] @ candidate[start : start + size])
            start += size
        return parts


def join(text: Vectors, image: Vectors, image_share: float) -> Vectors:
    """Join unit rows text [N, T] and image [N, I], zero rows meaning absent, to unit rows [N, T + I + 2]."""
    text_weight, image_weight = np.float32(np.sqrt(1 - image_share)), np.float32(np.sqrt(image_share))
    no_text = (~text.any(axis=1, keepdims=True)).astype(np.float32)
    no_image = (~image.any(axis=1, keepdims=True)).astype(np.float32)
    return np.concatenate(
        [text * text_weight, image * image_weight, no_text * text_weight, no_image * image_weight], axis=1
    )


def unit_rows(vectors: Vectors) -> Vectors:
    """Scale rows to unit length; zero rows stay zero."""
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return (vectors / np.where(norms > 0, norms, 1)).astype(np.float32)
