"""The dense side of one version's folder: which base is used, when a new one is due, and putting it in place."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from index.base import JSON, Progress
from index.dense.base import Base, build_base, load_base
from index.dense.config import FaissConfig
from index.dense.files import bases, remove_other_bases
from index.dense.live import Live
from index.errors import CorruptIndex, OutOfSpace
from index.files import is_full
from index.store.store import Store

log = logging.getLogger("notelens.index")


class DenseTable:
    """Base and delta, in step with a store. Not locked, but build() touches nothing that the others do."""

    def __init__(self, version: Path, index_id: str, dim: int, config: FaissConfig) -> None:
        self._version = version
        self._index_id = index_id
        self._dim = dim
        self._config = config
        self._live: Live | None = None

    @property
    def has_base(self) -> bool:
        """Whether the rows stand on a base."""
        return self._live is not None and self._live.base is not None

    def at(self, seq: int) -> Live | None:
        """The rows, if they stand at this sequence number already."""
        return self._live if self._live is not None and self._live.seq == seq else None

    def current(self, store: Store) -> Live:
        """The rows as of the read transaction under way: loaded, or caught up as need be."""
        seq = store.sequence()
        live = self.at(seq)
        if live is not None:
            return live
        live, self._live = self._live, None  # so that a change that is interrupted half-way is never searched
        if live is None or live.seq < store.pruned() or self._is_overtaken(live):
            live = Live(load_base(store, self._version, self._index_id, self._config.device), self._dim)
            if live.base is None and (rows := store.count()) > self._config.snapshot_after:
                log.warning("%s: no usable base; all of %d rows are scored, from the database.", self._version, rows)
        live.catch_up(store, seq)
        self._live = live
        return live

    def is_due(self, store: Store) -> bool:
        """Whether a new base would spare searches or the next opening much."""
        live = self.current(store)
        if live.base is None:
            return store.count() > 0
        rows, config = len(live.base), self._config
        return live.written > max(config.snapshot_after, min(rows // 10, config.max_delta)) or live.dead > max(
            config.snapshot_after, rows * config.max_dead_share
        )

    def build(self, store: Store, on_progress: Progress | None) -> Base | None:
        """A new base of all that the store's read transaction under way sees; None of nothing.

        Raises OutOfSpace, and the old base stands.
        """
        rows = store.count()
        if not rows:
            return None
        try:
            base = build_base(store, self._version, self._index_id, self._config, on_progress)
        except (OSError, RuntimeError) as error:  # the latter from FAISS, which keeps the system's words
            if not is_full(error):
                raise
            raise OutOfSpace(
                f"{self._version}: the disk is full, no new base was built ({error}); every record is safe and the "
                "old base stands. Free some space and try again."
            ) from error
        if len(base) != rows:
            shutil.rmtree(base.folder)
            raise CorruptIndex(f"{base.folder} held {len(base)} rows of {rows} and was removed. Try again.")
        return base

    def adopt(self, base: Base | None, store: Store) -> None:
        """Put a new base in the place of the others, and catch it up."""
        remove_other_bases(self._version, base.folder if base is not None else None)
        self._live = None
        live = Live(base, self._dim)
        live.catch_up(store, store.sequence())
        self._live = live

    def info(self, store: Store) -> dict[str, JSON]:
        """What is searched and how, for people."""
        live = self.current(store)
        base = live.base
        return {
            "kind_asked": self._config.kind,
            "kind": base.note.kind if base else "flat",
            "storage": base.note.storage if base else "float32",
            "lists": base.searcher.lists if base else 0,
            "removed": live.dead,
            "written": live.written,
            "seq": live.seq,
            "base_seq": base.note.seq if base else None,
            "base_seconds": base.note.seconds if base else None,
            "calibration": base.calibration.as_json() if base else None,
            "device": self._config.device,
        }

    def is_exact(self, store: Store) -> bool:
        """Whether every row is scored for every search."""
        base = self.current(store).base
        return base is None or (base.note.kind == "flat" and not base.searcher.is_reduced)

    def close(self) -> None:
        """Let go of the files."""
        self._live = None

    def _is_overtaken(self, live: Live) -> bool:
        """Whether another process has built a base that spares this one many rows."""
        if live.written + live.dead <= self._config.snapshot_after:
            return False
        there = bases(self._version)
        return bool(there) and (live.base is None or there[0] != live.base.folder)
