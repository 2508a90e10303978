"""Keeping the vectors in memory in step with the store.

Every step runs inside one read transaction of the store, so what is added and removed is what that
transaction sees, whichever process wrote it.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from index.manifest import Manifest
from index.snapshot import read_snapshot, write_snapshot
from index.store import Store
from index.vectors import FaissConfig, Kind, VectorTable

log = logging.getLogger("notelens.index")
_COMPARED = 64
"""The newest rows of a snapshot that are compared with the database's."""


class LiveTable:
    """The table, the sequence number it has reached, and that of the snapshot on disk (None without one)."""

    def __init__(self, folder: Path, manifest: Manifest, config: FaissConfig) -> None:
        self._folder = folder
        self._manifest = manifest
        self._config = config
        self._table: VectorTable | None = None
        self.seq = 0
        self.snapshot_seq: int | None = None

    def current(self, store: Store) -> VectorTable:
        """The vectors as of the read transaction under way: loaded, built or caught up as need be."""
        table = self._table or self._load(store) or self._build(store)
        seq = store.sequence()
        if self.seq != seq:
            self._table = None  # so that a change that is interrupted half-way is never searched
            table.remove(store.removed_after(self.seq))
            for keys, vectors in store.vectors_after(self.seq):
                table.add(keys, vectors)
            self.seq = seq
        self._table = table
        return table

    def write_snapshot(self, store: Store) -> None:
        """Write the table in the kind that the rows call for, without too many removed rows."""
        if self._table is None or self._table.kind != self._kind_for(store.count()):
            table = self._build(store)
        else:
            table = self.current(store)
            if table.dead_share > self._config.max_dead_share:
                table = self._build(store)
        self._table = table
        manifest = self._manifest
        write_snapshot(self._folder, table, seq=self.seq, dim=manifest.dim, index_id=manifest.index_id)
        self.snapshot_seq = self.seq

    def is_snapshot_due(self, store: Store) -> bool:
        """Whether there is no snapshot, or one so old that opening would take long."""
        behind = store.sequence() - (self.snapshot_seq or 0)
        return behind >= (1 if self.snapshot_seq is None else self._config.snapshot_after)

    def _load(self, store: Store) -> VectorTable | None:
        """The table of a sound snapshot, less what was removed since; with "auto" of whichever kind it is."""
        found = read_snapshot(
            self._folder,
            index_id=self._manifest.index_id,
            dim=self._manifest.dim,
            max_seq=store.sequence(),
            config=self._config,
        )
        if found is not None and self._fits(store, *found):
            table, self.seq = found
            self.snapshot_seq = self.seq
            table.remove(np.setdiff1d(table.keys(), store.keys()))
            return table
        if rows := store.count():
            log.warning("%s: no usable snapshot, building from the database: %d rows.", self._folder, rows)
        return None

    def _fits(self, store: Store, table: VectorTable, seq: int) -> bool:
        """Whether the snapshot tells the same history: a restored database may have gone on differently."""
        held, stored = table.keys(), store.keys()
        stored = stored[stored <= seq]
        complete = len(np.unique(held)) == len(held) and bool(np.isin(stored, held).all())
        if complete:
            newest = stored[-_COMPARED:]
            complete = np.array_equal(table.vectors(newest), store.vectors_of(newest)) if len(newest) else True
        if not complete:
            log.warning("%s: the snapshot does not hold what the database does; left aside.", self._folder)
        return complete

    def _build(self, store: Store) -> VectorTable:
        rows = store.count()
        table = VectorTable.empty(self._kind_for(rows), self._manifest.dim, self._config)
        log.info("%s: building a %s index of %d rows.", self._folder, table.kind, rows)  # a graph takes minutes
        for keys, vectors in store.vectors_after(0):
            table.add(keys, vectors)
        self.seq = store.sequence()
        return table

    def _kind_for(self, rows: int) -> Kind:
        if self._manifest.faiss_type == "auto":
            return "hnsw" if rows > self._config.auto_hnsw_above else "flat"
        return "hnsw" if self._manifest.faiss_type == "hnsw" else "flat"
