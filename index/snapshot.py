"""The FAISS file: derived from the store, so a bad one is logged and left aside, never an error.

Two files make a snapshot: `<kind>-<seq>.faiss`, and `<kind>-<seq>.json`, which is written last and says
what the other must be. Older ones go only when the new pair is in place.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path

from index.files import write_atomically
from index.vectors import FaissConfig, Kind, VectorTable

FOLDER = "snapshot"
log = logging.getLogger("notelens.index")


@dataclass(frozen=True, slots=True)
class SnapshotNote:
    """What the JSON beside a FAISS file says about it."""

    index_id: str
    kind: Kind
    dim: int
    seq: int
    """Every insert and deletion up to this sequence number is in it."""
    rows: int
    """The rows in the FAISS file, those removed from an HNSW graph included."""
    sha256: str


def write_snapshot(folder: Path, table: VectorTable, *, seq: int, dim: int, index_id: str) -> None:
    """Write the table as the snapshot of this sequence number, then remove the others."""
    place = folder / FOLDER
    place.mkdir(exist_ok=True)
    data = place / f"{table.kind}-{seq}.faiss"
    write_atomically(data, table.write)
    note = SnapshotNote(index_id, table.kind, dim, seq, table.total, _sha256(data))
    text = json.dumps(asdict(note), indent=2) + "\n"
    write_atomically(data.with_suffix(".json"), lambda path: path.write_text(text))
    for path in place.iterdir():
        if path.suffix in (".faiss", ".json", ".tmp") and path.stem != data.stem:
            path.unlink(missing_ok=True)


def read_snapshot(
    folder: Path, *, index_id: str, dim: int, max_seq: int, config: FaissConfig
) -> tuple[VectorTable, int] | None:
    """The newest sound snapshot that is no newer than the store, and its sequence number; or None.

    Every other one is logged as a warning. Reads again where a writer replaced the files meanwhile.
    """
    place = folder / FOLDER
    for _ in range(3):
        names = sorted(place.glob("*.json"), key=_seq_of, reverse=True)
        for name in names:
            try:
                return _read(name, index_id, dim, max_seq, config)
            except (ValueError, OSError) as error:
                log.warning("Snapshot %s is left aside: %s.", name, error)
        if names == sorted(place.glob("*.json"), key=_seq_of, reverse=True):
            break
    return None


def _read(name: Path, index_id: str, dim: int, max_seq: int, config: FaissConfig) -> tuple[VectorTable, int]:
    try:
        note = SnapshotNote(**json.loads(name.read_bytes()))
        numbers = [int(number) for number in (note.dim, note.seq, note.rows)]
    except TypeError as error:
        raise ValueError(f"its note is not understood: {error}") from error
    if numbers != [note.dim, note.seq, note.rows]:
        raise ValueError("its note does not give numbers where it should")
    if note.index_id != index_id or note.dim != dim:
        raise ValueError("it belongs to another index")
    if note.kind not in ("flat", "hnsw"):
        raise ValueError(f"its kind {note.kind!r} is unknown")
    if note.seq > max_seq:
        raise ValueError(f"it reaches {note.seq}, the database only {max_seq}: the database is older than it")
    data = name.with_suffix(".faiss")
    if _sha256(data) != note.sha256:
        raise ValueError("its checksum is wrong: it was cut short or changed")
    table = VectorTable.read(data, note.kind, dim, config)
    if table.total != note.rows:
        raise ValueError(f"it holds {table.total} rows, expected {note.rows}")
    return table, note.seq


def _seq_of(name: Path) -> int:
    digits = name.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
