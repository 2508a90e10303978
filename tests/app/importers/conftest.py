"""Small datasets written as they are published, imported and read back through the corpus' own readers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from app.importers.base import Job
from app.importers.run import ImportSummary, run_import
from encoders.corpus import Corpus, Rejection
from encoders.note import Note
from retrieval.interactions.check import check_interactions


@dataclass(frozen=True)
class Imported:
    """What an import left, read back."""

    summary: ImportSummary
    folder: Path
    notes: dict[str, Note]
    events: list[dict[str, Any]] | None

    def images(self, note_id: str) -> list[str]:
        return [image.name for image in self.notes[note_id].images]


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Write files under a source folder: files({"a.csv": text or bytes}); names ending in .gz are gzipped."""

    def write(contents: dict[str, str | bytes], encoding: str = "utf-8", folder: str = "source") -> Path:
        for name, content in contents.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            data = content if isinstance(content, bytes) else content.encode(encoding)
            path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return tmp_path / folder

    return write


@pytest.fixture
def imported(tmp_path: Path) -> Callable[..., Imported]:
    """Import a source and read the corpus back; every note written must be one that `build` would take."""

    def run(layout: str, source: Path, limit: int | None = None, **job: Any) -> Imported:
        out = tmp_path / "corpus"
        summary = run_import(layout, Job(source, **job), out, limit)
        rows = list(Corpus(out))
        assert not [row for row in rows if isinstance(row, Rejection)]
        notes = {row.note.id: row.note for row in rows if not isinstance(row, Rejection) and row.note.id}
        path = out / "interactions.parquet"
        if not path.exists():
            assert summary.interactions == 0
            return Imported(summary, out, notes, None)
        report = check_interactions(path, notes)
        assert (report.events, report.unknown, report.broken) == (summary.interactions, 0, 0)
        assert summary.notes == len(notes)
        return Imported(summary, out, notes, pq.read_table(path).to_pylist())

    return run
