"""The life of versions: staged, filled, checked, served, gone back to, pruned; readers never notice."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from index import FaissIndex, InvalidVersion, versions
from index.manifest import read_pointer


@pytest.fixture
def folder(made):
    return made(60)


@pytest.fixture
def truth():
    return dict.fromkeys((f"n-{i}" for i in range(60)), 0)


def stage(folder, work, fingerprint="print-2"):
    return versions.stage(folder, dim=work.DIM, fingerprint=fingerprint, schema=work.SCHEMA, config=work.FLAT)


def serve(folder, work, mark, rows=40):
    """Put a version of these records in service; its truth."""
    staged = stage(folder, work, f"print-{mark}")
    new = dict.fromkeys((f"s-{i}" for i in range(rows)), mark)
    staged.upsert(work.records(new))
    versions.publish(folder, staged, expected=rows)
    return new


def states(folder):
    return [(each.name, each.state, each.rows, each.fingerprint) for each in versions.list_versions(folder)]


def test_from_staging_to_going_back_twice(folder, work, truth):
    staged = stage(folder, work)
    assert states(folder) == [("v1", "served", 60, "print-1"), ("v2", "unfinished", 0, "print-2")]
    new = dict.fromkeys((f"s-{i}" for i in range(40)), 2)
    staged.upsert(work.records(new))
    versions.publish(folder, staged, expected=40)
    assert states(folder) == [("v1", "kept", 60, "print-1"), ("v2", "served", 40, "print-2")]
    with FaissIndex.open(folder, fingerprint="print-2") as index:
        work.check(index, new)
    assert versions.rollback(folder) == "v1"
    with FaissIndex.open(folder, fingerprint="print-1") as index:
        work.check(index, truth)
        index.delete(["n-1"])  # it may be written again
    assert versions.rollback(folder) == "v2"
    with FaissIndex.open(folder, fingerprint="print-2") as index:
        work.check(index, new)


def test_going_back_walks_through_all_that_were_served(folder, work):
    for mark in (2, 3):
        serve(folder, work, mark)
    assert [versions.rollback(folder) for _ in range(4)] == ["v2", "v1", "v3", "v2"]
    assert versions.rollback(folder, "v1") == "v1"
    with pytest.raises(InvalidVersion, match=r"no version 'v7' that was ever served; it has"):
        versions.rollback(folder, "v7")
    stage(folder, work, "unfinished").close()
    with pytest.raises(InvalidVersion, match="ever served"):
        versions.rollback(folder, "v4")


def test_an_only_version_cannot_be_gone_back_from(folder):
    with pytest.raises(InvalidVersion, match="v1 is its only version, so there is none to go back to"):
        versions.rollback(folder)


def refused(folder, work, truth, message, **options):
    """Publish a version that must not be served, and see the old one served on."""
    staged = stage(folder, work)
    staged.upsert(work.record(f"s-{i}", 2) for i in range(40))
    with pytest.raises(InvalidVersion, match=message):
        versions.publish(folder, staged, **options)
    assert read_pointer(folder).current == "v1"
    with FaissIndex.open(folder, lock_timeout=1) as index:
        work.check(index, truth)
        index.upsert([work.record("n-1", 5)])  # and the right to write is free
    assert [state for _, state, *_ in states(folder)] == ["served", "unfinished"]


def test_a_version_with_the_wrong_count_is_refused(folder, work, truth):
    refused(folder, work, truth, "v2: it holds 40 records, expected 41. Build it again", expected=41)


def test_a_version_whose_records_do_not_find_themselves_is_refused(folder, work, truth, monkeypatch):
    """As with a base whose vectors stand in another order than its names."""
    search = FaissIndex.search

    def crossed(self, vectors, k, where=None):
        return search(self, np.roll(vectors, 1, axis=1) if self.version == "v2" else vectors, k, where)

    monkeypatch.setattr(FaissIndex, "search", crossed)
    staged = stage(folder, work)
    staged.upsert(work.record(f"s-{i}", 2) for i in range(400))
    with pytest.raises(InvalidVersion, match=r"v2: record 's-\d+' does not find itself. Build it again"):
        versions.publish(folder, staged)
    with FaissIndex.open(folder) as index:
        assert index.version == "v1"
        work.check(index, truth)


def test_a_version_that_does_not_reach_its_recall_is_refused(folder, work, truth, monkeypatch):
    info = FaissIndex.info

    def poor(self):
        return info(self) | {"calibration": {"recall": 0.7, "target": 0.95}}

    monkeypatch.setattr(FaissIndex, "info", poor)
    refused(folder, work, truth, r"v2: its recall@10 is 0\.700, expected 0\.950")


def test_an_unfinished_build_of_another_kind_is_begun_anew(folder, work):
    with stage(folder, work) as staged:
        staged.upsert([work.record("half", 1)])
    with stage(folder, work) as again:
        assert (again.version, again.count()) == ("v2", 1)
    with stage(folder, work, "print-3") as other:
        assert (other.fingerprint, other.count()) == ("print-3", 0)
    assert [name for name, *_ in states(folder) if name != "v1"] == [other.version]


def test_readers_of_the_old_version_go_on_through_the_swap(folder, work, truth):
    """One thread searches without a pause from before the staging till after the pruning of nothing it needs."""
    faults: list[str] = []
    stop = threading.Event()
    searches = 0
    reader = FaissIndex.open(folder)

    def read() -> None:
        nonlocal searches
        while not stop.is_set():
            name = f"n-{searches % 60}"
            vector = work.record(name, 0).vector[None]
            answers = (reader.search(vector, 1).ids[0], reader.keyword(name.replace("-", ""), 1).ids[0])
            if answers != ([name], [name]) or reader.count() != 60:
                faults.append(f"{name}: {answers}")
            searches += 1

    thread = threading.Thread(target=read)
    thread.start()
    for mark in (2, 3):
        new = serve(folder, work, mark)
        with FaissIndex.open(folder) as fresh:
            work.check(fresh, new)
    versions.prune_versions(folder, keep=3)
    before = searches
    while searches < before + 20 and not faults and thread.is_alive():
        stop.wait(0.01)
    stop.set()
    thread.join(60)
    assert faults == []
    assert searches > before
    work.check(reader, truth)
    reader.close()


def test_pruning_keeps_what_is_served_and_what_was_last_before_it(folder, work):
    for mark in (2, 3, 4):
        serve(folder, work, mark)
    with stage(folder, work, "unfinished"):
        pass
    assert versions.prune_versions(folder, keep=2) == ["v1", "v2", "v5"]
    assert [name for name, *_ in states(folder)] == ["v3", "v4"]
    assert versions.rollback(folder) == "v3"
    assert versions.prune_versions(folder, keep=1) == ["v4"]
    assert sorted(path.name for path in folder.glob("v*")) == ["v3"]
    with FaissIndex.open(folder) as index:
        assert index.count() == 40
