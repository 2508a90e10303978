"""Days folded in one by one, in any order, cut anywhere, equal mining all at once; bit for bit."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from training.mining import days, sums
from training.mining.config import Bounds, MiningConfig
from training.mining.database import Resources
from training.mining.errors import MiningError, NothingMined, StateMismatch
from training.mining.mine import Task, mine
from training.mining.writing import read_about

ONE = Resources(memory=0.5, threads=1)
DAY = 86_400
LOOSE = Bounds(at_least=0.0, at_most=math.inf)


@st.composite
def logs_in_parts(draw):
    """Events over three days with gaps of hours, so that windows cross midnight; each event in one part or in two."""
    event = st.tuples(
        st.sampled_from(["kim", "lee", "用户", "ann"]),
        st.sampled_from(["a", "b", "c", "d", "笔记", "f"]),
        st.integers(0, 11).map(lambda step: 1.6e9 + step * DAY / 4),
        st.sampled_from(["view", "click"]),
    )
    events = draw(st.lists(event, min_size=12, max_size=50))
    parts = draw(st.lists(st.sampled_from([(0,), (1,), (2,), (0, 2)]), min_size=len(events), max_size=len(events)))
    if draw(st.booleans()):  # by day, as is usual
        parts = [(int((time - 1.6e9) // DAY),) for _, _, time, _ in events]
    config = MiningConfig(
        mode=draw(st.sampled_from(["sequence", "together"])),
        window=draw(st.sampled_from([DAY / 2, DAY, math.inf])),
        weights=draw(st.sampled_from([{}, {"view": 1.0, "click": 3.0}])),
        max_notes=draw(st.sampled_from([0, 2, 3])),
    )
    bounds = Bounds(at_least=draw(st.sampled_from([0.0, 0.2])), normalize=draw(st.booleans()), top=3)
    return events, parts, config, bounds, draw(st.permutations([0, 1, 2]))


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=logs_in_parts())
def test_days_equal_the_whole(logs, case):
    rows, parts, config, bounds, order = case
    events = [logs.Event(*row) for row in rows]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        patch.setattr(sums, "SLICE", 5)
        expected = logs.oracle(events, config, bounds)
        last = None
        for part in order:
            some = [event for event, places in zip(events, parts, strict=True) if part in places]
            if not some:
                continue
            file = logs.write(folder / f"{part}.parquet", some)
            try:
                last = mine(Task(file, config, bounds), folder / "days.parquet", folder / "state", ONE)
            except NothingMined:
                last = None
        if not expected:
            assert last is None
            return
        assert logs.read(folder / "days.parquet") == expected
        whole = mine(
            Task(logs.write(folder / "all.parquet", events), config, bounds), folder / "whole.parquet", resources=ONE
        )
        assert pq.read_table(folder / "days.parquet").equals(pq.read_table(folder / "whole.parquet"))
        assert last is not None
        counts = {"candidates", "removed", "pairs", "notes_with_pairs", "users", "notes", "meetings", "capped"}
        for count in counts:
            assert getattr(last.report, count) == getattr(whole.report, count)


@pytest.fixture
def week(logs, tmp_path):
    """Three days of events: files, all events, and a task of each."""
    events = [
        logs.Event(f"u{(day * 3 + i) % 5}", f"n{(i * i + day) % 9}", 1.6e9 + day * DAY + i * 1800)
        for day in range(3)
        for i in range(40)
    ]
    files = [logs.write(tmp_path / f"day{day}.parquet", events[day * 40 : day * 40 + 40]) for day in range(3)]
    return files, events


def test_a_day_folded_in_twice_counts_once(logs, week, tmp_path):
    files, events = week
    out, state = tmp_path / "pairs.parquet", tmp_path / "state"
    for file in files:
        mine(Task(file, bounds=LOOSE), out, state, ONE)
    before = out.read_bytes()
    again = mine(Task(files[1], bounds=LOOSE), out, state, ONE)
    assert out.read_bytes() == before
    assert again.report.read == 120
    assert "folded in before" in again.remarks[0]
    assert logs.read(out) == logs.oracle(events, MiningConfig(), LOOSE)
    assert read_about(out)["counts"]["used"] == 120


def test_earlier_files_are_not_needed_again_and_users_who_did_nothing_are_left_alone(logs, week, tmp_path):
    import duckdb

    files, events = week
    out, state = tmp_path / "pairs.parquet", tmp_path / "state"
    mine(Task(files[0], bounds=LOOSE), out, state, ONE)
    files[0].unlink()

    def meetings():
        ids = 'JOIN users u ON u.code = "user" JOIN notes n ON n.code = note'
        with duckdb.connect(str(state / days.FILE)) as connection:
            return set(connection.execute(f"SELECT u.id, n.id, viewed FROM meetings {ids}").fetchall())

    before = meetings()
    old = next(event.note for event in events[:40] if event.user == "u1")
    late = [logs.Event("u1", old, 1.6e9 + 5 * DAY), logs.Event("u1", "new", 1.6e9 + 5 * DAY)]
    mine(Task(logs.write(tmp_path / "late.parquet", late), bounds=LOOSE), out, state, ONE)
    assert meetings() - before == {("u1", "new", int((1.6e9 + 5 * DAY) * 1e6))}
    assert before <= meetings()
    assert logs.read(out) == logs.oracle(events[:40] + late, MiningConfig(), LOOSE)


def test_bounds_and_windows_may_change_between_days_but_what_counts_as_an_event_may_not(logs, week, tmp_path):
    files, events = week
    out, state = tmp_path / "pairs.parquet", tmp_path / "state"
    mine(Task(files[0]), out, state, ONE)
    mine(Task(files[1]), out, state, ONE)
    narrow, other = (
        Bounds(min_users=2, top=2, normalize=True),
        MiningConfig(mode="together", window=6 * 3600.0, max_notes=4),
    )
    mine(Task(files[2], other, narrow), out, state, ONE)
    assert logs.read(out) == logs.oracle(events, other, narrow)
    before = out.read_bytes()
    with pytest.raises(StateMismatch, match=r"other events .*begin a new folder"):
        mine(Task(files[2], MiningConfig(min_rating=3.0)), out, state, ONE)
    assert out.read_bytes() == before


def test_days_need_times(logs, tmp_path):
    file = logs.write(tmp_path / "log.csv", [logs.Event("u", "a"), logs.Event("u", "b")])
    with pytest.raises(MiningError, match="no times"):
        mine(Task(file), tmp_path / "pairs.parquet", tmp_path / "state", ONE)
    assert not (tmp_path / "state").exists()
