"""A disk that is full, or a limit on file sizes: told as OutOfSpace, the old state whole, and on it goes with space."""

from __future__ import annotations

import json
import re

import pytest

from index import FaissIndex, versions

STEPS = {
    "upsert": "the disk did not take the write .*Free some space and try again",
    "compact": "the disk is full, no new base was built.*the old base stands. Free some space and try again",
    "keyword": "the disk is full",
    "publish": "Free some space and try again",
    "pointer": "the disk is full",
}


@pytest.mark.parametrize("step", STEPS)
def test_a_limit_on_file_sizes_is_told_and_harms_nothing(children, work, made, step):
    """The system's own limit on the size of files, which every process may set for itself, so this runs anywhere."""
    folder = made(60)
    truth = dict.fromkeys((f"n-{i}" for i in range(60)), 0)
    heard = json.loads(children.run("without_space", folder=folder, step=step).said[-1])
    assert heard["kind"] == "OutOfSpace", heard
    assert re.search(STEPS[step], heard["message"]), heard
    assert heard["whole"], "what stood before the failure did not stand after it"
    assert heard["again"], "with space the same call failed again"
    with FaissIndex.open(folder, lock_timeout=1) as index:
        if step in ("publish", "pointer"):
            assert index.version == "v2"
            truth = dict.fromkeys((f"s-{i}" for i in range(50)), 2)
        elif step != "compact":
            truth |= dict.fromkeys((f"big-{i}" for i in range(2000 if step == "keyword" else 400)), 3)
        work.check(index, truth)
        index.compact()
    assert work.strays(folder) == []
    assert [each.state for each in versions.list_versions(folder)][-1] == "served"


def test_a_disk_that_is_truly_full(children, work):
    """On a small file system of its own, where this user may make one; the limit above stands in for it elsewhere."""
    heard = json.loads(children.run("on_a_small_disk").said[-1])
    if heard["mounted"]:
        assert heard["kind"] == "OutOfSpace", heard
        assert (heard["whole"], heard["again"]) == (True, True), heard
    else:
        assert heard["why"]
