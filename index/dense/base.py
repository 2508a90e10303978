"""The base: an immutable copy of the store's vectors as of one sequence number, in the form that searches fastest."""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from index.base import Keys, Progress
from index.dense.calibrate import Calibration, calibrate
from index.dense.config import Device, FaissConfig
from index.dense.files import BaseNote, bases, load_array, note_of, read_note, write_base
from index.dense.kinds import add, kind_for, lists_for, new_ann, new_storage, read, storage_for, write
from index.dense.lists import Lists
from index.dense.names import Names
from index.dense.postings import Postings, write_postings
from index.dense.search import Searcher
from index.schema import IndexSchema
from index.store.store import Store

log = logging.getLogger("notelens.index")
_KEYS, _TEXT, _ENDS = "keys.npy", "names.npy", "name_ends.npy"
_CHUNK = 16_384
_COMPARED = 64
"""Rows of a base that are compared with the database's when it is opened."""


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """Rows 0 … N−1 by ascending key: keys int64 [N], names, vectors, attributes, and lists unless it is flat."""

    folder: Path
    note: BaseNote
    keys: Keys
    names: Names
    searcher: Searcher
    lists: Lists | None
    postings: Postings
    calibration: Calibration

    def __len__(self) -> int:
        return len(self.keys)


def build_base(
    store: Store, version: Path, index_id: str, config: FaissConfig, on_progress: Progress | None = None
) -> Base:
    """Build, measure and write a base of everything in the store's read transaction under way; at least one row.

    on_progress is told how many more rows have been taken in.
    """
    started = perf_counter()
    rows, seq = store.count(), store.sequence()
    vectors = np.empty((rows, store.dim), dtype=np.float32)
    keys = np.empty(rows, dtype=np.int64)
    ids: list[bytes] = []
    for batch in store.added_after(0):
        at = len(ids)
        keys[at : at + len(batch.keys)] = batch.keys
        vectors[at : at + len(batch.keys)] = batch.vectors
        ids.extend(name.encode() for name in batch.ids)
        if on_progress:
            on_progress(len(batch.keys))
    kind, held = kind_for(config, rows), storage_for(config, rows, store.dim)
    log.info("%s: building a %s base of %d rows.", version, kind, rows)
    sample = vectors[_spread(rows, max(1024, config.points_per_list * lists_for(config, rows)))]  # codes need some, too
    storage = new_storage(held, store.dim, sample)
    ann = new_ann(kind, config, sample, rows, storage)
    for start in range(0, rows, chunk := _CHUNK if kind == "hnsw" else rows):  # in one go nothing is held to spare
        add(storage, ann, vectors[start : start + chunk])
    lists = None
    if ann is not None and kind != "flat":
        count = lists_for(config, rows)
        lists = Lists.of_file(ann) or Lists.trained(sample, vectors, count, config.points_per_list)
    del vectors
    seed = zlib.crc32(index_id.encode())
    measured = Calibration(queries=0)
    if ann is not None:
        measured = calibrate(Searcher(storage, ann, config.device), lists, config.target_recall, seed)
    fields: dict[str, Any] = {
        "index_id": index_id,
        "kind": kind,
        "storage": held,
        "dim": store.dim,
        "seq": seq,
        "token": store.token(seq),
        "rows": rows,
        "calibration": measured.as_json(),
    }

    def fill(folder: Path) -> None:
        write(storage, ann, folder)
        np.save(folder / _KEYS, keys)
        Names.of(ids).write(folder / _TEXT, folder / _ENDS)
        write_postings(folder, store, store.schema, keys)
        if lists is not None:
            lists.write(folder)

    note = note_of({**fields, "seconds": round(perf_counter() - started, 3)})
    return _open(write_base(version, fill, note), note, store.schema, config.device)


def load_base(store: Store, version: Path, index_id: str, device: Device = "cpu") -> Base | None:
    """The newest sound base that the store's read transaction under way can be caught up from; or None.

    Every other one is logged as a warning. Looks again where a writer replaced the folder meanwhile.
    """
    seq, pruned = store.sequence(), store.pruned()
    for _ in range(3):
        there = bases(version)
        for folder in there:
            try:
                note = read_note(folder, index_id=index_id, dim=store.dim, max_seq=seq, min_seq=pruned)
                base = _open(folder, note, store.schema, device)
                _compare(base, store)
            except (ValueError, OSError) as error:
                log.warning("%s is left aside: %s.", folder, error)
            else:
                return base
        if there == bases(version):
            break
    return None


def _open(folder: Path, note: BaseNote, schema: IndexSchema, device: Device) -> Base:
    storage, ann = read(folder)
    keys = load_array(folder / _KEYS)
    names = Names.read(folder / _TEXT, folder / _ENDS)
    lists = Lists.read(folder, ann)
    postings = Postings.read(folder, schema)
    searcher = Searcher(storage, ann, device)
    if not len(searcher) == len(keys) == note.rows or searcher.dim != note.dim:
        raise ValueError(f"it holds {len(searcher)} × {searcher.dim}, expected {note.rows} × {note.dim}")
    try:
        measured = Calibration.from_json(note.calibration)
    except (TypeError, KeyError) as error:
        raise ValueError(f"its calibration is not understood: {error}") from error
    return Base(folder, note, keys, names, searcher, lists, postings, measured)


def _compare(base: Base, store: Store) -> None:
    """Whether it tells the same history: a database restored from a copy may have gone on differently.

    Raises ValueError where the sessions, the rows or the vectors that are in both are not the same.
    """
    if base.note.token != store.token(base.note.seq):
        raise ValueError("the database was restored and has gone on differently")
    if store.count_up_to(base.note.seq) + len(store.removed_after(base.note.seq)) != len(base):
        raise ValueError("it does not hold the rows that the database does")
    rows = np.unique(np.linspace(0, len(base) - 1, _COMPARED).astype(np.int64))
    rows = np.union1d(rows, np.arange(max(0, len(base) - _COMPARED), len(base)))
    stored = {int(key): vector for key, vector in store.vectors_by_key(base.keys[rows])}
    tolerance = {"float32": 0.0, "float16": 2e-3, "int8": 0.1}[base.note.storage]
    for row, vector in zip(rows.tolist(), base.searcher.vectors(rows), strict=True):
        other = stored.get(int(base.keys[row]))
        if other is not None and not np.allclose(vector, other, rtol=0, atol=tolerance):
            raise ValueError("it does not hold the vectors that the database does")


def _spread(rows: int, wanted: int) -> Keys:
    """About `wanted` rows, evenly over all."""
    if wanted >= rows:
        return np.arange(rows, dtype=np.int64)
    return np.linspace(0, rows - 1, wanted).astype(np.int64)
