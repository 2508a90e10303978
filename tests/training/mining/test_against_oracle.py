"""What is mined equals naive loops, bit for bit, whatever the log, the options, and how little is done at a time."""

from __future__ import annotations

import math
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.interactions.events import read_events
from training.mining import reading, sums
from training.mining.config import Bounds, MiningConfig
from training.mining.database import Resources
from training.mining.errors import MiningError
from training.mining.mine import Task, mine

USERS = ['u"1', "u'2", "用户 3", "u,4", "u\n5", "NA"]
NOTES = ["b", "a", '"', "笔记", "x\ny", "'; DROP TABLE notes; --", "null"]
KINDS = ["view", "click", "like"]
ONE = Resources(memory=0.5, threads=1)


@st.composite
def logs_and_options(draw):
    timed = draw(st.sampled_from([True, True, True, False]))
    event = st.tuples(
        st.sampled_from(USERS),
        st.sampled_from(NOTES),
        st.integers(0, 12).map(lambda step: 1.6e9 + step / 4) if timed else st.none(),
        st.sampled_from(KINDS),
        st.sampled_from([1.0, 3.0, 5.0]),
    )
    events = draw(st.lists(event, min_size=8, max_size=60))
    mode = draw(st.sampled_from(["sequence", "together", None])) if timed else None
    weights = draw(st.sampled_from([{}, {}, {"view": 1.0, "like": 1.0}, {"view": 0.5, "click": 2.0, "like": 3.0}]))
    sides = draw(st.sampled_from([((), ()), (("view",), ("like",)), ((), ("like",)), (("view", "like"), ())]))
    view, click = sides if timed and mode != "together" else ((), ())
    config = MiningConfig(
        mode=mode,
        window=draw(st.sampled_from([None, 0.25, 1.0, math.inf])) if timed else None,
        weights=weights,
        view=view,
        click=click,
        min_rating=draw(st.sampled_from([None, None, 3.0])),
        max_notes=draw(st.sampled_from([0, 2, 3, 500])),
    )
    bounds = Bounds(
        min_users=draw(st.sampled_from([1, 1, 2])),
        at_least=draw(st.sampled_from([0.0, 0.01, 0.25])),
        at_most=draw(st.sampled_from([0.5, 30.0, math.inf])),
        normalize=draw(st.booleans()),
        top=draw(st.sampled_from([1, 2, 10])),
    )
    return events, config, bounds


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(case=logs_and_options(), little=st.sampled_from([1, 3, 1 << 20]))
def test_pairs_equal_those_of_loops(logs, case, little):
    rows, config, bounds = case
    events = [logs.Event(*row) for row in rows]
    expected = logs.oracle(events, config, bounds)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for module, name in ((sums, "SLICE"), (sums, "ROWS"), (reading, "CHUNK")):
            patch.setattr(module, name, little)
        out = Path(folder, "pairs.parquet")
        task = Task(logs.write(Path(folder, "log.parquet"), events), config, bounds)
        named = {kind for kind in config.named if kind not in {e.kind for e in events}}
        if not expected or named:
            with pytest.raises(MiningError):
                mine(task, out, resources=ONE)
            assert not list(Path(folder).glob("pairs*"))
            return
        mined = mine(task, out, resources=ONE)
        assert logs.read(out) == expected
        report, removed = mined.report, mined.report.removed
        assert report.read == len(events) == report.used + report.other_kinds + report.low_ratings
        assert report.pairs == len(expected)
        assert report.notes_with_pairs == len({row[0] for row in expected})
        left = [logs.oracle(events, config, looser) for looser in loosened(bounds)]
        assert report.candidates == len(left[0])
        lost = [removed.min_users, removed.at_least, removed.at_most, removed.top]
        assert lost == [len(more) - len(fewer) for more, fewer in pairwise(left)]


def loosened(bounds: Bounds) -> list[Bounds]:
    """From no bound to all, one more each time, in the order they are applied in."""
    steps = [{"min_users": bounds.min_users}, {"at_least": bounds.at_least}, {"at_most": bounds.at_most}]
    steps.append({"top": bounds.top})
    loose = {"min_users": 1, "at_least": 0.0, "at_most": math.inf, "top": 1000, "normalize": False}
    found = [Bounds.model_validate(loose)]
    for step in steps:
        loose |= step
        found.append(Bounds.model_validate(loose))
    return found


