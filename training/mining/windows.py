"""What each user met when, as files of arrays in the order of time, and the part of it that a window shows."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.mining.database import Database

ROWS = 1 << 18  # rows fetched from the database at a time
MICROS = 1e6  # times are whole microseconds
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """M meetings on the later side, by user and time; mapped from files, so their number is not bound by memory.

    note: int32 [M], codes. time: int64 [M], microseconds. weight: float64 [M], None where all are 1. starts: int64
    [U + 1], those of user u are starts[u]:starts[u + 1].
    """

    note: NDArray[np.int32]
    time: NDArray[np.int64]
    weight: NDArray[np.float64] | None
    starts: Places

    def shown(
        self, user: NDArray[np.int32], time: NDArray[np.int64], window: int | None, both_ways: bool
    ) -> tuple[Places, Places]:
        """The meetings [low, high) of each user within a window of a time; int64 [A] each.

        window: microseconds, None without end. both_ways: as far before the time as after it, both ends included; else
        after it alone, the time itself excluded.
        """
        start, end = self.starts[user], self.starts[user.astype(np.int64) + 1]
        if both_ways:
            low = start if window is None else bisect(self.time, start, end, time - window, after_equal=False)
        else:
            low = bisect(self.time, start, end, time, after_equal=True)
        high = end if window is None else bisect(self.time, low, end, time + window, after_equal=True)
        return low, high


def bisect(
    values: NDArray[np.int64], start: Places, end: Places, wanted: NDArray[np.int64], after_equal: bool
) -> Places:
    """For each of A sorted parts values[start:end], the place where a value belongs: before equal ones, or after."""
    low, high = start.copy(), end.copy()
    while (open_ := np.flatnonzero(low < high)).size:
        middle = (low[open_] + high[open_]) // 2
        found = values[middle]
        right = found <= wanted[open_] if after_equal else found < wanted[open_]
        low[open_[right]] = middle[right] + 1
        high[open_[~right]] = middle[~right]
    return low


def write_timeline(db: Database, folder: Path, weighted: bool) -> Timeline:
    """Write the later side of the table `met` to a folder and map it; its weights only where they are not all 1."""
    (users,) = db.one("SELECT count(*) FROM users")
    counts = np.zeros(users + 1, dtype=np.int64)
    counted = db.columns('SELECT "user", count(clicked) AS met FROM met GROUP BY "user"')
    counts[counted["user"].astype(np.int64) + 1] = counted["met"]
    columns: dict[str, type[np.generic]] = {"note": np.int32, "clicked": np.int64}
    columns |= {"click_weight": np.float64} if weighted else {}
    arrays = to_files(db, columns, 'FROM met WHERE clicked IS NOT NULL ORDER BY "user", clicked', folder)
    return Timeline(arrays["note"], arrays["clicked"], arrays.get("click_weight"), np.cumsum(counts))


def to_files(db: Database, columns: dict[str, type[np.generic]], query: str, folder: Path) -> dict[str, NDArray[Any]]:
    """Write columns of a query, as `FROM ...`, to a file each in a new folder, and map them; none may be null."""
    folder.mkdir()
    with ExitStack() as opened:
        files = {name: opened.enter_context((folder / name).open("wb")) for name in columns}
        for batch in db.batches(f"SELECT {', '.join(columns)} {query}", ROWS):
            for i, (name, kind) in enumerate(columns.items()):
                batch.column(i).to_numpy().astype(kind, copy=False).tofile(files[name])
    return {name: _mapped(folder / name, kind) for name, kind in columns.items()}


def _mapped(path: Path, kind: type[np.generic]) -> NDArray[Any]:
    if not path.stat().st_size:  # an empty file cannot be mapped
        return np.zeros(0, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode="r"))
