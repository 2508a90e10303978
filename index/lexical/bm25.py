"""`LexicalIndex`: BM25 over the words of texts, derived from a truth that is kept elsewhere.

The truth numbers its writes; this index knows how far it has read (`seq`) and asks for what came after.
Whatever happens to its folder, it can be built again, so damage is an error with a mend and never a loss.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from index.base import JSON, Keys, Vectors
from index.errors import IndexClosed, InvalidQuery
from index.files import bytes_under
from index.lexical.best import Allowed, best
from index.lexical.engine import create_engine, failures_named, open_engine, read_meta, verify_files
from index.lexical.generations import applying, next_generation, remove_generations
from index.lexical.state import DamagedLexicalIndex, State, read_state, stamp, write_state
from index.lexical.words import analysis, words
from index.lexical.writing import write

if TYPE_CHECKING:
    from tantivy import Index, Schema, Searcher

__all__ = ["Changes", "DamagedLexicalIndex", "LexicalIndex", "Read"]


@dataclass(frozen=True, slots=True)
class Changes:
    """What the truth did after some seq: new (key, text) pairs, keys removed, and the seq they lead to.

    The iterables are drawn once and may be generators; where `seq` is the one asked after there is no news and
    they are not drawn. A key names one text for ever and comes once; one both added and removed is removed.
    """

    added: Iterable[tuple[int, str]]
    removed: Iterable[int]
    seq: int


Read = Callable[[int], Changes]
"""Everything after the given seq; 0 asks for everything there is."""


class LexicalIndex:
    """A folder of postings, searched by any number of processes while one at a time applies changes.

    Safe to call from several threads. After close() every call raises IndexClosed.
    """

    def __init__(self, folder: Path, state: State, engine: Index, read_at: bytes) -> None:
        """Use `build` or `open`."""
        self._folder = folder
        self._state = state
        self._engine = engine
        self._searcher: Searcher = engine.searcher()
        self._read_at = read_at
        self._lock = threading.Lock()
        self._closed = False

    @classmethod
    def build(cls, folder: str | Path, read: Read, *, timeout: float = -1) -> Self:
        """Build anew from everything `read(0)` gives, in place of whatever the folder held, damaged or not.

        Readers go on with the old generation until the new one is whole. `timeout` in seconds is how long to
        wait for another process that applies; negative is for ever. Raises IndexLocked, OutOfSpace.
        """
        root = Path(folder)
        root.mkdir(parents=True, exist_ok=True)
        with applying(root, timeout):
            number = next_generation(root)
            state = State(generation=number, seq=0, opstamp=0, texts=0, analysis=analysis())
            state.folder(root).mkdir()
            engine = create_engine(state.folder(root))
            _apply(root, state, engine, read(0))
            remove_generations(root, keep=number)
        return cls.open(root, verify=False)

    @classmethod
    def open(cls, folder: str | Path, *, verify: bool = True) -> Self:
        """Open what `build` made. Raises DamagedLexicalIndex; build again then.

        `verify` compares every file with its checksum, which reads them all once; without it only
        missing and truncated files are noticed here.
        """
        root = Path(folder)
        while True:
            read_at = stamp(root)
            state = read_state(root)
            try:
                engine = _checked(root, state, verify)
                return cls(root, state, engine, read_at)
            except DamagedLexicalIndex:
                if stamp(root) == read_at:  # else another process went on meanwhile: look again
                    raise

    @property
    def seq(self) -> int:
        """How far the truth has been read, by this process or another."""
        self._refresh()
        return self._state.seq

    def apply(self, read: Read, *, timeout: float = -1) -> int:
        """Add and remove what `read(seq)` says came after the seq reached; returns the new seq.

        `read` is called with the lock held, so no other process can get between. A process that dies in here
        leaves the index at the old seq or at the new one; applying again is harmless either way. What `read`
        raises passes through, and nothing was applied. `timeout` as in `build`.
        Raises IndexLocked, OutOfSpace, DamagedLexicalIndex.
        """
        self._refresh()
        with applying(self._folder, timeout):
            state = read_state(self._folder)
            changes = read(state.seq)
            if changes.seq < state.seq:
                raise DamagedLexicalIndex(
                    f"{self._folder}: stands at seq {state.seq}, the truth only at {changes.seq}. Build it again."
                )
            if changes.seq > state.seq:
                _apply(self._folder, state, open_engine(state.folder(self._folder)), changes)
            remove_generations(self._folder, keep=state.generation)
        self._refresh()
        return changes.seq

    def compact(self, read: Read, *, timeout: float = -1) -> None:
        """Build again from `read(0)` without what was removed, and go on with that. As `build`."""
        self._refresh()
        self.build(self._folder, read, timeout=timeout).close()
        self._refresh()

    def search(self, text: str, k: int, allowed: Allowed | None = None) -> tuple[Keys, Vectors]:
        """The keys (int64) and BM25 scores (float32) of the k texts that best match any word of `text`.

        By score descending, then by key; more than k where several share the k-th score, so that the caller
        may choose among equals. `allowed` is None, a mask by key (bool) or ascending keys (int64); the answer
        is exactly the best among those. No character of `text` is an operator; without words nothing is found.
        Raises InvalidQuery for k < 1, DamagedLexicalIndex.
        """
        if k < 1:
            raise InvalidQuery(f"k is {k}, expected at least 1. Ask for one result or more.")
        searcher, schema = self._refresh()
        with failures_named(self._folder):
            return best(searcher, schema, words(text), k, allowed)

    def info(self) -> dict[str, JSON]:
        """seq, texts, removed texts not yet merged away (they still count in the statistics), segments, bytes."""
        self._refresh()
        found = read_meta(self._state.folder(self._folder))
        return {
            "seq": self._state.seq,
            "texts": found.texts,
            "removed": sum(segment.removed for segment in found.segments),
            "segments": len(found.segments),
            "bytes": bytes_under(self._folder),
            "analysis": self._state.analysis,
        }

    def close(self) -> None:
        """Let go of the files; closing twice is fine."""
        with self._lock:
            self._closed = True
            self.__dict__.pop("_engine", None)
            self.__dict__.pop("_searcher", None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refresh(self) -> tuple[Searcher, Schema]:
        """What stands now: read again only where state.json was replaced since."""
        with self._lock:
            if self._closed:
                raise IndexClosed(f"{self._folder}: the lexical index was closed. Open it again.")
            while (now := stamp(self._folder)) != self._read_at:
                state = read_state(self._folder)
                try:
                    if state.generation != self._state.generation:
                        self._engine = _checked(self._folder, state, verify=False)
                    else:
                        with failures_named(self._folder):
                            self._engine.reload()
                except DamagedLexicalIndex:
                    if stamp(self._folder) == now:
                        raise
                    continue
                self._searcher, self._state, self._read_at = self._engine.searcher(), state, now
            return self._searcher, self._engine.schema


def _checked(root: Path, state: State, verify: bool) -> Index:
    folder = state.folder(root)
    found = read_meta(folder)
    if found.opstamp < state.opstamp or (found.opstamp == state.opstamp and found.texts != state.texts):
        raise DamagedLexicalIndex(
            f"{folder}: holds {found.texts} texts at commit {found.opstamp}, "
            f"expected {state.texts} at {state.opstamp}. "
            "Its files are of different times: build the lexical index again."
        )
    if verify:
        verify_files(folder)
    return open_engine(folder)


def _apply(root: Path, state: State, engine: Index, changes: Changes) -> None:
    folder = state.folder(root)

    def note(opstamp: int) -> None:
        write_state(root, replace(state, seq=changes.seq, opstamp=opstamp, texts=read_meta(folder).texts))

    # Above the noted opstamp stands a commit whose writer died before noting it: some of these keys are in already.
    repeated = read_meta(folder).opstamp != state.opstamp
    write(engine, folder, changes.added, changes.removed, replacing=repeated, committed=note)
