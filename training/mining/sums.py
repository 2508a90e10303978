"""Scores of all pairs: sums over users, note by note, by sparse products of some millions of pairs at a time.

The anchors come sorted by note. For a slice of them, L [notes, anchors] says which note each is of, R [anchors, N] what
its window shows; L·R adds up. Between slices only the last note's rows wait.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from training.mining.config import MiningConfig
from training.mining.database import Database
from training.mining.errors import MiningError
from training.mining.met import UNIT
from training.mining.windows import MICROS, ROWS, Timeline, to_files, write_timeline

SLICE = 1 << 22  # pairs expanded at a time, some 50 bytes each
WAITING = 16  # slices of one note that wait to be added up
FOREVER = 1e12  # seconds; no two times of the calendar lie so far apart
ANCHOR: dict[str, type[np.generic]] = {
    "note": np.int32,
    '"user"': np.int32,
    "viewed": np.int64,
    "n": np.int64,
    "view_weight": np.float64,
}


@dataclass(frozen=True, slots=True)
class PairSums:
    """K pairs by note: note, positive int32 [K] codes, total int64 [K] units of 1/UNIT, users int32 [K] common ones."""

    note: NDArray[np.int32]
    positive: NDArray[np.int32]
    total: NDArray[np.int64]
    users: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.note)

    def take(self, chosen: Any) -> "PairSums":
        """Some of the pairs, by mask, places or slice."""
        return PairSums(self.note[chosen], self.positive[chosen], self.total[chosen], self.users[chosen])

    @classmethod
    def of_one(cls, parts: "list[Self]") -> "PairSums":
        """Add up the rows of one note, each pair once in a part. Raises MiningError where a sum outgrows 64 bits."""
        if len(parts) == 1:
            return parts[0]
        _check_room(sum(int(part.total.max()) for part in parts))
        positive = np.concatenate([part.positive for part in parts])
        order = np.argsort(positive, kind="stable")
        starts = np.flatnonzero(np.diff(positive[order], prepend=-1))
        total = np.add.reduceat(np.concatenate([part.total for part in parts])[order], starts)
        users = np.add.reduceat(np.concatenate([part.users for part in parts])[order], starts)
        return cls(np.full(len(starts), parts[0].note[0]), positive[order][starts], total, users)


def pair_sums(
    db: Database,
    config: MiningConfig,
    folder: Path,
    on_progress: Callable[[int], None] | None = None,
) -> Iterator[PairSums]:
    """Yield the sums of all pairs of the table `met` that anyone met within the window, in order of notes' codes.

    All pairs of a note come together. folder: for files; on_progress is told of anchors.
    """
    weighted = any(weight != 1 for weight in config.weights.values())
    (notes,) = db.one("SELECT count(*) FROM notes")
    with TemporaryDirectory(dir=folder) as files:
        timeline = write_timeline(db, Path(files) / "timeline", weighted)
        columns = dict(ANCHOR) if weighted else {name: ANCHOR[name] for name in ANCHOR if name != "view_weight"}
        query = "FROM met WHERE viewed IS NOT NULL AND n > 0 ORDER BY note"
        meetings = to_files(db, columns, query, Path(files) / "anchors")
        anchors = _slices(meetings, config, timeline, on_progress)
        yield from _by_note(_added(part, timeline, notes) for part in anchors)


def _by_note(parts: Iterable[PairSums]) -> Iterator[PairSums]:
    """The same sums, so that all of a note come together; parts come in order, and only neighbours share a note."""
    waiting: list[PairSums] = []  # of the last note so far, which may go on
    for sums in parts:
        if waiting and len(sums) and sums.note[0] == waiting[0].note[0]:
            begun = int(np.searchsorted(sums.note, sums.note[0], side="right"))
            waiting.append(sums.take(slice(0, begun)))
            waiting = [PairSums.of_one(waiting)] if len(waiting) >= WAITING else waiting
            sums = sums.take(slice(begun, None))
        if not len(sums):
            continue
        if waiting:
            yield PairSums.of_one(waiting)
        last = int(np.searchsorted(sums.note, sums.note[-1]))
        if last:
            yield sums.take(slice(0, last))
        waiting = [sums.take(slice(last, None))]
    if waiting:
        yield PairSums.of_one(waiting)


@dataclass(frozen=True, slots=True)
class _Anchors:
    """A meetings on the earlier side, by note, each with the part [low, high) of the timeline that its window shows."""

    note: NDArray[np.int32]
    weight: NDArray[np.float64] | None
    n: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def take(self, chosen: slice) -> "_Anchors":
        weight = None if self.weight is None else self.weight[chosen]
        return _Anchors(self.note[chosen], weight, self.n[chosen], self.low[chosen], self.high[chosen])


def _slices(
    meetings: dict[str, NDArray[Any]],
    config: MiningConfig,
    timeline: Timeline,
    on_progress: Callable[[int], None] | None,
) -> Iterator[_Anchors]:
    assert config.window is not None, "the configuration is resolved"
    window = None if config.window >= FOREVER else round(config.window * MICROS)
    for start in range(0, len(meetings["note"]), ROWS):
        part = {name: np.asarray(column[start : start + ROWS]) for name, column in meetings.items()}
        low, high = timeline.shown(part['"user"'], part["viewed"], window, both_ways=config.mode == "together")
        anchors = _Anchors(part["note"], part.get("view_weight"), part["n"], low, high)
        ends = np.cumsum(high - low)
        begin = 0
        while begin < len(ends):
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + SLICE, side="right")))
            yield anchors.take(slice(begin, end))
            begin = end
        if on_progress:
            on_progress(len(ends))


def _added(anchors: _Anchors, timeline: Timeline, notes: int) -> PairSums:
    """Add up what the anchors of a slice see, by note; nobody's note is its own positive."""
    from scipy.sparse import csr_matrix

    lengths = anchors.high - anchors.low
    ends = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(anchors.low - ends[:-1], lengths) + np.arange(ends[-1])
    begins = np.flatnonzero(np.diff(anchors.note, prepend=-1))
    of_note = np.append(begins, len(anchors.note))
    ones = np.ones(len(places), dtype=np.int64)
    seen = csr_matrix((ones, timeline.note[places], ends), shape=(len(lengths), notes))
    shape = (len(begins), len(lengths))
    each = csr_matrix((np.ones(len(lengths), dtype=np.int64), np.arange(len(lengths)), of_note), shape=shape)
    users = each @ seen
    if anchors.weight is None or timeline.weight is None:
        share = np.floor(UNIT / anchors.n + 0.5).astype(np.int64)
        total = csr_matrix((share, each.indices, of_note), shape=shape) @ seen
    else:
        weight = np.repeat(anchors.weight, lengths) * timeline.weight[places]
        share = np.floor(weight * UNIT / np.repeat(anchors.n, lengths) + 0.5).astype(np.int64)
        total = each @ csr_matrix((share, seen.indices, seen.indptr), shape=seen.shape)
    _check_room(int(share.max(initial=0)) * int(users.data.max(initial=0)))
    # Both products are of matrices with the same places, none of them zero, so they list the same pairs in one order.
    note = np.repeat(anchors.note[begins], np.diff(users.indptr))
    sums = PairSums(note, users.indices.astype(np.int32), total.data, users.data.astype(np.int32))
    return sums.take(sums.positive != sums.note)


def _check_room(largest: int) -> None:
    """Refuse sums that may outgrow 64 bits, given how large the largest can be."""
    if largest >= 2**63:
        raise MiningError(
            "so many people met two notes, with such weights, that their sum outgrows 64 bits: give weights near 0.1 "
            "instead of large ones"
        )
