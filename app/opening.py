"""Opening an index the way the settings say; the one place that brings a Milvus token from the environment."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from app.errors import AppError
from index import NoteIndex, open_index
from index.places import backend_of

if TYPE_CHECKING:
    from app.settings import Settings
    from index.milvus import MilvusAccess
    from retrieval.retriever import Retriever

BACKENDS = ("faiss", "milvus")


def open_note_index(path: Path, fingerprint: str | None = None, settings: "Settings | None" = None) -> NoteIndex:
    """Open an index directory, whatever made it. Raises NoteIndexError, AppError."""
    return open_index(path, fingerprint=fingerprint, access=access_to(path, settings))


def access_to(path: Path, settings: "Settings | None" = None) -> "MilvusAccess | None":
    """How a Milvus server lets us in; None where the index stands in its folder, whose opening stays quick."""
    if backend_of(path) != "milvus":
        return None
    from app.settings import load_settings

    return (settings or load_settings()).milvus.access()


def open_retriever(path: Path, settings: "Settings | None" = None) -> "Retriever":
    """Open an index with the encoder it was built with, which loads once it is needed."""
    from retrieval.retriever import Retriever, described_encoder

    index = open_note_index(path, settings=settings)
    if settings is None:
        return Retriever(index, lambda: described_encoder(index))
    precision, limits = settings.run.precision, settings.images.limits()
    return Retriever(index, lambda: described_encoder(index, precision, limits))


@contextmanager
def index_folder(index: Path, backend: str | None, uri: str | None) -> Iterator[Path]:
    """The index directory; with a uri, a passing one for the index of that name in Milvus. Raises AppError."""
    if backend not in (None, *BACKENDS):
        raise AppError(f"--backend {backend}: expected one of {', '.join(BACKENDS)}")
    if uri is None and backend != "milvus":
        yield index
        return
    if uri is None:
        raise AppError("--backend milvus needs --uri, the server's address, with the index's name in place of INDEX")
    if backend == "faiss":
        raise AppError("--uri goes with --backend milvus; a FAISS index is named by its directory alone")
    from app.settings import load_settings
    from index import MilvusPlace, connect

    settings = load_settings()
    with TemporaryDirectory(prefix="notelens-") as folder:
        place = MilvusPlace(uri, index.name, settings.milvus.config())
        connect(Path(folder), place, settings.milvus.access()).close()
        yield Path(folder)
