"""Validate a whole corpus without encoding it: what a build would take, and what it would set aside."""

import json
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from encoders.corpus import Corpus, Placed, Rejection
from encoders.errors import CorpusError, NoteRejected
from encoders.id_set import IdSet
from encoders.images import ImageLimits, decode

AHEAD = 256  # notes whose pictures decode while earlier ones are counted


@dataclass(slots=True)
class CheckReport:
    """Counts over a corpus; `missing` says how many good notes lack a field."""

    rows: int = 0
    notes: int = 0
    images: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    categories: Counter[str] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values, most frequent first."""
        return {
            "rows": self.rows,
            "notes": self.notes,
            "images": self.images,
            "rejected": dict(self.rejected.most_common()),
            "missing": dict(self.missing.most_common()),
            "categories": dict(self.categories.most_common(50)),
            "languages": dict(self.languages.most_common(20)),
        }

    def count(self, placed: Placed) -> None:
        """Add a good note."""
        note = placed.note
        self.notes += 1
        self.images += len(note.images)
        fields = {
            "text": note.has_text,
            "image": note.images,
            "title": note.title,
            "body": note.body,
            "tags": note.tags,
            "category": note.category,
            "created_at": note.created_at,
        }
        self.missing.update(name for name, value in fields.items() if not value)
        self.categories.update([note.category] if note.category else [])
        self.languages.update([note.lang] if note.lang else [])


def check_corpus(
    corpus: Corpus,
    limits: ImageLimits = ImageLimits(),
    rejected_file: Path | None = None,
    on_progress: Callable[[int], None] | None = None,
    ids: IdSet | None = None,
) -> CheckReport:
    """Read every row and decode every picture; bad rows are counted, and written to rejected_file if given.

    ids, if given, is filled with the ids of the good notes.
    """
    report = CheckReport()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor())
        file = stack.enter_context(_open(rejected_file)) if rejected_file else None
        pending: deque[Rejection | Future[Placed | Rejection]] = deque()

        def finish() -> None:
            entry = pending.popleft()
            result = entry.result() if isinstance(entry, Future) else entry
            report.rows += 1
            if isinstance(result, Placed):
                report.count(result)
                if ids is not None and result.note.id:
                    ids.add(result.note.id)
            else:
                report.rejected[result.reason.value] += 1
                if file:
                    file.write(json.dumps(result.as_json()) + "\n")
            if on_progress:
                on_progress(1)

        for row in corpus:
            pending.append(pool.submit(_decode_all, row, limits) if isinstance(row, Placed) else row)
            if len(pending) > AHEAD:
                finish()
        while pending:
            finish()
    return report


def _open(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise CorpusError(f"{path} cannot be written: {error.strerror or error}") from error


def _decode_all(placed: Placed, limits: ImageLimits) -> Placed | Rejection:
    try:
        for image in placed.note.images:
            decode(image, limits)
    except NoteRejected as error:
        return placed.rejected(error)
    return placed
