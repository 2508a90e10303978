"""index.json: what an index directory is, written last at creation, so that it alone makes it an index."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

from index.base import JSON
from index.errors import CorruptIndex, FingerprintMismatch, IndexNotFound, UnsupportedFormat
from index.files import write_atomically

NAME = "index.json"
FORMAT = 1


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version() -> str:
    try:
        return version("notelens")
    except PackageNotFoundError:  # run from a bare checkout
        return "unknown"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What never changes in the life of an index directory."""

    dim: int
    fingerprint: str
    faiss_type: str
    """flat, hnsw or auto, as asked for at creation."""
    meta: dict[str, JSON]
    config: dict[str, JSON]
    """The back-end's own settings."""
    backend: str = "faiss"
    metric: str = "inner_product"
    index_id: str = field(default_factory=lambda: uuid4().hex)
    """Tells the snapshots of this index from those of another."""
    created_at: str = field(default_factory=_now)
    notelens_version: str = field(default_factory=_version)
    format: int = FORMAT


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put the manifest in place, atomically and durably."""
    text = json.dumps(asdict(manifest), ensure_ascii=False, indent=2) + "\n"
    write_atomically(folder / NAME, lambda path: path.write_bytes(text.encode()))


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest. Raises IndexNotFound, UnsupportedFormat, CorruptIndex."""
    path = folder / NAME
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise IndexNotFound(f"{folder}: no {NAME} here. Check the path, or create an index.") from error
    except ValueError as error:
        raise CorruptIndex(f"{path} is no JSON: {error}. Restore it, or rebuild the index.") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise CorruptIndex(f"{path} has no format number. Restore it from a copy, or rebuild the index.")
    if found["format"] != FORMAT:
        raise UnsupportedFormat(
            f"{path}: format {found['format']}, this notelens reads {FORMAT}. Upgrade notelens, or rebuild the index."
        )
    return _checked(path, found)


def check_fingerprint(folder: Path, manifest: Manifest, fingerprint: str | None) -> None:
    """Raise FingerprintMismatch where a fingerprint is given and is not the manifest's."""
    if fingerprint is not None and fingerprint != manifest.fingerprint:
        raise FingerprintMismatch(
            f"{folder}: built with the encoder {manifest.fingerprint!r}, got {fingerprint!r}. "
            "Open it with the encoder it was built with, or rebuild the index with this one."
        )


def _checked(path: Path, found: dict[str, Any]) -> Manifest:
    texts = ("fingerprint", "faiss_type", "backend", "metric", "index_id", "created_at", "notelens_version")
    expected: dict[str, type] = dict.fromkeys(texts, str) | {"dim": int, "meta": dict, "config": dict}
    for name, kind in expected.items():
        if not isinstance(found.get(name), kind):
            raise CorruptIndex(
                f"{path}: {name} is {found.get(name)!r}, expected a {kind.__name__}. "
                "Restore it from a copy, or rebuild the index."
            )
    return Manifest(**{name: found[name] for name in (*expected, "format")})
