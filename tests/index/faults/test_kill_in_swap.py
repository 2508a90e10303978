"""Death at each point of staging, filling, publishing, going back and pruning: old or new is served, never neither."""

from __future__ import annotations

import shutil
import signal

import numpy as np
import pytest

from index import FaissIndex, versions
from index.manifest import read_pointer

AT_MOST = 18
NEW = [f"s-{i}" for i in range(50)]


def stage(folder, work):
    return versions.stage(folder, dim=work.DIM, fingerprint="print-2", schema=work.SCHEMA, config=work.FLAT)


def filled(folder, work):
    """Fill the next version and put it in service; returns its truth."""
    staged = stage(folder, work)
    staged.upsert(work.record(name, 2) for name in NEW)
    versions.publish(folder, staged, expected=50)
    return dict.fromkeys(NEW, 2)


@pytest.fixture
def template(made, work):
    """Which folder each step starts from: one version, or two."""
    one = made(60, "one")
    two = shutil.copytree(one, one.with_name("two"))
    filled(two, work)
    return {"stage": one, "fill": one, "publish": one, "rollback": two, "prune": two}


def chosen(points):
    if points <= AT_MOST:
        return list(range(1, points + 1))
    between = np.random.default_rng(20261121).choice(np.arange(2, points - 6), AT_MOST - 8, replace=False)
    return [1, *sorted(between.tolist()), *range(points - 6, points + 1)]


@pytest.mark.parametrize("step", ["stage", "fill", "publish", "rollback", "prune"])
def test_death_inside_a_step_serves_the_old_version_or_the_new_one(children, work, tmp_path, template, step):
    old, new = dict.fromkeys((f"n-{i}" for i in range(60)), 0), dict.fromkeys(NEW, 2)
    before = old if template[step].name == "one" else new
    allowed = {"publish": (old, new), "rollback": (new, old)}.get(step, (before,))
    folder = tmp_path / "victim"
    shutil.copytree(template[step], folder)
    points = int(children.run("swap", folder=folder, step=step, die=0).said[-1].split()[1])
    assert points > 2
    for die in chosen(points):
        shutil.rmtree(folder)
        shutil.copytree(template[step], folder)
        child = children.start("swap", folder=folder, step=step, die=die)
        assert child.wait() == -signal.SIGKILL, f"point {die} of {points}: {child.text}"
        with FaissIndex.open(folder, lock_timeout=1) as index:
            served = work.truth_of(index)
            assert served in allowed, f"point {die}"
            assert index.version == read_pointer(folder).current
            work.check(index, served)
        assert [each.name for each in versions.list_versions(folder) if each.state == "served"] == [index.version]
        # The step is done again over what the death left, and the next version goes the whole way.
        if step in ("rollback", "prune"):
            if len(read_pointer(folder).published) > 1:
                versions.rollback(folder)
            versions.prune_versions(folder, keep=1)
        assert filled(folder, work) == new
        with FaissIndex.open(folder, fingerprint="print-2") as index:
            work.check(index, new)
        versions.prune_versions(folder, keep=1)
        assert [path.name for path in folder.glob("v*")] == [index.version], f"point {die} of {points}"
        assert work.strays(folder) == [], f"point {die} of {points}"


def test_death_at_any_moment_of_a_build_beside_the_served_version_is_resumed(children, work, made):
    """Killed again and again while it fills, the build goes on with what it had committed; no reader notices."""
    folder = made(60)
    served = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    truth: dict[str, int] = {}
    rng = np.random.default_rng(20261121)
    first = 0
    with FaissIndex.open(folder) as reader:
        for _ in range(6):
            child = children.start("build_beside", folder=folder, first=first)
            child.hear(2 + int(rng.integers(0, 4)))
            child.kill()
            work.check(reader, served)
            acknowledged = len(child.said) - 1
            for number in range(first, first + acknowledged):
                truth = work.after(truth, work.build(0, number))
            first += acknowledged
            with stage(folder, work) as staged:
                found = work.truth_of(staged)
                assert staged.version == "v2"
                if found != truth:
                    truth, first = work.after(truth, work.build(0, first)), first + 1
                assert found == truth
        staged = stage(folder, work)
        versions.publish(folder, staged, expected=len(truth))
        work.check(reader, served)
    with FaissIndex.open(folder) as index:
        work.check(index, truth)
