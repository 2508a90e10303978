"""One process writes while four read, for as long as NOTELENS_SOAK_SECONDS says: no error, and nothing stale."""

from __future__ import annotations

import json
import os

import pytest

READERS = 4
SECONDS = float(os.environ.get("NOTELENS_SOAK_SECONDS", "12"))


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 240)
def test_readers_see_each_write_within_a_second_and_never_an_error(children, made, tmp_path):
    """Each answer is compared with every answer that the writes acknowledged a second before it allow.

    A write that was under way, or younger than a second, may be in it or not; all older ones must be. So the one
    second is the readers' only grace, and a slow machine cannot make the test fail, only check less.
    """
    folder = made(60)
    log = tmp_path / "writes.jsonl"
    log.touch()
    readers = [
        children.start("read_along", folder=folder, log=log, seconds=SECONDS, seed=seed) for seed in range(READERS)
    ]
    for reader in readers:
        reader.hear(1)
    writer = children.start("write_along", folder=folder, log=log, seconds=SECONDS)
    assert writer.wait() == 0, writer.text
    for reader in readers:
        assert reader.wait() == 0, reader.text
    done = json.loads(writer.said[-1])
    assert min(done.values()) >= 1, done
    for reader in readers:
        seen = json.loads(reader.said[-1])
        assert seen["faults"] == []
        assert min(seen["searches"], seen["checked"]) >= 20, seen
        assert seen["words"] >= 1, seen
