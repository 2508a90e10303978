"""kill -9 at any moment: what was acknowledged stands, nothing stands in part, and the index goes on."""

from __future__ import annotations

import time

import numpy as np
import pytest

from index import FaissIndex

DEATHS = 6


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rule", ["operation", "build"])
def test_death_at_any_moment_loses_nothing_and_leaves_nothing_half(children, work, tmp_path, rule, seed):
    """Eight indexes, each of whose writers dies six times: 48 points."""
    folder = tmp_path / "index"
    truth = work.create(folder, [f"n-{i}" for i in range(40)])
    rng = np.random.default_rng([20261121, seed])
    call_of = getattr(work, rule)
    first = 0
    for _ in range(DEATHS):
        child = children.start("go_on", folder=folder, rule=rule, seed=seed, first=first)
        child.hear(1 + int(rng.integers(0, 12 if rule == "operation" else 4)))
        time.sleep(float(rng.uniform(0, 0.03)))
        child.kill()
        acknowledged = len(child.said) - 1
        for number in range(first, first + acknowledged):
            truth = work.after(truth, call_of(seed, number))
        first += acknowledged
        unheard = work.after(truth, call_of(seed, first))
        with FaissIndex.open(folder, lock_timeout=1) as index:
            found = work.truth_of(index)
            assert found in (truth, unheard)
            if found == unheard:
                truth, first = unheard, first + 1
            work.check(index, truth, seed)
            late = ("upsert", 10**6 + first, ("late-1", "late-2", "n-3"))
            work.perform(index, late)  # the index goes on
            truth = work.after(truth, late)
            work.check(index, truth, seed)
    with FaissIndex.open(folder) as index:
        index.compact()
        work.check(index, truth, seed)
    assert work.strays(folder) == []
    assert first >= DEATHS, "the writers were killed before they wrote: the test proved nothing"