@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("timed", [False, True])
def test_together_without_window_equals_the_evaluations_cooccurrence(logs, tmp_path, normalize, timed):
    rng = np.random.default_rng(3)
    notes = [f"笔记{i}" for i in range(60)]
    looks = {(int(u), int(n)) for u, n in zip(rng.integers(0, 80, 1500), rng.zipf(1.4, 1500) % 60, strict=True)}
    events = [logs.Event(f"u{u}", notes[n], float(rng.integers(0, 10**6)) if timed else None) for u, n in sorted(looks)]
    file = logs.write(tmp_path / "log.csv", events)
    seen = read_events(file, notes).matrix()
    rows = Cooccurrence(seen, min_users=2, normalize=normalize, at_least=0.02, at_most=2.0).rows(np.arange(60)).tocoo()
    expected = {(notes[i], notes[j]): score for i, j, score in zip(rows.row, rows.col, rows.data, strict=True)}

    config = MiningConfig(mode="together", window=math.inf, max_notes=0)
    bounds = Bounds(min_users=2, at_least=0.02, at_most=2.0, normalize=normalize, top=60)
    mine(Task(file, config, bounds), tmp_path / "pairs.parquet", resources=ONE)
    found = {(a, b): score for a, b, score, _ in logs.read(tmp_path / "pairs.parquet")}
    assert len(found) > 500
    assert found == pytest.approx(expected, rel=1e-9)


def test_scores_by_hand(logs, tmp_path):
    week = 7 * 86_400
    kim = [("a", 0, "view"), ("b", 1, "click"), ("c", week, "click"), ("d", week + 1, "click")]
    lee = [("b", 5, "click"), ("a", 6, "view"), ("b", 7, "click"), ("c", 6, "click"), ("d", 8, "click")]
    rows = [("kim", *row) for row in kim] + [("lee", *row) for row in lee]
    events = [logs.Event(user, note, 1.6e9 + time, kind) for user, note, time, kind in rows]
    config = MiningConfig(view=("view",), click=("click",))
    mine(Task(logs.write(tmp_path / "log.csv", events), config), tmp_path / "pairs.parquet", resources=ONE)
    # Kim clicked three notes, d a second after the week. Lee clicked three: b first before the view of a, c at the same
    # moment, only d after it.
    assert logs.read(tmp_path / "pairs.parquet") == [("a", note, 1 / 3, 1) for note in "bcd"]


def test_heavy_users_keep_their_latest_notes_and_their_full_count(logs, tmp_path):
    events = [logs.Event("heavy", f"n{i}", 1.6e9 + i // 2) for i in range(10)]
    config = MiningConfig(mode="together", max_notes=3)
    mined = mine(Task(logs.write(tmp_path / "log.csv", events), config), tmp_path / "pairs.parquet", resources=ONE)
    # n8 and n9 are the latest; of n6 and n7, met at the same time, the smaller id stays. N_u is 10 all the same.
    kept = ["n6", "n8", "n9"]
    assert logs.read(tmp_path / "pairs.parquet") == [(a, b, 1 / 10, 1) for a in kept for b in kept if a != b]
    assert mined.report.capped == 1
    assert mined.report.meetings == 10


def test_without_times_later_rows_are_later_also_across_batches(logs, tmp_path, monkeypatch):
    whole = reading.read_batches

    def in_threes(path, on_broken):
        for batch in whole(path, on_broken):
            yield from (batch.slice(start, 3) for start in range(0, batch.num_rows, 3))

    monkeypatch.setattr(reading, "read_batches", in_threes)
    events = [logs.Event("heavy", f"n{i}") for i in (3, 1, 4, 0, 5, 9, 2, 6, 7, 8)]
    config = MiningConfig(max_notes=3)
    mine(Task(logs.write(tmp_path / "log.csv", events), config), tmp_path / "pairs.parquet", resources=ONE)
    kept = ["n6", "n7", "n8"]
    assert logs.read(tmp_path / "pairs.parquet") == [(a, b, 1 / 10, 1) for a in kept for b in kept if a != b]


@pytest.mark.parametrize("each", [31, 34, 37])
def test_a_score_at_a_bound_is_kept_though_its_shares_are_rounded(logs, tmp_path, each):
    """Three users of 31 (34, 37) notes say 1/31 each, no whole number of units; together 3/31, the bound."""
    notes = {user: ["a", "b", *(f"{user}-{i}" for i in range(each - 2))] for user in ("kim", "lee", "ann")}
    events = [logs.Event(user, note, 1.6e9) for user, some in notes.items() for note in some]
    task = Task(
        logs.write(tmp_path / "log.parquet", events),
        MiningConfig(mode="together"),
        Bounds(min_users=3, at_least=3 / each, at_most=3 / each),
    )
    mine(task, tmp_path / "pairs.parquet", resources=ONE)
    found = logs.read(tmp_path / "pairs.parquet")
    assert [row[:2] for row in found] == [("a", "b"), ("b", "a")]
    assert found[0][2] == pytest.approx(3 / each, rel=1e-10)
