"""A corpus into an index: encodes what is new or changed, leaves the rest, sets bad notes aside.

Every chunk is one durable transaction, so a killed build goes on where it was: what was committed has the
same content hash and is not encoded again.
"""

import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from encoders.base import Encoder, Prepared
from encoders.corpus import Corpus, Placed, Rejection
from encoders.errors import NoteRejected, Reason
from encoders.id_set import IdSet
from encoders.images import ImageLimits
from encoders.note import Note
from index import NoteIndex, Record

REJECTED_FILE = "rejected.jsonl"
# Notes a transaction: some seconds of work at most are lost to a kill, and batches are long enough to sort.
CHUNK = 512
# And pictures, by number and by the bytes of their files: two chunks are in memory at a time, read and decoded.
CHUNK_PICTURES, CHUNK_BYTES = 1024, 128 * 2**20


@dataclass(slots=True)
class BuildReport:
    """What a build did. encoded + refreshed + unchanged are the good notes; rejected counts by reason.

    refreshed notes have new attributes but the same text and pictures, and kept their vectors.
    stale notes are in the index and not in the corpus; pruned ones were removed for that.
    """

    encoded: int = 0
    refreshed: int = 0
    unchanged: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    stale: int = 0
    pruned: int = 0

    @property
    def good(self) -> int:
        """How many notes of the corpus are in the index."""
        return self.encoded + self.refreshed + self.unchanged

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "encoded": self.encoded,
            "refreshed": self.refreshed,
            "unchanged": self.unchanged,
            "rejected": dict(sorted(self.rejected.items())),
            "stale": self.stale,
            "pruned": self.pruned,
        }


@dataclass(slots=True)
class _Work:
    """A good note on its way: with a Future where it must be encoded, with an old record where only stored."""

    placed: Placed
    content_hash: str
    payload: dict[str, Any]
    prepared: Future[Prepared] | None = None
    stored: Record | None = None


def build(
    corpus: Corpus,
    encoder: Encoder,
    index: NoteIndex,
    rejected_file: Path,
    *,
    limits: ImageLimits = ImageLimits(),
    prune: bool = False,
    on_progress: Callable[[int], None] | None = None,
    on_index: Callable[[int], None] | None = None,
) -> BuildReport:
    """Bring every note of the corpus into the index.

    on_progress is told how many more rows are done, and on_index, when the index then brings its derived files up to
    date, how many more notes it has taken in. Bad rows go to rejected_file, which is replaced.
    prune removes notes the corpus no longer has; one that is there but rejected keeps its last good version.
    """
    report = BuildReport()
    with _Quarantine(rejected_file, report) as quarantine, IdSet() as present, _pool() as pool:
        pending: deque[tuple[int, list[_Work]]] = deque()

        def finish() -> None:
            rows, works = pending.popleft()
            _store(works, encoder, index, quarantine, report)
            if on_progress:
                on_progress(rows)

        for rows in _chunks(corpus):
            for row in rows:
                if note_id := row.note.id if isinstance(row, Placed) else row.id:
                    present.add(note_id)
            good = quarantine.keep_good(rows)
            pending.append((len(rows), list(_start(good, corpus.root, encoder, index, limits, pool, quarantine))))
            # One chunk ahead: its pictures decode in the pool while this thread encodes the one before.
            if len(pending) > 1:
                finish()
        while pending:
            finish()
        if report.good:  # a corpus that lost all its notes must not empty an index
            _reconcile(index, present, prune, report)
    index.snapshot(on_index)
    return report


def _chunks(corpus: Iterable[Placed | Rejection]) -> Iterator[list[Placed | Rejection]]:
    """Cut the rows of a corpus where a chunk has enough notes, or enough pictures."""
    rows: list[Placed | Rejection] = []
    pictures = size = 0
    for row in corpus:
        rows.append(row)
        if isinstance(row, Placed):
            pictures += len(row.note.images)
            size += sum(image.size() for image in row.note.images)
        if len(rows) == CHUNK or pictures >= CHUNK_PICTURES or size >= CHUNK_BYTES:
            yield rows
            rows, pictures, size = [], 0, 0
    if rows:
        yield rows


