"""The default text tower against vectors that transformers gave once (tests/encoders/golden/make_minilm.py)."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def test_golden_vectors(encoder):
    with np.load(Path(__file__).parents[1] / "golden" / "minilm.npz", allow_pickle=False) as stored:
        texts, vectors = stored["texts"].tolist(), stored["vectors"]
    assert len(texts) == 5
    np.testing.assert_allclose(encoder.text.encode(texts), vectors, atol=2e-6)
