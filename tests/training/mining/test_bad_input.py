"""What cannot be mined says why, leaves no output, and leaves an older output as it was."""

from __future__ import annotations

import errno
import math
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from retrieval.interactions.columns import InteractionsError
from training.mining import sums
from training.mining.config import Bounds, MiningConfig
from training.mining.database import Resources
from training.mining.errors import MiningError, NothingMined
from training.mining.mine import Task, mine
from training.mining.writing import read_about

ONE = Resources(memory=0.5, threads=1)


def pairs_of(path):
    return [(row["note"], row["positive"]) for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def out(tmp_path):
    """A place with an older output."""
    place = tmp_path / "pairs.parquet"
    place.write_bytes(b"older")
    return place


@pytest.fixture
def log(logs, tmp_path):
    """Write events of one user, (note, time, kind) each."""

    def write(*rows):
        return logs.write(tmp_path / "log.csv", [logs.Event("u", *row) for row in rows])

    return write


TIMED = (("a", 1.6e9, "view"), ("b", 1.6e9 + 1, "click"), ("c", 1.6e9 + 2, "click"))
UNTIMED = (("a", None, "view"), ("b", None, "click"))


@pytest.mark.parametrize(
    ("rows", "config", "bounds", "said"),
    [
        (UNTIMED, {"window": 60.0}, {}, "a window needs interactions with times"),
        (UNTIMED, {"mode": "sequence"}, {}, "who met which note first is not known"),
        (UNTIMED, {"view": ("view",)}, {}, "need times"),
        (TIMED, {"weights": {"klick": 1.0}}, {}, "no event of kind klick; its kinds are: click, view"),
        (TIMED, {"click": ("klick",)}, {}, "no event of kind klick"),
        (TIMED, {"min_rating": 3.0}, {}, "no column for the rating"),
        (TIMED, {"window": 0.5}, {}, "none of 1 users met two notes within the window"),
        (TIMED, {}, {"min_users": 2}, "of 3 that anyone met, none is left; 3 below --min-users"),
        (TIMED, {}, {"at_least": 0.5}, "3 below --at-least"),
        (TIMED, {}, {"at_least": 0.0, "at_most": 0.1}, "3 above --at-most"),
    ],
)
def test_what_cannot_be_mined_says_why(log, out, rows, config, bounds, said):
    with pytest.raises((MiningError, InteractionsError), match=said):
        mine(Task(log(*rows), MiningConfig(**config), Bounds(**bounds)), out, resources=ONE)
    assert out.read_bytes() == b"older"
    assert sorted(path.name for path in out.parent.iterdir()) == ["log.csv", "pairs.parquet"]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("user,item,time\n", NothingMined, "no rows"),
        ("", InteractionsError, "no column for the user"),
        ("user,thing\nu,a\n", InteractionsError, "no column for the note"),
        ("user,item,time\nu,a,soon\nu,b,\n,c,5\nu, ,5\n", NothingMined, "no event of 4 counts; 4 broken"),
    ],
)
def test_files_without_events(out, tmp_path, text, error, said):
    file = tmp_path / "log.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(error, match=said):
        mine(Task(file), out, resources=ONE)
    assert out.read_bytes() == b"older"


def test_broken_rows_are_counted_and_the_others_mined(out, tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("user,item,time\nu,a,5\nu,b,6,7\n\u3000,c,5\nu,c,never\nu,笔记,2020-01-01\nu,d,7000\n", "utf-8")
    mined = mine(Task(file), out, resources=ONE)
    assert (mined.report.read, mined.report.broken, mined.report.used) == (6, 3, 3)
    assert pairs_of(out) == [("a", "d")]  # 2020 is more than a week after 1970
    assert read_about(out)["counts"]["broken"] == 3


def test_times_of_every_kind_are_read_alike(out, tmp_path):
    """Milliseconds, ISO text and timestamps to the microsecond; a window's edge is inside."""
    micros = [1_600_000_000_000_001, 1_600_000_060_000_001, 1_600_000_060_000_002]
    table = pa.table({"user": ["u"] * 3, "item": ["a", "b", "c"], "time": pa.array(micros, pa.timestamp("us"))})
    pq.write_table(table, tmp_path / "log.parquet")
    mine(Task(tmp_path / "log.parquet", MiningConfig(window=60.0)), out, resources=ONE)
    assert pairs_of(out) == [("a", "b"), ("b", "c")]


def test_a_window_longer_than_time_is_none(log, out):
    mine(Task(log(*TIMED), MiningConfig(window=1e300)), out, resources=ONE)
    assert pairs_of(out) == [("a", "b"), ("a", "c"), ("b", "c")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"weights": {"click": 0.0}},
        {"weights": {"click": math.inf}},
        {"weights": {"click": 1.0}, "view": ("view",)},
        {"mode": "together", "click": ("click",)},
        {"window": 0.0},
        {"window": math.nan},
        {"max_notes": -1},
    ],
)
def test_options_that_say_nothing_are_refused(wrong):
    with pytest.raises(ValidationError):
        MiningConfig(**wrong)


