"""A base on disk: a folder of derived files and a note with their checksums; whole or not there.

The folder is filled under another name and renamed, so a reader or a crash never sees half of one. It is
derived from the store: a bad one is logged and left aside, never an error.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from index.base import JSON
from index.dense.config import Kind, Storage
from index.files import sync_folder

FORMAT = 1
_PREFIX = "base-"
_NOTE = "note.json"
_SMALL = 1 << 16
log = logging.getLogger("notelens.index")


@dataclass(frozen=True, slots=True)
class BaseNote:
    """What note.json says of the files beside it."""

    index_id: str
    kind: Kind
    storage: Storage
    dim: int
    seq: int
    """Every insert and deletion up to this sequence number is in it."""
    token: str
    """Store.token() at that number."""
    rows: int
    calibration: dict[str, JSON]
    seconds: float
    """What building it took."""
    sha256: dict[str, str]
    format: int = FORMAT


def write_base(version: Path, write: Callable[[Path], None], note: BaseNote) -> Path:
    """Have `write` fill a new folder, add the note with the checksums, and put it in place; returns it."""
    place = version / f"{_PREFIX}{note.seq:012d}-{uuid4().hex[:8]}"
    hidden = version / f".{place.name}.{os.getpid()}.tmp"
    try:
        hidden.mkdir()
        write(hidden)
        digests = _digests(sorted(hidden.iterdir()))
        (hidden / _NOTE).write_text(json.dumps(asdict(note) | {"sha256": digests}, indent=2) + "\n")
        sync_folder(hidden)
        hidden.rename(place)
        sync_folder(version, files=False)
    finally:
        shutil.rmtree(hidden, ignore_errors=True)
    return place


def remove_other_bases(version: Path, kept: Path | None) -> None:
    """Remove all bases but one (or all), and what a killed writer left; who has one open keeps its mapped files."""
    for path in version.iterdir():
        if path != kept and path.name.lstrip(".").startswith(_PREFIX):
            shutil.rmtree(path, ignore_errors=True)


def bases(version: Path) -> list[Path]:
    """The bases in a version's folder, the newest first."""
    return sorted(version.glob(f"{_PREFIX}*"), reverse=True)


def read_note(folder: Path, *, index_id: str, dim: int, max_seq: int, min_seq: int) -> BaseNote:
    """Check the files of a base against its note. Raises ValueError or OSError for one that cannot be used."""
    try:
        note = BaseNote(**json.loads((folder / _NOTE).read_bytes()))
        numbers = [int(number) for number in (note.dim, note.seq, note.rows)]
        named = dict(note.sha256)
    except (TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its note is not understood: {error}") from error
    known = note.kind in get_args(Kind) and note.storage in get_args(Storage)
    if note.format != FORMAT or numbers != [note.dim, note.seq, note.rows] or not known:
        raise ValueError("its note is of another format")
    if note.index_id != index_id or note.dim != dim:
        raise ValueError("it belongs to another index")
    if note.seq > max_seq:
        raise ValueError(f"it reaches {note.seq}, the database only {max_seq}: the database is older than it")
    if note.seq < min_seq:
        raise ValueError(f"it reaches {note.seq}; what was removed up to {min_seq} is no longer told apart")
    found = [path for path in folder.iterdir() if path.name != _NOTE]
    if _digests(found) != named:
        raise ValueError("a checksum is wrong: a file was cut short or changed")
    return note


def load_array(path: Path) -> NDArray[Any]:
    """Map a .npy file; a small one is read, because an empty one cannot be mapped."""
    small = path.stat().st_size < _SMALL
    return np.load(path) if small else np.asarray(np.load(path, mmap_mode="r"))


def _digests(files: list[Path]) -> dict[str, str]:
    def digest(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    with ThreadPoolExecutor() as pool:
        return dict(zip([path.name for path in files], pool.map(digest, files), strict=True))


def note_of(fields: dict[str, Any]) -> BaseNote:
    """A note before its checksums are known."""
    return BaseNote(**fields, sha256={})
