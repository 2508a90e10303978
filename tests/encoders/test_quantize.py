"""Eight-bit vectors against sentence-transformers' own quantisation, and against half a step."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.blocks import unit_rows
from encoders.errors import EncoderError
from encoders.quantize import Int8Ranges


@pytest.fixture(scope="module")
def vectors():
    return unit_rows(np.random.default_rng(3).standard_normal((500, 48)).astype(np.float32))


def test_the_codes_are_the_librarys_up_to_rounding(vectors):
    from sentence_transformers.util import quantize_embeddings

    ranges = Int8Ranges.calibrate(vectors)
    theirs = quantize_embeddings(vectors, "int8", ranges=np.stack([ranges.low, ranges.high]))
    ours = ranges.quantize(vectors)
    assert ours.dtype == np.int8
    # The library cuts where we round, so its codes are ours or one below.
    assert set(np.unique(ours.astype(int) - theirs.astype(int))) <= {0, 1}


def test_what_comes_back_is_half_a_step_away_at_most(vectors):
    ranges = Int8Ranges.calibrate(vectors)
    error = np.abs(ranges.dequantize(ranges.quantize(vectors)) - vectors)
    assert (error <= ranges.step / 2 + 1e-6).all()
    assert error.max() > 1e-4
    again = unit_rows(ranges.dequantize(ranges.quantize(vectors)))
    assert (again * vectors).sum(axis=1).min() > 0.9999


def test_ranges_of_one_set_serve_another_and_clip_what_lies_outside(vectors):
    ranges = Int8Ranges.calibrate(vectors[:250])
    codes = ranges.quantize(vectors[250:])
    inside = (vectors[250:] >= ranges.low) & (vectors[250:] <= ranges.high)
    assert not inside.all()
    assert set(np.abs(codes[~inside].astype(int) + 0.5)) == {127.5}
    extremes = np.stack([ranges.low - 9, ranges.high + 9])
    assert ranges.quantize(extremes).tolist() == [[-128] * 48, [127] * 48]


def test_a_number_that_never_changes(vectors):
    flat = vectors.copy()
    flat[:, 5] = 0.25
    ranges = Int8Ranges.calibrate(flat)
    assert (ranges.dequantize(ranges.quantize(flat))[:, 5] == 0.25).all()


def test_other_sizes_and_no_vectors_are_refused(vectors):
    with pytest.raises(EncoderError, match=r"48.*47"):
        Int8Ranges.calibrate(vectors).quantize(vectors[:, :47])
    with pytest.raises(EncoderError, match="at least one"):
        Int8Ranges.calibrate(vectors[:0])
