"""An index exported in eight bits, with the ranges beside the codes."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.quantize import Int8Ranges
from retrieval.errors import RetrievalError
from retrieval.export import export_vectors, read_ranges


def test_codes_and_ranges_give_the_vectors_back(indexed, tmp_path):
    export_vectors(indexed.index, tmp_path / "full.npz")
    export_vectors(indexed.index, tmp_path / "small.npz", precision="int8")
    with np.load(tmp_path / "full.npz") as full, np.load(tmp_path / "small.npz") as small:
        assert small["vectors"].dtype == np.int8
        assert small["ids"].tolist() == full["ids"].tolist()
        ranges = Int8Ranges(small["low"], small["high"])
        again = ranges.dequantize(small["vectors"])
        np.testing.assert_array_equal(ranges.low, full["vectors"].min(axis=0))
        np.testing.assert_array_equal(ranges.high, full["vectors"].max(axis=0))
        assert (np.abs(again - full["vectors"]) <= ranges.step / 2 + 1e-6).all()


def test_a_later_export_may_use_the_ranges_of_an_earlier_one(indexed, tmp_path):
    export_vectors(indexed.index, tmp_path / "first.npz", precision="int8")
    wide = Int8Ranges(np.full(566, -1, np.float32), np.full(566, 1, np.float32))
    export_vectors(indexed.index, tmp_path / "wide.npz", precision="int8", ranges=wide)
    kept = read_ranges(tmp_path / "wide.npz")
    np.testing.assert_array_equal(kept.low, wide.low)
    with np.load(tmp_path / "first.npz") as first, np.load(tmp_path / "wide.npz") as second:
        assert (first["vectors"] != second["vectors"]).any()


def test_a_file_without_ranges_is_refused(indexed, tmp_path):
    export_vectors(indexed.index, tmp_path / "full.npz")
    (tmp_path / "text.npz").write_text("no")
    for name in ("full.npz", "text.npz", "absent.npz"):
        with pytest.raises(RetrievalError, match="int8 export"):
            read_ranges(tmp_path / name)
