"""A writer that notes each call before and after it, and readers that hold every answer against those notes."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import fault_work as work
import numpy as np

from index import FaissIndex
from index.filters.arrays import mask
from index.filters.bind import bind

GRACE = 1.0
"""Seconds after which a write that returned must be seen."""


def write_along(root: Path, log: Path, seconds: float) -> Counter[str]:
    """Call after call, each noted with the clock that all processes of a machine share; how many of which kind."""
    done: Counter[str] = Counter()
    note = os.open(log, os.O_WRONLY | os.O_APPEND)
    until = time.monotonic() + seconds
    number = 0
    with FaissIndex.open(root) as index:
        while time.monotonic() < until:
            call = work.operation(77, number)
            os.write(note, (json.dumps(["begun", number, time.monotonic()]) + "\n").encode())
            work.perform(index, call)
            os.write(note, (json.dumps(["done", number, time.monotonic()]) + "\n").encode())
            done[call[0]] += 1
            number += 1
    return done


@dataclass
class Notes:
    """The writer's notes as far as they were read: what must be there, and which names are in doubt."""

    log: Path
    truth: work.Truth
    applied: int = 0
    at: int = 0
    begun: int = 0
    ended: list[float] = field(default_factory=list)

    def read(self) -> None:
        """Take in the whole lines that were added."""
        with self.log.open("rb") as file:
            file.seek(self.at)
            added = file.read()
        whole = added[: added.rfind(b"\n") + 1]
        self.at += len(whole)
        for line in whole.splitlines():
            kind, number, moment = json.loads(line)
            if kind == "begun":
                self.begun = number + 1
            else:
                self.ended.append(moment)

    def settle(self, before: float) -> None:
        """Apply the calls that had returned by then."""
        while self.applied < len(self.ended) and self.ended[self.applied] < before:
            self.truth = work.after(self.truth, work.operation(77, self.applied))
            self.applied += 1

    def in_doubt(self) -> dict[str, set[int]]:
        """The names that calls not yet settled touch, with the marks they may have besides their settled one."""
        names: dict[str, set[int]] = {}
        for number in range(self.applied, self.begun):
            what, mark, touched = work.operation(77, number)
            if what in ("upsert", "delete"):
                for name in touched:
                    names.setdefault(name, set()).update([mark] if what == "upsert" else [])
        return names


def read_along(root: Path, log: Path, seconds: float, seed: int, rows: int = 60) -> dict[str, object]:
    """Search in every way until the time is over; what was wrong, and how much was looked at."""
    rng = np.random.default_rng([20261121, seed])
    notes = Notes(log, dict.fromkeys((f"n-{i}" for i in range(rows)), 0))
    faults: list[str] = []
    counts = Counter({"searches": 0, "words": 0, "checked": 0})
    until = time.monotonic() + seconds
    with FaissIndex.open(root) as index:
        while time.monotonic() < until and not faults:
            where = work.WHERES[int(rng.integers(len(work.WHERES)))]
            asked = work.record(f"query {rng.integers(50)}", seed).vector
            started = time.monotonic()
            by_words = counts["searches"] % 10 == 9
            if by_words:
                ids, scores, k = index.keyword("red", 10_000, where).ids[0], None, 10_000
            else:
                k = int(rng.choice([1, 10, 10_000]))
                found = index.search(asked[None], k, where)
                ids, scores = found.ids[0], found.scores[0]
            notes.read()  # after the answer, so that every call it may have seen has begun in the notes
            notes.settle(started - GRACE)
            counts["words" if by_words else "searches"] += 1
            if by_words:
                counts["searches"] += 1
            counts["checked"] += len(ids)
            faults += wrong(notes, ids, scores, asked, k, where)
    return {**counts, "faults": faults[:5], "settled": notes.applied}


def wrong(
    notes: Notes, ids: list[str], scores: np.ndarray | None, asked: np.ndarray, k: int, where: work.Filter | None
) -> list[str]:
    """What the answer says that no moment within the grace could say, and what it lacks."""
    doubt = notes.in_doubt()
    sure = {name: mark for name, mark in notes.truth.items() if name not in doubt}
    faults = [f"{name} twice" for name, times in Counter(ids).items() if times > 1]
    known: dict[str, list[work.Record]] = {name: [work.record(name, mark)] for name, mark in sure.items()}
    for name, marks in doubt.items():
        old = {notes.truth[name]} if name in notes.truth else set()
        known[name] = [work.record(name, mark) for mark in marks | old]
    fitting = {name: [each for each in rows if fits(each, where)] for name, rows in known.items()}
    for place, name in enumerate(ids):
        rows = fitting.get(name, [])
        if not rows:
            faults.append(f"{name}: deleted over a second before, or not what the filter {where} allows")
        elif scores is not None and not any(abs(float(each.vector @ asked) - scores[place]) < 1e-5 for each in rows):
            faults.append(f"{name}: scored {scores[place]}, no vector it had within the second gives that")
    last = float(scores[-1]) if scores is not None and len(ids) == k else -np.inf
    there = set(ids)
    late = (name for name in sure if name not in there and fitting[name])
    lacking = (name for name in late if scores is None or float(fitting[name][0].vector @ asked) > last + 1e-5)
    faults += [f"{name}: written over a second before, and not found by {where}, k = {k}" for name in lacking]
    return faults


def fits(row: work.Record, where: work.Filter | None) -> bool:
    """Whether the filter allows the record, by the oracle's own way."""
    if where is None:
        return True
    return bool(mask(bind(where, work.SCHEMA), [work.SCHEMA.values(row.payload)])[0])
