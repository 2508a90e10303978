"""Logs of events, written to files; and what mining must find in them, by dictionaries and loops."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from training.mining.config import Bounds, MiningConfig


class Event(NamedTuple):
    """One row of an interactions file."""

    user: str
    note: str
    time: float | None = None
    kind: str | None = None
    rating: float | None = None


def write_log(path: Path, events: list[Event]) -> Path:
    """Write events with the columns that any of them has a value for."""
    columns = {"uid": [e.user for e in events], "item": [e.note for e in events]}
    types = {
        "uid": pa.string(),
        "item": pa.string(),
        "time": pa.float64(),
        "action": pa.string(),
        "stars": pa.float64(),
    }
    for name, field in (("time", "time"), ("action", "kind"), ("stars", "rating")):
        values = [getattr(e, field) for e in events]
        if any(value is not None for value in values):
            columns[name] = values
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow(columns)
            rows = zip(*columns.values(), strict=True)
            csv.writer(file).writerows([["" if cell is None else cell for cell in row] for row in rows])
    else:
        pq.write_table(pa.table({name: pa.array(column, types[name]) for name, column in columns.items()}), path)
    return path


def oracle(events: list[Event], config: MiningConfig, bounds: Bounds) -> list[tuple[str, str, float, int]]:
    """Pairs (note, positive, score, common users) in the order they are to be written in."""
    timed = any(e.time is not None for e in events)
    sequence = (config.mode or ("sequence" if timed else "together")) == "sequence"
    window = config.window if config.window is not None else (7 * 24 * 3600 if timed else math.inf)

    def counts(event: Event, side: tuple[str, ...]) -> bool:
        if config.min_rating is not None and (event.rating is None or event.rating < config.min_rating):
            return False
        if config.weights and event.kind not in config.weights:
            return False
        return not (sequence and side) or event.kind in side

    # user -> note -> (time, weight) of the earliest, and of the heaviest, event of a side
    viewed: dict[str, dict[str, tuple[float, Fraction]]] = defaultdict(dict)
    clicked: dict[str, dict[str, tuple[float, Fraction]]] = defaultdict(dict)
    for row, event in enumerate(events):
        time = row if event.time is None else event.time
        weight = Fraction(config.weights.get(event.kind or "", 1.0))
        for met, side in ((viewed, config.view), (clicked, config.click)):
            if counts(event, side):
                old_time, old_weight = met[event.user].get(event.note, (time, weight))
                met[event.user][event.note] = (min(old_time, time), max(old_weight, weight))

    shares: dict[tuple[str, str], list[Fraction]] = defaultdict(list)
    view_mass: dict[str, Fraction] = defaultdict(Fraction)
    click_mass: dict[str, Fraction] = defaultdict(Fraction)
    for user in {*viewed, *clicked}:
        views, clicks = viewed.get(user, {}), clicked.get(user, {})
        n = len(clicks)
        notes = {note: min(side[note][0] for side in (views, clicks) if note in side) for note in {*views, *clicks}}
        latest = sorted(notes, key=lambda note: (-notes[note], note))
        kept = set(latest[: config.max_notes] if config.max_notes else latest)
        if not n:
            continue
        for a in kept & set(views):
            view_mass[a] += views[a][1] ** 2 / n
        for b in kept & set(clicks):
            click_mass[b] += clicks[b][1] ** 2 / n
        for a in kept & set(views):
            for b in kept & set(clicks):
                apart = clicks[b][0] - views[a][0]
                near = 0 < apart <= window if sequence else abs(apart) <= window
                if a != b and near:
                    shares[a, b].append(views[a][1] * clicks[b][1] / n)

    of_note: dict[str, list[tuple[float, str, int]]] = defaultdict(list)
    for (a, b), some in shares.items():
        s = sum(some)
        if len(some) >= bounds.min_users and bounds.at_least <= float(s) <= bounds.at_most:
            score = float(s)
            if bounds.normalize:
                score = score / math.sqrt(float(view_mass[a]) * float(click_mass[b]))
            of_note[a].append((-score, b, len(some)))
    return [(a, b, -minus, users) for a in sorted(of_note) for minus, b, users in sorted(of_note[a])[: bounds.top]]


def read_rows(path: Path) -> list[tuple[Any, ...]]:
    """The rows of a file of pairs, as `oracle` returns them."""
    return [tuple(row.values()) for row in pq.read_table(path).to_pylist()]


@pytest.fixture(scope="session")
def logs() -> SimpleNamespace:
    """Event, write_log, oracle and read_rows."""
    return SimpleNamespace(Event=Event, write=write_log, oracle=oracle, read=read_rows)
