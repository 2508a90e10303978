"""One process writes at a time: the second waits or is told, and a dead one's right to write ends with it."""

from __future__ import annotations

import threading

import pytest

from index import FaissIndex, IndexLocked, versions

WRITES = {
    "upsert": lambda index, work: index.upsert([work.record("n-1", 9)]),
    "delete": lambda index, work: index.delete(["n-1"]),
    "compact": lambda index, work: index.compact(),
    "snapshot": lambda index, work: index.snapshot(),
}


@pytest.mark.parametrize("write", WRITES)
def test_a_second_writer_is_told_what_to_do(children, work, made, write):
    folder = made()
    holder = children.start("hold", folder=folder)
    holder.hear(1)
    with FaissIndex.open(folder, lock_timeout=0.1) as second:
        with pytest.raises(IndexLocked, match=r"another process is writing; waited 0\.1 s\. Close it there, or write"):
            WRITES[write](second, work)
        assert second.count() == 60  # it may read all the same
        holder.kill()
        WRITES[write](second, work)


def test_a_second_writer_waits_for_the_first_to_end(children, work, made):
    folder = made()
    holder = children.start("hold", folder=folder, until=str(folder.parent / "go"))
    holder.hear(1)
    with FaissIndex.open(folder, lock_timeout=60) as second:
        thread = threading.Thread(target=second.upsert, args=([work.record("late", 1)],))
        thread.start()
        assert "late" not in work.truth_of(second)
        (folder.parent / "go").touch()
        thread.join(60)
        assert holder.wait() == 0
        assert work.truth_of(second) == dict.fromkeys((f"n-{i}" for i in range(60)), 0) | {"held": 5, "late": 1}


def test_the_steps_of_versions_are_writes_too(children, work, made):
    folder = made()
    holder = children.start("hold", folder=folder)
    holder.hear(1)
    with pytest.raises(IndexLocked, match="another process is writing"):
        versions.stage(folder, dim=work.DIM, fingerprint="x", lock_timeout=0.1)
    holder.kill()
    with versions.stage(folder, dim=work.DIM, fingerprint="x", lock_timeout=0.1) as staged:
        with FaissIndex.open(folder, lock_timeout=0.1) as served, pytest.raises(IndexLocked):
            served.delete(["n-1"])
        assert staged.version == "v2"


@pytest.fixture
def replaced(made, work):
    """An index that was opened before its version was replaced, and the folder."""
    folder = made()
    old = FaissIndex.open(folder, lock_timeout=0.1)
    staged = versions.stage(folder, dim=work.DIM, fingerprint="print-2", schema=work.SCHEMA, config=work.FLAT)
    staged.upsert([work.record("new", 1)])
    versions.publish(folder, staged)
    yield old, folder
    old.close()


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("removed", [False, True])
def test_a_writer_on_a_version_that_was_replaced_or_removed_is_refused(replaced, work, write, removed):
    """What it wrote would be acknowledged and never be seen."""
    old, folder = replaced
    if removed:
        assert versions.prune_versions(folder, keep=1) == ["v1"]
    with pytest.raises(IndexLocked, match=r"version v2 is served now, this is v1\. Open the index again"):
        WRITES[write](old, work)
    with FaissIndex.open(folder, lock_timeout=0.1) as index:  # and it does not keep the right to write
        WRITES[write](index, work)


def test_two_objects_of_one_process_are_two_writers(made, work):
    folder = made()
    with FaissIndex.open(folder) as first, FaissIndex.open(folder, lock_timeout=0.1) as second:
        first.upsert([work.record("a", 1)])
        with pytest.raises(IndexLocked):
            second.upsert([work.record("b", 1)])
        first.close()
        second.upsert([work.record("b", 1)])
        assert second.count() == 62
