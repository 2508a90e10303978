"""The joint vector by hand: unit length, and a missing modality that changes nothing of the other."""

from __future__ import annotations

import numpy as np
import pytest

from encoders.blocks import Blocks, join, unit_rows

T = np.array([[0.6, 0.8], [0.8, -0.6], [0.0, 0.0]], dtype=np.float32)
V = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.6, 0.8]], dtype=np.float32)
BLOCKS = Blocks((("text", 2), ("image", 3)), absent=2)
SHARE = 0.25  # √.75 = .8660, √.25 = .5
TEXT, IMAGE = 0.75**0.5, 0.5


def test_join_by_hand():
    expected = [
        [0.6 * TEXT, 0.8 * TEXT, IMAGE, 0, 0, 0, 0],
        [0.8 * TEXT, -0.6 * TEXT, 0, 0, 0, 0, IMAGE],
        [0, 0, 0, 0.6 * IMAGE, 0.8 * IMAGE, TEXT, 0],
    ]
    joined = join(T, V, SHARE)
    assert joined.dtype == np.float32
    np.testing.assert_allclose(joined, expected, atol=1e-7)
    np.testing.assert_allclose(np.linalg.norm(joined, axis=1), 1, atol=1e-6)


def test_queries_drop_what_is_absent_and_stay_unit():
    queries = BLOCKS.as_query(join(T, V, SHARE))
    np.testing.assert_allclose(queries[0], join(T, V, SHARE)[0], atol=1e-7)
    np.testing.assert_allclose(queries[1], [0.8, -0.6, 0, 0, 0, 0, 0], atol=1e-7)
    np.testing.assert_allclose(queries[2], [0, 0, 0, 0.6, 0.8, 0, 0], atol=1e-7)


def test_as_query_leaves_its_argument_alone():
    joined = join(T, V, SHARE)
    before = joined.copy()
    BLOCKS.as_query(joined)
    np.testing.assert_array_equal(joined, before)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_missing_modality_changes_nothing_of_the_other(share):
    rng = np.random.default_rng(0)
    text = unit_rows(rng.standard_normal((50, 2)).astype(np.float32))
    image = unit_rows(rng.standard_normal((50, 3)).astype(np.float32))
    full, bare, dumb = join(text, image, share), join(text, image * 0, share), join(text * 0, image, share)
    words, look = BLOCKS.as_query(bare[:1])[0], BLOCKS.as_query(dumb[:1])[0]
    np.testing.assert_allclose(full @ words, bare @ words, atol=1e-6)
    np.testing.assert_allclose(full @ words, (1 - share) ** 0.5 * (text @ text[0]), atol=1e-6)
    np.testing.assert_allclose(full @ look, dumb @ look, atol=1e-6)
    np.testing.assert_allclose(full @ look, share**0.5 * (image @ image[0]), atol=1e-6)


def test_notes_are_not_alike_for_lacking_the_same_thing():
    across = np.array([[0.8, -0.6]], dtype=np.float32)  # at right angles to T[0]
    none = np.zeros((1, 3), dtype=np.float32)
    query = BLOCKS.as_query(join(T[:1], none, SHARE))[0]
    assert abs(float(query @ join(across, none, SHARE)[0])) < 1e-7


def test_contributions_sum_to_the_score():
    joined = join(T, V, SHARE)
    for query in BLOCKS.as_query(joined):
        for candidate in joined:
            parts = BLOCKS.contributions(query, candidate)
            assert list(parts) == ["text", "image"]
            assert sum(parts.values()) == pytest.approx(float(query @ candidate), abs=1e-6)
    parts = BLOCKS.contributions(joined[0], joined[0])
    assert parts == pytest.approx({"text": 0.75, "image": 0.25})


def test_the_layout_survives_json():
    assert Blocks.from_json(BLOCKS.as_json()) == BLOCKS
    assert BLOCKS.dim == 7
    assert Blocks((("all", 4),)).as_query(T).tolist() == T.tolist()


def test_unit_rows_keeps_zero_rows_zero():
    rows = unit_rows(np.array([[3.0, 4.0], [0.0, 0.0], [1e-9, 0.0]], dtype=np.float32))
    np.testing.assert_allclose(rows, [[0.6, 0.8], [0, 0], [1, 0]], atol=1e-6)
    assert rows.dtype == np.float32
