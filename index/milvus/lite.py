"""milvus-lite: a Milvus in this process, over a folder whose name ends in `.db`.

Every index of this process on one folder shares one such server; the last to close stops it, which frees the
folder for other processes. milvus-lite lets only one write at a time: they share a lock as well.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

from index.errors import BackendUnavailable, IndexLocked, IndexNotFound, NoteIndexError
from index.milvus.quiet import quiet

SUFFIX = ".db"
_LOCK_FILE = "LOCK"


@dataclass
class _Served:
    address: str
    users: int = 0
    writing: threading.RLock = field(default_factory=threading.RLock)


_served: dict[Path, _Served] = {}
_registry = threading.Lock()


def serve(path: Path, make: bool) -> tuple[str, threading.RLock]:
    """The address of the server over the folder, started where it was not, and the lock of its writers.

    Raises IndexNotFound where the folder is not there and `make` is false, IndexLocked where another process
    has it open, NoteIndexError for a name without `.db`, and BackendUnavailable.
    """
    if path.suffix != SUFFIX:
        raise NoteIndexError(
            f"{path}: milvus-lite keeps its data in a folder that ends in {SUFFIX}. Call it {path}.db."
        )
    if not path.exists() and not make:
        raise IndexNotFound(f"{path}: there is no milvus-lite data. Build an index there first, or correct the path.")
    place = path.resolve()
    with _registry:
        served = _served.get(place)
        if served is None:
            place.parent.mkdir(parents=True, exist_ok=True)
            served = _served[place] = _Served(_start(place))
        served.users += 1
        return served.address, served.writing


def release(path: Path) -> None:
    """Give back what serve() gave; the last user's return stops the server."""
    from milvus_lite.server_manager import server_manager_instance

    place = path.resolve()
    with _registry:
        served = _served[place]
        served.users -= 1
        if not served.users:
            del _served[place]
            server_manager_instance.release_server(str(place))


def _start(place: Path) -> str:
    try:
        from milvus_lite.server_manager import server_manager_instance
    except ImportError as error:
        raise BackendUnavailable(
            "milvus-lite is not installed, and the index's address is a path. Install notelens[milvus], or give "
            "the address of a server (http://host:19530)."
        ) from error
    with quiet():
        address: str | None = server_manager_instance.start_and_get_uri(str(place))
    if address is not None:
        return address
    if _is_locked(place / _LOCK_FILE):
        raise IndexLocked(
            f"{place}: another process has this milvus-lite data open, and only one may. Close that one, or use a "
            "Milvus server, which many processes share."
        )
    raise BackendUnavailable(f"{place}: milvus-lite cannot open this. Is it a folder made by milvus-lite 3, and yours?")


def _is_locked(file: Path) -> bool:
    try:
        import fcntl

        with file.open("rb+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        return False
    return False
