"""Mining from an interactions file to a file of pairs."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from training.mining.choosing import Catalogue, choose
from training.mining.config import Bounds, MiningConfig
from training.mining.database import Database, Resources, opened
from training.mining.days import Days, state_file
from training.mining.errors import MiningError, NothingMined
from training.mining.held import Held
from training.mining.log import Log
from training.mining.met import count_all, make_met, masses
from training.mining.reading import Reading, is_timed
from training.mining.report import MiningReport
from training.mining.sums import PairSums, pair_sums
from training.mining.workspace import workspace
from training.mining.writing import Shelf

DEFAULT = Resources()
NAMED = 10  # so many kinds are named of those that a file has


class Progress(Protocol):
    """Is told how far a run is: it begins a stage again and again, and advances within each."""

    def restart(self, title: str, total: int) -> None:
        """Begin a stage of so many steps."""

    def advance(self, count: int) -> None:
        """Count this many more as done."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is mined: the file, how, and for which split. known: ids of the corpus' notes, None without a corpus."""

    interactions: Path
    config: MiningConfig = field(default_factory=MiningConfig)
    bounds: Bounds = field(default_factory=Bounds)
    held: Held = field(default_factory=Held)
    known: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Mined:
    """What a run found; config as it was resolved for the file. remarks: what the user should know besides."""

    config: MiningConfig
    bounds: Bounds
    report: MiningReport
    remarks: tuple[str, ...] = ()


def mine(
    task: Task,
    out: Path,
    days: Path | None = None,
    resources: Resources = DEFAULT,
    progress: Progress | None = None,
) -> Mined:
    """Mine the pairs of a file into a Parquet file, columns note, positive, score, users, by note and rank.

    days: a folder that keeps what later days need; the file is then a further day (or several), and the pairs are those
    of all days folded in. A file that is in already is not folded in again. Raises MiningError, InteractionsError,
    EvaluationError; `out` is then as it was.
    """
    if out.exists() and out.samefile(task.interactions):
        raise MiningError(f"{out} is the file of interactions itself: write the pairs elsewhere")
    timed = is_timed(task.interactions)
    config = task.config.resolved(timed)
    if days is not None and not timed:
        raise MiningError(f"{task.interactions} has no times: days cannot be told apart; mine the whole file at once")
    with workspace(out) as folder:
        file = folder / "mining.duckdb" if days is None else state_file(days)
        with opened(file, folder / "spill", resources) as db:
            run = _Run(db, task, config, folder, progress)
            if days is None:
                run.whole()
            else:
                run.folded(Days(db, config, task.held))
            return run.write(out)


class _Run:
    """One run over an open database."""

    def __init__(
        self,
        db: Database,
        task: Task,
        config: MiningConfig,
        folder: Path,
        progress: Progress | None,
    ) -> None:
        self._db, self._task, self._config = db, task, config
        self._folder, self._progress = folder, progress
        self._report, self._remarks = MiningReport(), list[str]()
        self._days: Days | None = None

    def whole(self) -> None:
        """Read the file."""
        self._read().merge()

    def folded(self, days: Days) -> None:
        """Fold the file into the days, all of it or nothing."""
        self._days = days
        file = self._task.interactions
        with file.open("rb") as opened:
            digest = hashlib.file_digest(opened, "blake2b").hexdigest()[:32]
        if days.has(digest):
            self._remarks.append(f"{file} was folded in before, so nothing was added")
        else:
            self._db.run("BEGIN")
            self._read().merge()
            days.enter(digest, file.name, self._report)
            self._db.run("COMMIT")
        days.recount(self._report)

    def write(self, out: Path) -> Mined:
        """Add up all pairs, choose among them, and write those that are left."""
        make_met(self._db, self._config.max_notes)
        count_all(self._db, self._config.max_notes, self._report)
        catalogue, shelf = self._catalogue(), Shelf(self._db)
        for part in self._sums():
            shelf.put(choose(part, catalogue, self._task.bounds, self._report))
        if not self._report.pairs:
            raise NothingMined(f"{self._task.interactions}: {self._report.why_nothing()}")
        held = self._task.held
        about = {
            "config": json.loads(self._config.model_dump_json()),
            "bounds": json.loads(self._task.bounds.model_dump_json()),
            "split": {"digest": held.digest, "stage": held.stage} if held.split else None,
            "counts": self._report.as_json(),
        }
        self._begin("writing", self._report.pairs)
        shelf.write(out, about)
        self._advance(self._report.pairs)
        return Mined(self._config, self._task.bounds, self._report, tuple(self._remarks))

    def _read(self) -> Log:
        """Read the file; what it holds waits to be merged."""
        log = Log(self._db, self._task.held, self._report)
        reading = Reading(self._task.interactions, self._config, self._task.held, self._report, self._advance)
        for chunk in reading.chunks():
            log.take(chunk)
        self._check_kinds(reading)
        if self._days is None and not self._report.used:
            raise NothingMined(f"{self._task.interactions}: {self._report.why_nothing()}")
        return log

    def _check_kinds(self, reading: Reading) -> None:
        """A kind that never occurs is misspelt, unless it is one day of many that lacks it."""
        missing = [kind for kind in self._config.named if kind not in reading.kinds]
        if not missing:
            return
        some = sorted(reading.kinds)[:NAMED]
        have = ", ".join(some) + (", ..." if len(reading.kinds) > len(some) else "") or "none"
        message = f"{reading.path} has no event of kind {', '.join(missing)}; its kinds are: {have}"
        if self._days is None:
            raise MiningError(message)
        self._remarks.append(message)

    def _sums(self) -> Iterator[PairSums]:
        (anchors,) = self._db.one("SELECT count(viewed) FILTER (n > 0) FROM met")
        self._begin("adding up pairs", anchors)
        yield from pair_sums(self._db, self._config, self._folder, self._advance)

    def _catalogue(self) -> Catalogue:
        """What is known of all notes met, by code."""
        import pyarrow as pa

        places = self._db.columns(
            "SELECT CAST(row_number() OVER (ORDER BY id) AS INTEGER) AS place FROM notes ORDER BY code"
        )
        place = places["place"].astype(np.int32)
        known = np.ones(len(place), dtype=np.bool_)
        if self._task.known is not None:
            with self._db.lent("corpus", pa.table({"id": pa.array(self._task.known, pa.string())})):
                found = self._db.columns("SELECT code FROM notes SEMI JOIN corpus USING (id)")
            known[:] = False
            known[found["code"]] = True
        return Catalogue(place, known, masses(self._db) if self._task.bounds.normalize else None)

    def _begin(self, title: str, total: int) -> None:
        if self._progress:
            self._progress.restart(title, total)

    def _advance(self, count: int) -> None:
        if self._progress:
            self._progress.advance(count)
