"""Whether a corpus' interactions file fits its notes."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.interactions.columns import read_batches, unix_seconds


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

    def count_broken(self) -> None:
        """Count a row that cannot be read."""
        self.broken += 1

    def widen(self, seconds: NDArray[np.float64]) -> None:
        """Widen the time span to some times, Unix seconds."""
        known = seconds[np.isfinite(seconds)]
        if len(known):
            low, high = (datetime.fromtimestamp(bound, UTC) for bound in (known.min(), known.max()))
            self.first = min(self.first or low, low)
            self.last = max(self.last or high, high)

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


def check_interactions(path: Path, known: Ids) -> InteractionReport:
    """Stream one file and hold it against the ids of the corpus; raises InteractionsError."""
    import pyarrow.compute as pc

    report = InteractionReport(path.name)
    users: set[str] = set()
    notes: dict[str, bool] = {}  # id -> whether the corpus has it; ids are looked up once
    for batch in read_batches(path, report.count_broken):
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
            report.widen(unix_seconds(batch["time"]))
    report.users, report.notes = len(users), len(notes)
    return report
