"""Row numbers to ids, and the rows written since the base."""

from __future__ import annotations

import numpy as np

from index.dense.delta import Delta
from index.dense.names import Names
from index.store.store import Added

IDS = ["a", "上海", "nul\x00", "👩‍🍳", "x" * 5000, "\u202e", "é", "e\u0301", "z"]


def test_names_come_back_from_their_files(tmp_path):
    Names.of([name.encode() for name in IDS]).write(tmp_path / "text.npy", tmp_path / "ends.npy")
    names = Names.read(tmp_path / "text.npy", tmp_path / "ends.npy")
    rows = np.random.default_rng(1).integers(0, len(IDS), (7, 4))
    for _ in range(2):  # the second time they are made already
        assert names.take(rows).tolist() == [[IDS[row] for row in each] for each in rows.tolist()]
    assert names.take(np.empty((3, 0), dtype=np.int64)).shape == (3, 0)
    assert names.take(np.array([0])).tolist() == ["a"]


def test_the_delta_against_a_plain_loop(unit):
    """Adds and removals at random, searched after each, beside a dict."""
    rng = np.random.default_rng(2)
    delta = Delta(8, first=1000)
    key, truth = 50, {}
    for step in range(40):
        more = int(rng.integers(1, 30))
        keys = key + np.cumsum(rng.integers(1, 4, more))
        key = int(keys[-1])
        vectors = unit(more, 8, step)
        delta.add(Added(keys, [f"n{each}" for each in keys], vectors))
        truth.update(zip(keys.tolist(), vectors, strict=True))
        gone = rng.choice([*truth, 1, 7, key + 99], 6)
        delta.remove(np.unique(gone))
        for each in gone.tolist():
            truth.pop(each, None)
        assert delta.keys[delta.alive].tolist() == sorted(truth)
        mask = rng.random(len(delta)) < 0.5
        query = unit(2, 8, 1000 + step)
        for chosen in (None, mask):
            _, rows = delta.search(query, 5, chosen)
            for place in range(2):
                there = [
                    (float(query[place].astype(float) @ truth[each].astype(float)), 1000 + row)
                    for row, each in enumerate(delta.keys.tolist())
                    if each in truth and (chosen is None or chosen[row])
                ]
                best = [row for _, row in sorted(there, reverse=True)[:5]]
                assert [row for row in rows[place].tolist() if row >= 0] == best
        some = np.flatnonzero(delta.alive)[:3]
        np.testing.assert_array_equal(delta.vectors(some + 1000), [truth[int(delta.keys[row])] for row in some])
        assert [delta.ids[row] for row in some] == [f"n{delta.keys[row]}" for row in some]
