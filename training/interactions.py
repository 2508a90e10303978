"""A corpus' interactions (who looked at what, when): which columns they are in, and whether they fit the notes."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from encoders.columns import parse_time

SYNONYMS = {
    "user": ("user_id", "user", "uid"),
    "note": ("note_id", "item_id", "item", "note"),
    "time": ("timestamp", "time", "created_at", "date"),
    "event": ("event", "event_type", "action", "behavior"),
}
SUFFIXES = (".csv", ".parquet")


class InteractionsError(Exception):
    """An interactions file cannot be read; the message says which column or format was wanted."""


class Ids(Protocol):
    """The ids a corpus has."""

    def __contains__(self, note_id: str, /) -> bool: ...


@dataclass(slots=True)
class InteractionReport:
    """Counts over one file. unknown counts events on notes the corpus does not have; broken, unreadable rows."""

    file: str
    events: int = 0
    users: int = 0
    notes: int = 0
    unknown: int = 0
    broken: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "events": self.events,
            "users": self.users,
            "notes": self.notes,
            "events on unknown notes": self.unknown,
            "broken rows": self.broken,
            "kinds": dict(self.kinds.most_common(10)),
            "first": self.first.isoformat() if self.first else None,
            "last": self.last.isoformat() if self.last else None,
        }


def find_interactions(folder: Path) -> list[Path]:
    """Return the files named interactions* of a corpus folder, in order."""
    return sorted(
        path for path in folder.iterdir() if path.name.startswith("interactions") and path.suffix.lower() in SUFFIXES
    )


def check_interactions(path: Path, known: Ids) -> InteractionReport:
    """Stream one file and hold it against the ids of the corpus; raises InteractionsError."""
    import pyarrow
    import pyarrow.compute as pc

    report = InteractionReport(path.name)
    users: set[str] = set()
    notes: dict[str, bool] = {}  # id -> whether the corpus has it; ids are looked up once
    try:
        for batch in _batches(path, report):
            report.events += batch.num_rows
            users.update(pc.unique(batch["user"]).to_pylist())
            for entry in pc.value_counts(batch["note"]).to_pylist():
                note_id = entry["values"] or ""
                if note_id not in notes:
                    notes[note_id] = note_id in known
                report.unknown += 0 if notes[note_id] else entry["counts"]
            if "event" in batch.schema.names:
                kinds = pc.value_counts(batch["event"]).to_pylist()
                report.kinds.update({str(entry["values"]): entry["counts"] for entry in kinds})
            if "time" in batch.schema.names:
                _widen(report, batch["time"])
    except (pyarrow.ArrowInvalid, OSError) as error:
        raise InteractionsError(f"{path} cannot be read as interactions: {error}") from error
    report.users, report.notes = len(users), len(notes)
    return report


def _batches(path: Path, report: InteractionReport) -> Iterator[Any]:
    """Yield record batches with columns user, note, and where present time and event; ids as strings."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    def skip(_: object) -> str:
        report.broken += 1
        return "skip"

    if path.suffix.lower() == ".parquet":
        file = pyarrow.parquet.ParquetFile(path)
        plan = _plan(path, file.schema_arrow.names)
        batches = file.iter_batches(columns=list(plan.values()))
    else:
        with path.open(encoding="utf-8-sig", errors="replace") as text:
            names = [name.strip().strip('"') for name in text.readline().split(",")]
        plan = _plan(path, names)
        batches = pyarrow.csv.open_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=skip),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=list(plan.values()), column_types=dict.fromkeys(plan.values(), pa.string())
            ),
        )
    for batch in batches:
        columns = {role: batch[column] for role, column in plan.items()}
        for role in ("user", "note"):
            columns[role] = columns[role].cast(pa.string())
        yield pa.record_batch(columns)


def _plan(path: Path, names: list[str]) -> dict[str, str]:
    """Return {role: column}; user and note must be there."""
    by_name = {name.casefold(): name for name in reversed(names)}
    plan = {}
    for role, synonyms in SYNONYMS.items():
        found = next((by_name[name] for name in synonyms if name in by_name), None)
        if found is not None:
            plan[role] = found
        elif role in ("user", "note"):
            raise InteractionsError(
                f"{path} has no column for the {role}: it has {', '.join(names)}, wanted one of {', '.join(synonyms)}"
            )
    return plan


def _widen(report: InteractionReport, times: Any) -> None:
    """Widen the report's time span by a batch of times: numbers, dates, or text of either."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(times.type):
        with suppress(pa.ArrowInvalid):  # else ISO 8601, which sorts as text
            times = times.cast(pa.float64())
    bounds = pc.min_max(times).as_py()
    if bounds["min"] is not None:
        low, high = parse_time(bounds["min"]), parse_time(bounds["max"])
        assert low is not None
        assert high is not None
        report.first = min(report.first or low, low)
        report.last = max(report.last or high, high)
