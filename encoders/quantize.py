"""Vectors in eight bits a number, with the ranges they were scaled by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoders.blocks import Vectors
from encoders.errors import EncoderError

Codes = NDArray[np.int8]
STEPS = 255


@dataclass(frozen=True, slots=True)
class Int8Ranges:
    """The least and the greatest value of every number of a vector, float32 [D] each, seen in a calibration set.

    A value x becomes round((x − low) / (high − low) · 255) − 128; values outside the range are clipped to it.
    """

    low: Vectors
    high: Vectors

    @classmethod
    def calibrate(cls, vectors: Vectors) -> "Int8Ranges":
        """Take the ranges of vectors [N, D]; raises EncoderError where there is none."""
        if not len(vectors):
            raise EncoderError("there are no vectors to take ranges from: int8 wants at least one")
        return cls(vectors.min(axis=0).astype(np.float32), vectors.max(axis=0).astype(np.float32))

    @property
    def step(self) -> Vectors:
        """What one code is worth, float32 [D]; 1 where a number never changes."""
        width = self.high - self.low
        return (np.where(width > 0, width, STEPS) / np.float32(STEPS)).astype(np.float32)

    def quantize(self, vectors: Vectors) -> Codes:
        """Round vectors [N, D] to int8 [N, D]. Raises EncoderError where D is another than the ranges'."""
        if vectors.shape[-1] != len(self.low):
            raise EncoderError(
                f"the ranges are of {len(self.low)} numbers a vector, the vectors have {vectors.shape[-1]}"
            )
        codes = np.rint((vectors - self.low) / self.step)
        shifted: Codes = (np.clip(codes, 0, STEPS) - 128).astype(np.int8)
        return shifted

    def dequantize(self, codes: Codes) -> Vectors:
        """Return what codes [N, D] stand for, float32 [N, D], at most half a step from the vectors."""
        return ((codes.astype(np.float32) + 128) * self.step + self.low).astype(np.float32)
