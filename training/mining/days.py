"""Mining by day: a state that a later day is folded into, so that files of earlier days are not read again.

What has to be kept is all meetings (log.py), for N_u grows with every note a user meets, so a new day changes what they
said on all days before; a window crosses midnight; and the cap keeps the latest notes. Meetings of users who did
something on the new day are merged with it, the earliest time and the largest weight winning, so that days in any
order, a day in parts, or an event twice come to what mining all at once comes to.

The sums of pairs are not kept but added up anew. Keeping them, and taking off what the day's users said before, is
exact too, since sums are whole numbers (met.py), but was measured to take six times as long and ten times the
disk: the users of any one day hold most pairs, and all sums must be gone through in any case to choose the best.
"""

import json
from pathlib import Path
from typing import Any

from training.mining.config import MiningConfig
from training.mining.database import Database
from training.mining.errors import MiningError, StateMismatch
from training.mining.held import Held
from training.mining.report import MiningReport

FILE = "days.duckdb"
FORMAT = 1
SHAPING = {"weights", "view", "click", "min_rating"}  # of the configuration, what meetings depend on
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
    """What a folder of days knows besides its meetings: how they were made, and of which files.

    Made where there is none; raises StateMismatch where they were made with other options.
    """

    def __init__(self, db: Database, config: MiningConfig, held: Held) -> None:
        self._db = db
        db.run("CREATE TABLE IF NOT EXISTS state (about VARCHAR)")
        made = {
            "format": FORMAT,
            "events": config.model_dump(mode="json", include=SHAPING),
            "split": held.digest,
            "stage": held.stage if held.split else None,
        }
        self._about: dict[str, Any] = made | {"files": {}, "counts": dict.fromkeys(COUNTED, 0)}
        for row in db.table("SELECT about FROM state").to_pylist():
            found = json.loads(row["about"])
            for name, wanted in made.items():
                if found[name] != wanted:
                    raise StateMismatch(
                        f"the days in this folder were taken in with other {name} ({found[name]}) than these "
                        f"({wanted}): mine with the same options, or begin a new folder"
                    )
            self._about = found

    def has(self, digest: str) -> bool:
        """Whether a file of this digest was folded in."""
        return digest in self._about["files"]

    def enter(self, digest: str, name: str, report: MiningReport) -> None:
        """Remember that a file is in, and add up what was read; the caller commits."""
        self._about["files"][digest] = name
        for count in COUNTED:
            self._about["counts"][count] += getattr(report, count)
        self._db.run("DELETE FROM state")
        self._db.run("INSERT INTO state VALUES (?)", [json.dumps(self._about, ensure_ascii=False)])

    def recount(self, report: MiningReport) -> None:
        """Make the report's counts of events those of all days."""
        for count in COUNTED:
            setattr(report, count, self._about["counts"][count])


def state_file(folder: Path) -> Path:
    """The database of a folder of days, made where there is none. Raises MiningError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MiningError(f"{folder} cannot be made: {error.strerror or error}") from error
    return folder / FILE
