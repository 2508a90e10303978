"""Keyword search over the store: the derived word index, caught up before every search like the vectors."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from filelock import FileLock

from index.base import Keys, Neighbours, Vectors
from index.errors import IndexReadOnly, MissingCapability
from index.files import write_atomically
from index.lexical.bm25 import Changes, DamagedLexicalIndex, LexicalIndex
from index.ranking import ranked
from index.schema import IndexSchema
from index.store.store import Store

FOLDER = "lexical"
_HISTORY = "history.json"
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
        self._ahead = 0

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
            try:
                if seq < self._ahead:  # not another's later write: this transaction began after that was seen
                    raise DamagedLexicalIndex(f"{self._folder}: reaches {self._ahead}, the database only {seq}")
                index = self._advanced(store, seq)
            except DamagedLexicalIndex as error:
                if self._folder.exists() or self._index is not None:
                    log.warning("%s; building it again from the database.", error)
                self.close()
                index = LexicalIndex.build(self._folder, lambda after: self._changes(store, after), timeout=_WAIT)
                self._keep_history(store)
                self._index = index
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            raise IndexReadOnly(
                f"{self._folder} may not be written, and its words are behind the records: {error}. Open the index "
                "once where it may be written."
            ) from error
        self._ahead = index.seq if index.seq > seq else 0
        return not self._ahead

    def _advanced(self, store: Store, seq: int) -> LexicalIndex:
        if self._index is None:
            self._index = LexicalIndex.open(self._folder)
            self._check_history(store)
        index = self._index
        if index.seq < store.pruned():
            index.compact(lambda after: self._changes(store, after), timeout=_WAIT)
        elif index.seq < seq:
            index.apply(lambda after: self._changes(store, after), timeout=_WAIT)
        else:
            return index
        self._keep_history(store)
        return index

    def _check_history(self, store: Store) -> None:
        """Raise DamagedLexicalIndex where the database has another history than the words were taken from."""
        try:
            known = json.loads((self._folder / _HISTORY).read_text())
            ahead = int(known["seq"]) > store.sequence()  # then catch_up() looks again from a later transaction
            same = ahead or store.token(int(known["seq"])) == known["token"]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise DamagedLexicalIndex(f"{self._folder / _HISTORY} is not understood: {error}") from error
        if not same:
            raise DamagedLexicalIndex(f"{self._folder}: the database was restored and has gone on differently")

    def _keep_history(self, store: Store) -> None:
        seq = store.sequence()
        text = json.dumps({"seq": seq, "token": store.token(seq)})
        with FileLock(self._folder / f"{_HISTORY}.lock"):  # any process may have brought the words up to date
            write_atomically(self._folder / _HISTORY, lambda path: path.write_text(text))

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

    def _changes(self, store: Store, after: int) -> Changes:
        removed = store.all_removed_after(after) if after else []
        return Changes(self._texts(store, after), removed, max(after, store.sequence()))

    def _texts(self, store: Store, after: int) -> Iterator[tuple[int, str]]:
        for batch in store.payloads_after(after):
            for key, payload in batch:
                yield key, "\n".join(self._schema.texts(json.loads(payload)))


def _known(store: Store, keys: Keys, scores: Vectors) -> tuple[list[str], Vectors]:
    """The ids of those keys that are stored, with their scores."""
    names = store.ids_of(keys)
    kept = np.array([name is not None for name in names], dtype=bool)
    return [name for name in names if name is not None], scores[kept]