def test_bounds_that_allow_nothing_are_refused():
    with pytest.raises(ValidationError, match="at least 5 and at most 1"):
        Bounds(at_least=5.0, at_most=1.0)


CHILD = """
import os, signal, sys
from pathlib import Path
import training.mining.mine as mining
import training.mining.writing as writing
def die(*_): os.kill(os.getpid(), signal.SIGKILL)
target = {"choose": (mining, "choose"), "write": (writing, "write_atomically"), "merge": (mining.Log, "merge")}
setattr(*target[sys.argv[1]], die)
days = Path(sys.argv[4]) if len(sys.argv) > 4 else None
mining.mine(mining.Task(Path(sys.argv[2])), Path(sys.argv[3]), days)
"""


def killed(where, *paths):
    done = subprocess.run([sys.executable, "-c", CHILD, where, *map(str, paths)], cwd=Path.cwd(), check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_killed_run_leaves_the_older_output_and_the_next_one_cleans_up(log, out):
    file = log(*TIMED)
    killed("choose", file, out)
    assert out.read_bytes() == b"older"
    mine(Task(file), out, resources=ONE)
    assert pairs_of(out) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert sorted(path.name for path in out.parent.iterdir()) == ["log.csv", "pairs.parquet"]


@pytest.mark.parametrize("where", ["merge", "write"])
def test_a_day_whose_folding_was_killed_is_in_wholly_or_not_at_all(logs, out, tmp_path, where):
    events = [logs.Event("u", f"n{i}", 1.6e9 + i * 3600) for i in range(40)]
    first, second = (logs.write(tmp_path / f"{i}.csv", events[20 * i : 20 * i + 20]) for i in range(2))
    state = tmp_path / "state"
    mine(Task(first), out, state, ONE)
    before = out.read_bytes()
    killed(where, second, out, state)
    assert out.read_bytes() == before
    again = mine(Task(second), out, state, ONE)
    assert bool(again.remarks) == (where == "write")  # it was folded in already
    assert again.report.read == 40
    assert logs.read(out) == logs.oracle(events, MiningConfig(), Bounds())


def test_two_runs_into_one_output_do_not_meet(log, out):
    from training.mining.workspace import workspace

    with workspace(out), pytest.raises(MiningError, match="another run is mining"):
        mine(Task(log(*TIMED)), out, resources=ONE)
    mine(Task(log(*TIMED)), out, resources=ONE)


def test_a_full_disk_is_said_and_leaves_the_older_output(log, out, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sums, "to_files", full)
    with pytest.raises(MiningError, match="the disk is full"):
        mine(Task(log(*TIMED)), out, resources=ONE)
    assert out.read_bytes() == b"older"
    assert sorted(path.name for path in out.parent.iterdir()) == ["log.csv", "pairs.parquet"]


def test_the_interactions_are_not_written_over(log):
    file = log(*TIMED)
    before = file.read_bytes()
    with pytest.raises(MiningError, match="write the pairs elsewhere"):
        mine(Task(file), file, resources=ONE)
    assert file.read_bytes() == before


def test_a_place_that_cannot_be_written(log, tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MiningError, match="cannot be written"):
        mine(Task(log(*TIMED)), tmp_path / "file" / "pairs.parquet", resources=ONE)
