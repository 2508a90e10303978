"""Copy an index into another back-end as it is: ids, vectors, payloads, hashes; nothing is encoded again."""

from __future__ import annotations

from itertools import islice

import numpy as np

from index.base import NoteIndex, Progress
from index.errors import InvalidVersion, NoteIndexError

_BATCH = 1000
_SAMPLE = 64


def copy_index(source: NoteIndex, target: NoteIndex, on_progress: Progress | None = None) -> int:
    """Copy every record of `source` to `target`, in order; returns how many were written.

    Records that the target holds already with the same hash and payload are passed over, so a copy that was
    cut short goes on where it was. on_progress is told how many more records are done.
    Raises NoteIndexError where the two do not fit, InvalidVersion where the copy does not hold what it should.
    """
    if (source.dim, source.fingerprint) != (target.dim, target.fingerprint):
        raise NoteIndexError(
            f"the source holds {source.dim} dimensions of encoder {source.fingerprint!r}, the target {target.dim} of "
            f"{target.fingerprint!r}. Copy into an index made for this source."
        )
    written = 0
    records = source.scan(_BATCH)
    while batch := list(islice(records, _BATCH)):
        there = target.get([record.id for record in batch], with_vectors=False)
        fresh = [
            record
            for record, old in zip(batch, there, strict=True)
            if old is None or (old.content_hash, old.payload) != (record.content_hash, record.payload)
        ]
        if fresh:
            target.upsert(fresh)
        written += len(fresh)
        if on_progress:
            on_progress(len(batch))
    target.snapshot()
    _verify(source, target)
    return written


def _verify(source: NoteIndex, target: NoteIndex) -> None:
    """Raise InvalidVersion unless the target counts as many records and holds the same vectors for some of them."""
    wanted, got = source.count(), target.count()
    if got < wanted:
        raise InvalidVersion(f"the copy holds {got:,} records, the source {wanted:,}. Run the migration again.")
    step = max(1, wanted // _SAMPLE)
    names = [record.id for record in islice(source.scan(with_vectors=False), 0, None, step)]
    for old, new in zip(source.get(names), target.get(names), strict=True):
        if old is not None and (new is None or not np.allclose(old.vector, new.vector, rtol=0, atol=1e-6)):
            raise InvalidVersion(f"the copy's record {old.id!r} is not the source's. Run the migration again.")
