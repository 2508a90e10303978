"""One commit to tantivy: texts in, keys out, in memory that does not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from index.lexical.engine import KEY, TEXT, failures_named
from index.lexical.words import words

if TYPE_CHECKING:
    from tantivy import Index, IndexWriter

HEAP_BYTES = 128_000_000


def write(
    engine: Index,
    folder: Path,
    added: Iterable[tuple[int, str]],
    removed: Iterable[int],
    *,
    replacing: bool,
    committed: Callable[[int], None],
) -> None:
    """Add, then remove, commit once, tell `committed` the commit's opstamp, then let small segments be merged.

    `replacing` first removes each key that is added, so that applying twice leaves one. What the
    iterables raise passes through, and nothing is committed. Raises OutOfSpace, DamagedLexicalIndex.
    """
    import tantivy

    with failures_named(folder):
        writer = engine.writer(HEAP_BYTES, 1)
    try:
        for key, text in added:
            document = tantivy.Document()
            document.add_integer(KEY, key)
            document.add_text(TEXT, " ".join(words(text)))
            with failures_named(folder):
                if replacing:
                    writer.delete_documents_by_term(KEY, key)
                writer.add_document(document)
        for key in removed:
            with failures_named(folder):
                writer.delete_documents_by_term(KEY, key)
        with failures_named(folder):
            opstamp = writer.commit()
        committed(opstamp)
        with failures_named(folder):
            writer.wait_merging_threads()
    except BaseException:
        _release(writer)
        raise


def _release(writer: IndexWriter) -> None:
    """Give tantivy's own lock back now: the traceback would keep the writer, and so the lock, alive."""
    with suppress(Exception):
        writer.wait_merging_threads()
