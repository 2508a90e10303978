"""A folder that may not be written: everything can be read, every write says so, and nothing is left there."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import pytest

from index import FaissIndex


@pytest.fixture
def locked_away(made):
    """Shuts a folder's copy against writing, in a place that any user can reach (pytest's own is not)."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)

    def shut(folder):
        copy = Path(shutil.copytree(folder, place / "index"))
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        return copy

    yield shut
    for path in (place, *place.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(place)


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_all_reading_works_and_every_write_is_refused(children, locked_away, made):
    copy = locked_away(made())
    before = names(copy)
    heard = json.loads(children.run("read_only", folder=copy).said[-1])
    assert heard.pop("answers") == {"rows": 60, "found": "n-7", "got": "n-7", "odd": True, "words": True}
    assert set(heard) == {"upsert", "delete", "compact", "snapshot", "stage", "rollback", "prune"}
    for step, told in heard.items():
        kind, message = told
        assert kind == "IndexReadOnly", f"{step}: {told}"
        assert "may not be written" in message, f"{step}: {told}"
        assert str(copy) in message, f"{step}: {told}"
    assert names(copy) == before


@pytest.fixture
def killed(children, made):
    """A folder whose writer was killed, its writes still in the log."""
    folder = made()
    child = children.start("go_on", folder=folder, rule="build", seed=1, first=0, last=3)
    child.hear(4)
    child.wait()
    child = children.start("hold", folder=folder, until=str(folder.parent / "never"))
    child.hear(1)
    child.kill()
    assert (folder / "v1" / "notes.sqlite-wal").stat().st_size
    return folder


def test_what_a_killed_writer_left_in_the_log_is_read(children, locked_away, killed):
    with FaissIndex.open(shutil.copytree(killed, killed.with_name("copy"))) as index:
        rows = index.count()
    heard = json.loads(children.run("read_only", folder=locked_away(killed)).said[-1])
    assert heard["answers"]["rows"] == rows > 120


def test_a_log_that_cannot_be_read_without_writing_is_told(children, locked_away, killed):
    (killed / "v1" / "notes.sqlite-shm").unlink()  # as where the folder was copied without it
    heard = json.loads(children.run("read_only", folder=locked_away(killed)).said[-1])
    assert heard["open"][0] == "IndexReadOnly"
    assert "Open it once where it may be written, close it, and copy it again." in heard["open"][1]


def test_words_that_are_behind_are_told_apart_from_a_failure(children, locked_away, killed):
    """What the killed writer stored last is in no word index, and none can be brought up to date here."""
    heard = json.loads(children.run("read_only", folder=locked_away(killed)).said[-1])
    assert heard["answers"]["found"] == "n-7"
    assert str(heard["answers"]["words"]).startswith("IndexReadOnly: ")
    assert "Open the index once where it may be written" in heard["answers"]["words"]