def _pool() -> ThreadPoolExecutor:
    """As many threads as cores: more of them take time from torch's own, and make a build a tenth slower."""
    return ThreadPoolExecutor(os.cpu_count() or 1)


def _start(
    good: list[Placed],
    root: Path,
    encoder: Encoder,
    index: NoteIndex,
    limits: ImageLimits,
    pool: ThreadPoolExecutor,
    quarantine: "_Quarantine",
) -> Iterator[_Work]:
    """Read the pictures' bytes, compare with what is stored, and begin preparing what has changed."""

    def load(placed: Placed) -> tuple[Note, str] | NoteRejected:
        try:
            note = placed.note.load_images(limits)
            return note, note.content_hash()
        except NoteRejected as error:
            return error

    loaded = list(pool.map(load, good))
    stored = index.get([placed.note.id or "" for placed in good], with_vectors=False)
    for placed, result, record in zip(good, loaded, stored, strict=True):
        if isinstance(result, NoteRejected):
            quarantine.add(placed.rejected(result))
            continue
        note, digest = result
        work = _Work(placed, digest, {**note.payload(), "corpus": str(root)})
        if record is not None and record.content_hash == digest:
            work.stored = record
        else:
            work.prepared = pool.submit(encoder.prepare, note)
        yield work


def _store(
    works: list[_Work], encoder: Encoder, index: NoteIndex, quarantine: "_Quarantine", report: BuildReport
) -> None:
    """Encode and commit one chunk in one transaction."""
    fresh: list[tuple[_Work, Prepared]] = []
    changed: list[_Work] = []
    for work in works:
        if work.prepared is not None:
            try:
                fresh.append((work, work.prepared.result()))
            except NoteRejected as error:
                quarantine.add(work.placed.rejected(error))
        elif work.stored is not None and work.stored.payload != work.payload:
            changed.append(work)
        else:
            report.unchanged += 1
    records = []
    if fresh:
        vectors = encoder.embed([prepared for _, prepared in fresh])
        for (work, _), vector in zip(fresh, vectors, strict=True):
            if np.isfinite(vector).all():
                records.append(Record(work.placed.note.id or "", vector, work.payload, work.content_hash))
            else:  # a language model in half precision can overflow on one note; the others are good
                quarantine.add(
                    work.placed.rejected(NoteRejected(Reason.NO_VECTOR, "the encoder gave no finite vector"))
                )
    encoded = len(records)
    for work, old in zip(changed, index.get([work.placed.note.id or "" for work in changed]), strict=True):
        if old is not None:
            records.append(Record(old.id, old.vector, work.payload, work.content_hash))
    if records:
        index.upsert(records)
    report.encoded += encoded
    report.refreshed += len(changed)


def _reconcile(index: NoteIndex, present: IdSet, prune: bool, report: BuildReport) -> None:
    """Count the notes the corpus no longer has, and remove them if asked."""
    stale = [record.id for record in index.scan(with_vectors=False) if record.id not in present]
    report.stale = len(stale)
    if prune and stale:
        report.pruned = index.delete(stale)


class _Quarantine:
    """Writes rejections as they come, and puts the file in place at the end."""

    def __init__(self, path: Path, report: BuildReport) -> None:
        self.path = path
        self.report = report
        self._partial = path.with_suffix(".partial")

    def __enter__(self) -> "_Quarantine":
        # A rejected id may hold what no UTF-8 has; escaped as \udXXX it is JSON all the same.
        self._file = self._partial.open("w", encoding="utf-8", errors="backslashreplace")
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._file.close()
        if kind is None:
            self._partial.replace(self.path)

    def add(self, rejection: Rejection) -> None:
        self.report.rejected[rejection.reason.value] += 1
        self._file.write(json.dumps(rejection.as_json(), ensure_ascii=False) + "\n")

    def keep_good(self, rows: Iterable[Placed | Rejection]) -> list[Placed]:
        good = []
        for row in rows:
            if isinstance(row, Rejection):
                self.add(row)
            else:
                good.append(row)
        return good
