"""An import from beginning to end: a dataset in, a corpus folder out, whole or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.importers.base import Job, Reading
from app.importers.errors import ImportFailed
from app.importers.layouts import LAYOUTS
from app.importers.writing import CorpusWriter, made_at_once
from encoders.corpus import Rejection
from encoders.errors import NoteRejected


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import gave. interactions_unknown: on notes that were not imported, and so left out.

    pictures_missing: files that rows name and that are not there; bad_rows: counts by file and reason.
    """

    corpus: Path
    notes: int
    notes_without_picture: int
    pictures: int
    pictures_missing: int
    interactions: int
    interactions_unknown: int
    bad_rows: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        """Return the summary as JSON values."""
        return {
            "corpus": str(self.corpus),
            "notes": self.notes,
            "notes without picture": self.notes_without_picture,
            "pictures": self.pictures,
            "pictures not found": self.pictures_missing,
            "interactions": self.interactions,
            "interactions on unknown notes": self.interactions_unknown,
            "bad rows": dict(self.bad_rows),
        }


def run_import(layout: str, job: Job, out: Path, limit: int | None = None) -> ImportSummary:
    """Import a dataset into a folder that is new or empty; limit keeps only the first notes.

    Bad rows are counted, and the first of them written to rejected.jsonl; they stop nothing. Raises ImportFailed where
    the layout's files or columns are missing, no note is good, or the folder is taken; then there is no folder.
    """
    with made_at_once(out) as making:
        reading = LAYOUTS[layout](job)
        columns = None if reading.interactions is None else reading.columns
        with CorpusWriter(making, columns) as writer:
            _write_notes(reading, writer, limit)
            if not writer.notes:
                bad = ", ".join(f"{reason}: {count:,}" for reason, count in writer.bad.most_common(5))
                raise ImportFailed(f"{job.source} has no good note ({bad or 'no rows'}); is {layout} its layout?")
            for event in reading.interactions or ():
                if isinstance(event, Rejection):
                    writer.reject(event)
                else:
                    writer.add_interaction(event)
    return ImportSummary(
        corpus=out,
        notes=writer.notes,
        notes_without_picture=writer.without_picture,
        pictures=writer.pictures,
        pictures_missing=reading.pictures_missing(),
        interactions=writer.interactions,
        interactions_unknown=writer.unknown,
        bad_rows=dict(writer.bad.most_common()),
    )


def _write_notes(reading: Reading, writer: CorpusWriter, limit: int | None) -> None:
    for placed in reading.notes:
        if isinstance(placed, Rejection):
            writer.reject(placed)
            continue
        try:
            writer.add_note(placed.note)
        except NoteRejected as error:
            writer.reject(placed.rejected(error))
        if limit is not None and writer.notes >= limit:
            return
