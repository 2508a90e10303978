"""index.json says which version of an index is served; version.json, in each version's folder, what that version is.

Both are written atomically. version.json never changes; index.json is what a swap replaces.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

from index.base import JSON
from index.errors import CorruptIndex, FingerprintMismatch, IndexNotFound, OutOfSpace, UnsupportedFormat
from index.files import is_full, write_atomically
from index.schema import IndexSchema

NAME = "index.json"
VERSION = "version.json"
FORMAT = 2


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _version() -> str:
    try:
        return version("notelens")
    except PackageNotFoundError:  # run from a bare checkout
        return "unknown"


@dataclass(frozen=True, slots=True)
class Pointer:
    """index.json: the back-end, the version that is served, and those that were."""

    backend: str
    current: str
    published: tuple[str, ...]
    """Every version that was ever served, in that order; a version's folder not named here is being built."""
    settings: dict[str, JSON] = field(default_factory=dict)
    """What a back-end that keeps its data elsewhere needs to find it."""
    format: int = FORMAT

    def serving(self, name: str) -> Self:
        """The pointer after this version was put in service."""
        return replace(self, current=name, published=(*(each for each in self.published if each != name), name))


@dataclass(frozen=True, slots=True)
class Manifest:
    """version.json: what never changes in the life of a version."""

    dim: int
    fingerprint: str
    schema: IndexSchema
    meta: dict[str, JSON]
    config: dict[str, JSON]
    """The back-end's own settings."""
    metric: str = "inner_product"
    index_id: str = field(default_factory=lambda: uuid4().hex)
    """Tells the derived files of this version from those of another."""
    created_at: str = field(default_factory=_now)
    notelens_version: str = field(default_factory=_version)
    format: int = FORMAT


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Put index.json in place, atomically and durably."""
    _write(folder / NAME, asdict(pointer))


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put version.json in place, atomically and durably."""
    _write(folder / VERSION, {**asdict(manifest), "schema": manifest.schema.as_json()})


def read_pointer(folder: Path) -> Pointer:
    """Read and check index.json. Raises IndexNotFound, OutOfSpace, UnsupportedFormat, CorruptIndex."""
    try:
        found = _read(folder / NAME)
    except FileNotFoundError as error:
        raise IndexNotFound(f"{folder}: no {NAME} here. Check the path, or create an index.") from error
    texts = found.get("published")
    expected = {"backend": str, "current": str, "published": list, "settings": dict}
    _check(folder / NAME, found, expected)
    if not isinstance(texts, list) or found["current"] not in texts:
        raise CorruptIndex(f"{folder / NAME}: current is not among published. Restore it from a copy.")
    return Pointer(found["backend"], found["current"], tuple(map(str, texts)), found["settings"])


def read_manifest(folder: Path) -> Manifest:
    """Read and check version.json. Raises UnsupportedFormat, CorruptIndex."""
    path = folder / VERSION
    try:
        found = _read(path)
    except FileNotFoundError as error:
        raise CorruptIndex(f"{path} is missing. Restore it from a copy, or rebuild the index.") from error
    texts = ("fingerprint", "metric", "index_id", "created_at", "notelens_version")
    expected: dict[str, type] = dict.fromkeys(texts, str) | {"dim": int, "meta": dict, "config": dict, "schema": dict}
    _check(path, found, expected)
    try:
        schema = IndexSchema.from_json(found["schema"])
    except ValueError as error:
        raise CorruptIndex(f"{path}: {error}. Restore it from a copy, or rebuild the index.") from error
    return Manifest(**{name: found[name] for name in expected} | {"schema": schema})


def check_fingerprint(place: object, built_with: str, fingerprint: str | None) -> None:
    """Raise FingerprintMismatch where a fingerprint is given and is not what the index was built with."""
    if fingerprint is not None and fingerprint != built_with:
        raise FingerprintMismatch(
            f"{place}: built with the encoder {built_with!r}, got {fingerprint!r}. Open it with the encoder it was "
            "built with, or build a new version of it with this one (`notelens build … --rebuild`)."
        )


def _write(path: Path, value: Mapping[str, Any]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    try:
        write_atomically(path, lambda temporary: temporary.write_bytes(text.encode()))
    except OSError as error:
        if not is_full(error):
            raise
        raise OutOfSpace(
            f"{path}: the disk is full ({error}); what stood before stands. Free some space and try again."
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    except ValueError as error:
        raise CorruptIndex(f"{path} is no JSON: {error}. Restore it, or rebuild the index.") from error
    if not isinstance(found, dict) or not isinstance(found.get("format"), int):
        raise CorruptIndex(f"{path} has no format number. Restore it from a copy, or rebuild the index.")
    if found["format"] != FORMAT:
        mend = "Upgrade notelens." if found["format"] > FORMAT else "Build the index again from its corpus."
        raise UnsupportedFormat(f"{path}: format {found['format']}, this notelens reads {FORMAT}. {mend}")
    return found


def _check(path: Path, found: dict[str, Any], expected: Mapping[str, type]) -> None:
    for name, kind in expected.items():
        if not isinstance(found.get(name), kind):
            raise CorruptIndex(
                f"{path}: {name} is {found.get(name)!r}, expected a {kind.__name__}. "
                "Restore it from a copy, or rebuild the index."
            )
