"""Keyword search over the store: the derived word index, caught up before every search like the vectors."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from index.base import Keys, Neighbours, Vectors
from index.errors import IndexReadOnly, MissingCapability
from index.lexical.bm25 import Changes, DamagedLexicalIndex, LexicalIndex
from index.ranking import ranked
from index.schema import IndexSchema
from index.store.store import Store

FOLDER = "lexical"
log = logging.getLogger("notelens.index")
_MOST_REMOVED = 0.2
"""Of the texts, what may have been removed before they are worth building anew: they count in BM25's statistics."""
_WAIT = 60.0
"""Seconds to wait for another process that is bringing the words up to date."""


class WordsTable:
    """The word index of one version's folder. Not locked: its owner lets one thread in at a time."""

    def __init__(self, version: Path, schema: IndexSchema) -> None:
        self._folder = version / FOLDER
        self._schema = schema
        self._index: LexicalIndex | None = None

    def check(self) -> None:
        """Raise MissingCapability where the schema names no text."""
        if not self._schema.text:
            raise MissingCapability(
                "this index was created without text fields, so there is no keyword search. Create it with a schema "
                "whose `text` names the fields to search."
            )

    def catch_up(self, store: Store) -> bool:
        """Take in what the read transaction under way sees; False where the words are ahead of it already.

        Raises IndexReadOnly where the folder may not be written, IndexLocked, OutOfSpace.
        """
        seq = store.sequence()
        try:
            index = self._opened(store)
            if index.seq < store.pruned():
                index.compact(lambda after: self._changes(store, after), timeout=_WAIT)
            elif index.seq < seq:
                index.apply(lambda after: self._changes(store, after), timeout=_WAIT)
        except PermissionError as error:
            raise IndexReadOnly(
                f"{self._folder} may not be written, and its words are behind the records: {error}. Open the index "
                "once where it may be written."
            ) from error
        return index.seq <= seq

    def compact(self, store: Store) -> None:
        """Catch up, and build the words anew where much of what they hold was removed; raises as catch_up()."""
        self.catch_up(store)
        assert self._index is not None
        facts = self._index.info()
        removed, texts = facts["removed"], facts["texts"]
        if isinstance(removed, int) and isinstance(texts, int) and removed > _MOST_REMOVED * texts:
            self._index.compact(lambda after: self._changes(store, after), timeout=_WAIT)

    def search(self, store: Store, text: str, k: int, allowed: Keys | None) -> Neighbours:
        """The k best records for any word of the text, among these keys (int64, ascending); one entry."""
        assert self._index is not None  # catch_up() came first
        keys, scores = self._index.search(text, k, allowed)
        names, best = _known(store, keys, scores)
        ids, ordered = ranked(names, best, k)
        return Neighbours([ids], [ordered])

    def close(self) -> None:
        """Let go of the files."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def _opened(self, store: Store) -> LexicalIndex:
        if self._index is None:
            try:
                self._index = LexicalIndex.open(self._folder)
            except DamagedLexicalIndex as error:
                if self._folder.exists():
                    log.warning("%s; building it again from the database.", error)
                self._index = LexicalIndex.build(self._folder, lambda after: self._changes(store, after), timeout=_WAIT)
        return self._index

    def _changes(self, store: Store, after: int) -> Changes:
        removed = store.removed_after(after).tolist() if after else []
        return Changes(self._texts(store, after), removed, store.sequence())

    def _texts(self, store: Store, after: int) -> Iterator[tuple[int, str]]:
        for batch in store.payloads_after(after):
            for key, payload in batch:
                yield key, "\n".join(self._schema.texts(json.loads(payload)))


def _known(store: Store, keys: Keys, scores: Vectors) -> tuple[list[str], Vectors]:
    """The ids of those keys that are stored, with their scores."""
    names = store.ids_of(keys)
    kept = np.array([name is not None for name in names], dtype=bool)
    return [name for name in names if name is not None], scores[kept]
