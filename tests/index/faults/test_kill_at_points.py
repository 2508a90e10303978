"""Death at each point inside a call: before every name that changes, every sync and every kind of SQL statement."""

from __future__ import annotations

import shutil
import signal

import numpy as np
import pytest

from index import FaissIndex

CALLS = {
    "upsert": ("upsert", 7, tuple(f"n-{i}" for i in range(30, 80))),
    "delete": ("delete", 7, tuple(f"n-{i}" for i in range(20, 50))),
    "compact": ("compact", 7, ()),
    "snapshot": ("snapshot", 7, ()),
    "keyword": ("keyword", 7, ()),
}
AT_MOST = 16


def points_of(children, job, folder, **arguments):
    """How many points the job has, found by letting it live."""
    return int(children.run(job, folder=folder, die=0, **arguments).said[-1].split()[1])


def chosen(points, seed):
    """All of them, or a seeded choice with the first and the last seven."""
    if points <= AT_MOST:
        return list(range(1, points + 1))
    between = np.random.default_rng(seed).choice(np.arange(2, points - 6), AT_MOST - 8, replace=False)
    return [1, *sorted(between.tolist()), *range(points - 6, points + 1)]


@pytest.fixture
def written(made, work):
    """An index with 60 rows in its base, and 40 written, 10 removed and not a word read since; and its truth."""
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    calls = (("upsert", 1, tuple(f"n-{i}" for i in range(40, 80))), ("delete", 2, tuple(f"n-{i}" for i in range(10))))
    index = FaissIndex.open(folder)
    for call in calls:
        work.perform(index, call)
        truth = work.after(truth, call)
    kept = shutil.copytree(folder, folder.with_name("kept"))  # before close(), which would build a base
    index.close()
    return kept, truth


@pytest.mark.parametrize("name", CALLS)
def test_death_inside_a_call_leaves_the_state_before_or_after_it(children, work, tmp_path, written, name):
    template, before = written
    what, mark, names = call = CALLS[name]
    arguments = {"what": what, "mark": mark, "names": list(names)}
    folder = tmp_path / "victim"
    shutil.copytree(template, folder)
    points = points_of(children, "call_once", folder, **arguments)
    assert points > 2
    for die in chosen(points, 20261121):
        shutil.rmtree(folder)
        shutil.copytree(template, folder)
        child = children.start("call_once", folder=folder, die=die, **arguments)
        assert child.wait() == -signal.SIGKILL, f"point {die} of {points} was not reached: {child.text}"
        with FaissIndex.open(folder, lock_timeout=1) as index:
            truth = work.truth_of(index)
            assert truth in (before, work.after(before, call)), f"point {die}"
            gone = ("delete", 0, ("n-41", "n-60", "n-79"))
            work.perform(index, gone)
            truth = work.after(truth, gone)
            work.check(index, truth)
            index.compact()
            work.check(index, truth)
        assert work.strays(folder) == [], f"point {die}"


def test_death_inside_creation_leaves_a_folder_in_which_it_can_be_done_again(children, work, tmp_path):
    points = points_of(children, "create", tmp_path / "whole")
    for die in chosen(points, 1):
        folder = tmp_path / f"{die}"
        assert children.start("create", folder=folder, die=die).wait() == -signal.SIGKILL
        if not (folder / "index.json").exists():
            assert work.create(folder, ["a", "b"])
        with FaissIndex.open(folder, lock_timeout=1) as index:
            work.perform(index, ("upsert", 3, ("a", "c")))
            assert work.truth_of(index)["c"] == 3
            index.compact()
        assert work.strays(folder) == []
