"""Mining by day: a state that a later day is folded into without mining the earlier ones again.

N_u grows with every note a user meets, so a new day changes what they said on all days before, and pairs may be met
across midnight. So the state keeps all meetings, and the sums of all pairs in whole units (met.py). Of the users who
did something on a new day, and of them alone, what they said before is taken off and what they say now is added; in
whole units this is exact, so days folded in any order, also a day folded in parts, or one event twice, give what mining
all at once gives. The difference that a day made is added to the table `parts`, which is joined when it outgrows what
it says.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from training.mining.config import MiningConfig
from training.mining.database import Database
from training.mining.errors import MiningError, StateMismatch
from training.mining.held import Held
from training.mining.report import MiningReport
from training.mining.sums import PairSums

FILE = "days.duckdb"
FORMAT = 1
GROUP = 1 << 23  # rows of parts that are added up at a time
ADDED_UP = (
    "SELECT note, positive, CAST(sum(total) AS BIGINT) AS total, CAST(sum(users) AS INTEGER) AS users "
    "FROM parts {where} GROUP BY note, positive HAVING sum(users) <> 0 OR sum(total) <> 0"
)
COUNTED = (
    "read",
    "broken",
    "other_kinds",
    "low_ratings",
    "held_out_times",
    "held_out_notes",
    "held_out_users",
    "used",
)


class Days:
    """The state of a folder in its database; made where there is none. Raises StateMismatch."""

    def __init__(self, db: Database, config: MiningConfig, held: Held) -> None:
        self._db = db
        db.run("CREATE TABLE IF NOT EXISTS parts (note INTEGER, positive INTEGER, total BIGINT, users INTEGER)")
        db.run("CREATE TABLE IF NOT EXISTS state (about VARCHAR)")
        rows = db.table("SELECT about FROM state").to_pylist()
        made = {
            "format": FORMAT,
            "config": json.loads(config.model_dump_json()),
            "split": held.digest,
            "stage": held.stage if held.split else None,
        }
        self._about: dict[str, Any] = made | {"files": {}, "counts": {}}
        if rows:
            found = json.loads(rows[0]["about"])
            for name, wanted in made.items():
                if found[name] != wanted:
                    raise StateMismatch(
                        f"the days in this folder were mined with another {name} ({found[name]}) than is asked for now "
                        f"({wanted}): mine with the same options, or begin a new folder"
                    )
            self._about = found

    def has(self, digest: str) -> bool:
        """Whether a file of this digest was folded in."""
        return digest in self._about["files"]

    def add(self, sums: PairSums) -> None:
        """Add to the sums of pairs."""
        import pyarrow as pa

        columns = {"note": sums.note, "positive": sums.positive, "total": sums.total, "users": sums.users}
        with self._db.lent("part", pa.table(columns)):
            self._db.run("INSERT INTO parts BY NAME SELECT * FROM part")

    def note_file(self, digest: str, name: str, report: MiningReport) -> None:
        """Remember that a file is in, and add up what was read; the caller commits."""
        self._about["files"][digest] = name
        for count in COUNTED:
            self._about["counts"][count] = self._about["counts"].get(count, 0) + getattr(report, count)
        self._db.run("DELETE FROM state")
        self._db.run("INSERT INTO state VALUES (?)", [json.dumps(self._about, ensure_ascii=False)])

    def recount(self, report: MiningReport) -> None:
        """Make the report's counts of events those of all days."""
        for count in COUNTED:
            setattr(report, count, self._about["counts"].get(count, 0))

    def sums(self) -> Iterator[PairSums]:
        """Yield the sums of all pairs, all of a note together; raises MiningError where the state is damaged."""
        rows = self._db.columns("SELECT note, count(*) AS rows FROM parts GROUP BY note ORDER BY note")
        notes, ends = rows["note"], np.cumsum(rows["rows"])
        begin = 0
        while begin < len(notes):
            done = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, done + GROUP, side="right")))
            where = f"WHERE note BETWEEN {notes[begin]:d} AND {notes[end - 1]:d}"
            found = self._db.columns(ADDED_UP.format(where=where) + " ORDER BY note, positive")
            sums = PairSums(*(found[name] for name in ("note", "positive", "total", "users")))
            if len(sums) and (sums.users.min() <= 0 or sums.total.min() <= 0):
                raise MiningError("the sums of the days mined before are damaged: begin a new folder")
            yield sums
            begin = end

    def tidy(self, pairs: int) -> None:
        """Join the parts where they have more than twice as many rows as there are pairs."""
        (rows,) = self._db.one("SELECT count(*) FROM parts")
        if rows > 2 * pairs:
            self._db.run(f"CREATE OR REPLACE TABLE parts AS {ADDED_UP.format(where='')} ORDER BY note")


def state_file(folder: Path) -> Path:
    """The database of a folder of days, made where there is none. Raises MiningError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MiningError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder / FILE
