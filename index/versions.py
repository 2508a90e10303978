"""Versions of one index: build the next while the last is served, check it, swap it in, go back.

A version is a folder of its own (v1, v2, …) with its own encoder fingerprint. index.json names the one that is
served; replacing that file is the swap, so a reader opens the old version or the new one and nothing between.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from index.base import JSON
from index.dense.config import FaissConfig
from index.errors import InvalidVersion
from index.faiss_index import FaissIndex
from index.files import bytes_under
from index.folder import DATABASE, WriterLock, create_version, new_manifest
from index.manifest import VERSION, Manifest, Pointer, read_manifest, read_pointer, write_pointer
from index.places import open_milvus
from index.schema import IndexSchema
from index.store.store import Store

if TYPE_CHECKING:
    from index.milvus import MilvusAccess

_HIGHEST = "highest_version"
_SAMPLE = 64
"""Records that must find themselves before a version is served."""
_SLACK = 0.02
"""A recall measured this much under its target is still taken: it is a sample."""
_SAME = 1e-4


@dataclass(frozen=True, slots=True)
class Version:
    """One version as people see it."""

    name: str
    state: str
    """served, kept (it was served before) or unfinished (a build that was never put in service)."""
    rows: int
    dim: int
    fingerprint: str
    created_at: str
    bytes_on_disk: int

    def as_json(self) -> dict[str, JSON]:
        """Return the version as JSON values."""
        return asdict(self)


def list_versions(path: str | Path, access: MilvusAccess | None = None) -> list[Version]:
    """Every version at `path`, the oldest first. Raises IndexNotFound, UnsupportedFormat, CorruptIndex."""
    root = Path(path)
    pointer = read_pointer(root)
    if pointer.backend == "milvus":
        with open_milvus(root, access) as opened:
            return [
                Version(
                    f"v{each.number}",
                    "served" if each.published else "kept",
                    each.rows,
                    opened.dim,
                    opened.fingerprint,
                    each.created_at,
                    0,
                )
                for each in opened.versions()
            ]
    found = []
    for folder in _folders(root):
        manifest = read_manifest(folder)
        store = Store(folder / DATABASE, manifest.dim, manifest.schema)
        try:
            rows = store.count()
        finally:
            store.close()
        state = "served" if folder.name == pointer.current else "kept"
        if folder.name not in pointer.published:
            state = "unfinished"
        found.append(
            Version(
                folder.name, state, rows, manifest.dim, manifest.fingerprint, manifest.created_at, bytes_under(folder)
            )
        )
    return found


def stage(
    path: str | Path,
    *,
    dim: int,
    fingerprint: str,
    meta: Mapping[str, JSON] | None = None,
    schema: IndexSchema = IndexSchema(),
    config: FaissConfig = FaissConfig(),
    lock_timeout: float = 10.0,
) -> FaissIndex:
    """Open the next version to fill, empty or as a killed build of the same kind left it; nothing reads it yet.

    While it is open no one else may write, to the served version either.
    Raises IndexNotFound, IndexLocked, IndexReadOnly.
    """
    root = Path(path)
    wanted = new_manifest(dim, fingerprint, meta, schema, config)
    with _locked(root, lock_timeout):
        pointer = read_pointer(root)
        for folder in _numbered(root):
            if folder.name not in pointer.published:
                if (folder / VERSION).exists() and _is_same(read_manifest(folder), wanted):
                    break
                _remove(folder)
        else:
            folder = root / f"v{_highest(root, pointer) + 1}"
            create_version(folder, wanted)
    opened = FaissIndex.open(root, version=folder.name, lock_timeout=lock_timeout)
    opened.hold()
    return opened


def publish(path: str | Path, staged: FaissIndex, *, expected: int | None = None) -> None:
    """Check a staged version as a reader would see it, put it in service, and close it.

    expected: how many records it must hold. Raises InvalidVersion, and the old version stays in service, where
    the count, the fingerprint, the measured recall or the search for its own records is not right.
    """
    root = Path(path)
    name, fingerprint = staged.version, staged.fingerprint
    with staged:  # it holds the right to write until the swap is done
        staged.hold()
        staged.compact()
        with FaissIndex.open(root, version=name, fingerprint=fingerprint) as opened:
            validate(opened, opened.count() if expected is None else expected)
        write_pointer(root, read_pointer(root).serving(name))


def rollback(path: str | Path, to: str | None = None, access: MilvusAccess | None = None) -> str:
    """Put the version in service that was before the current one, or the one named; returns its name.

    Milvus goes back to the one before only. Raises InvalidVersion where there is none, IndexLocked, IndexReadOnly.
    """
    root = Path(path)
    if read_pointer(root).backend == "milvus":
        if to is not None:
            raise InvalidVersion(f"{root}: in Milvus one goes back to the version before; leave {to!r} out.")
        with open_milvus(root, access) as opened:
            return f"v{opened.rollback().number}"
    with _locked(root, 10.0):
        pointer = read_pointer(root)
        there = [name for name in pointer.published if (root / name / VERSION).exists()]
        before = [name for name in there if name != pointer.current]
        if to is not None and to not in there:
            raise InvalidVersion(f"{root} has no version {to!r} that was ever served; it has {', '.join(there)}.")
        if to is None and not before:
            raise InvalidVersion(f"{root}: {pointer.current} is its only version, so there is none to go back to.")
        chosen = to or before[-1]
        with FaissIndex.open(root, version=chosen) as opened:
            validate(opened, opened.count())
        # The one that is left goes to the front: going back twice walks further back, not to and fro.
        others = tuple(name for name in pointer.published if name not in (chosen, pointer.current))
        left = () if chosen == pointer.current else (pointer.current,)
        write_pointer(root, Pointer(pointer.backend, chosen, (*left, *others, chosen), pointer.settings))
    return chosen


def prune_versions(path: str | Path, keep: int = 2, access: MilvusAccess | None = None) -> list[str]:
    """Remove all but the served version and the `keep` − 1 served last before it; returns the names removed.

    Who has a removed version open can no longer read it.
    """
    root = Path(path)
    if read_pointer(root).backend == "milvus":
        with open_milvus(root, access) as opened:
            idle = [each.number for each in opened.versions() if not each.published]
            dropped = idle[: len(idle) - max(0, keep - 1)]
            for number in dropped:
                opened.drop_version(number)
            return [f"v{number}" for number in dropped]
    with _locked(root, 10.0):
        pointer = read_pointer(root)
        kept = [*[name for name in pointer.published if name != pointer.current][::-1][: max(0, keep - 1)]]
        removed = [folder for folder in _numbered(root) if folder.name not in (*kept, pointer.current)]
        remaining = tuple(name for name in pointer.published if name in (*kept, pointer.current))
        settings: dict[str, JSON] = {**pointer.settings, _HIGHEST: _highest(root, pointer)}
        write_pointer(root, Pointer(pointer.backend, pointer.current, remaining, settings))
        for folder in removed:
            _remove(folder)
    return [folder.name for folder in removed]


def validate(index: FaissIndex, expected: int) -> None:
    """Raise InvalidVersion unless the index holds so many records, reaches its recall, and finds them."""
    rows = index.count()
    if rows != expected:
        raise InvalidVersion(f"{index.version}: it holds {rows:,} records, expected {expected:,}. Build it again.")
    measured = index.info()["calibration"]
    if isinstance(measured, dict):
        recall, target = measured["recall"], measured["target"]
        if isinstance(recall, float) and isinstance(target, float) and recall < target - _SLACK:
            raise InvalidVersion(
                f"{index.version}: its recall@10 is {recall:.3f}, expected {target:.3f}. Build it as flat or hnsw."
            )
    sample = index.sample(_SAMPLE)
    if not sample:
        return
    found = index.search(np.stack([record.vector for record in sample]), 10)
    for record, ids, scores in zip(sample, found.ids, found.scores, strict=True):
        hidden_by_equals = len(scores) == 10 and scores[-1] >= 1 - _SAME
        if record.id not in ids and not hidden_by_equals:
            raise InvalidVersion(f"{index.version}: record {record.id!r} does not find itself. Build it again.")


def _highest(root: Path, pointer: Pointer) -> int:
    """The highest number a version ever had: who still reads one that was removed must not meet another's files."""
    known = pointer.settings.get(_HIGHEST, 0)
    return max([known if isinstance(known, int) else 0, *(_number(each.name) for each in root.iterdir())])


def _folders(root: Path) -> list[Path]:
    return [folder for folder in _numbered(root) if (folder / VERSION).exists()]


def _numbered(root: Path) -> list[Path]:
    """The folders of all versions, the oldest first, with those that a death left half made or half removed."""
    return sorted((path for path in root.iterdir() if _number(path.name)), key=lambda path: _number(path.name))


def _remove(folder: Path) -> None:
    """Remove a version; its manifest first, so that a death on the way leaves nothing that looks whole."""
    (folder / VERSION).unlink(missing_ok=True)
    shutil.rmtree(folder)


def _number(name: str) -> int:
    return int(name[1:]) if name[:1] == "v" and name[1:].isdecimal() else 0


def _is_same(found: Manifest, wanted: Manifest) -> bool:
    return all(getattr(found, name) == getattr(wanted, name) for name in ("dim", "fingerprint", "schema", "config"))


@contextmanager
def _locked(root: Path, timeout: float) -> Iterator[None]:
    lock = WriterLock(root, timeout)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()
