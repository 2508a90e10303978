"""tantivy's part: its schema, opening and checking its files, and its failures under this room's names."""

from __future__ import annotations

import errno
import json
import os
import re
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from index.errors import OutOfSpace
from index.lexical.state import DamagedLexicalIndex

if TYPE_CHECKING:
    from tantivy import Index, Schema

TEXT = "text"
KEY = "key"
_PARTS = ("term", "idx", "pos", "fieldnorm", "fast", "store")
_FOOTER_MAGIC = 1337
_CHUNK = 1 << 20
_NO_SPACE = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_ROOM = 1 << 26


@dataclass(frozen=True, slots=True)
class Segment:
    """One of tantivy's segments, as meta.json names it; `removal` names its file of removed documents, if any."""

    name: str
    documents: int
    removed: int
    removal: int | None


@dataclass(frozen=True, slots=True)
class Meta:
    """What meta.json says of tantivy's last commit."""

    opstamp: int
    segments: tuple[Segment, ...]

    @property
    def texts(self) -> int:
        """How many documents it holds, without those removed."""
        return sum(segment.documents - segment.removed for segment in self.segments)


def create_engine(folder: Path) -> Index:
    """A new, empty tantivy index in `folder`: the words without positions, the key as a term and a column."""
    import tantivy

    with failures_named(folder):
        return tantivy.Index(_schema(), str(folder), reuse=False)


def open_engine(folder: Path) -> Index:
    """The tantivy index in `folder`, as of its last commit; raises DamagedLexicalIndex."""
    with failures_named(folder):
        if os.access(folder, os.W_OK):
            return _open(folder)
        # tantivy takes a lock file even to read: where it may not, it reads links to the files from a folder of ours.
        with tempfile.TemporaryDirectory() as links:
            for path in folder.iterdir():
                if not path.name.endswith(".lock"):
                    (Path(links) / path.name).symlink_to(path.absolute())
            return _open(Path(links))


def _open(folder: Path) -> Index:
    import tantivy

    index = tantivy.Index.open(str(folder))
    if index.schema != _schema():
        raise ValueError("its fields are not those expected")
    index.config_reader("manual", 1)
    index.reload()
    return index


def _schema() -> Schema:
    import tantivy

    return (
        tantivy.SchemaBuilder()
        .add_text_field(TEXT, tokenizer_name="whitespace", index_option="freq")
        .add_integer_field(KEY, indexed=True, fast=True)
        .build()
    )


def read_meta(folder: Path) -> Meta:
    """meta.json, which tantivy replaces with every commit and every merge; raises DamagedLexicalIndex."""
    path = folder / "meta.json"
    try:
        values = json.loads(path.read_bytes())
        return Meta(int(values["opstamp"]), tuple(map(_segment, values["segments"])))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedLexicalIndex(f"{path}: cannot be read: {error}. Build the lexical index again.") from error


def _segment(values: dict[str, Any]) -> Segment:
    name, deletes = str(values["segment_id"]).replace("-", ""), values["deletes"]
    if deletes is None:
        return Segment(name, int(values["max_doc"]), 0, None)
    return Segment(name, int(values["max_doc"]), int(deletes["num_deleted_docs"]), int(deletes["opstamp"]))


def verify_files(folder: Path) -> None:
    """Compare every file of every segment with its checksum; raises DamagedLexicalIndex."""
    while True:
        before = read_meta(folder)
        try:
            for segment in before.segments:
                removal = [] if segment.removal is None else [f"{segment.removal}.del"]
                for part in (*_PARTS, *removal):
                    _verify_file(folder / f"{segment.name}.{part}")
        except (OSError, DamagedLexicalIndex) as error:
            if read_meta(folder) != before:
                continue  # a merge went on meanwhile and dropped what it had merged
            raise DamagedLexicalIndex(f"{error}. Build the lexical index again.") from error
        return


def _verify_file(path: Path) -> None:
    """Each file ends with its footer: JSON with `crc` (CRC-32 of all before it), the JSON's length, a magic number."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(size - 8, 0))
        tail = file.read()
        length, magic = int.from_bytes(tail[:4], "little"), int.from_bytes(tail[4:], "little")
        start = size - 8 - length
        expected = None
        if magic == _FOOTER_MAGIC and start >= 0:
            file.seek(start)
            with suppress(ValueError, KeyError, TypeError):
                expected = json.loads(file.read(length))["crc"]
        file.seek(0)
        found = 0
        for at in range(0, start, _CHUNK):
            found = zlib.crc32(file.read(min(_CHUNK, start - at)), found)
    if found != expected:
        raise DamagedLexicalIndex(f"{path} does not match its checksum")


@contextmanager
def failures_named(folder: Path) -> Iterator[None]:
    """Raise tantivy's failures, its panics included, as OutOfSpace or DamagedLexicalIndex."""
    try:
        yield
    except (DamagedLexicalIndex, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        # A panic in Rust arrives as a BaseException of a class that cannot be imported.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        if is_full(folder, error):
            raise OutOfSpace(
                f"{folder}: the disk is full ({error}). What was applied before stands; make room and apply again."
            ) from error
        raise DamagedLexicalIndex(f"{folder}: {error}. Build the lexical index again.") from error


def is_full(folder: Path, error: BaseException) -> bool:
    """Whether the error speaks of a full disk, or is silent about its cause while a file of 64 MiB does not fit.

    tantivy's writing threads keep the cause of their death to themselves.
    """
    named = re.search(r"os error (\d+)|code: (\d+)", str(error))
    if named:
        return int(named[1] or named[2]) in _NO_SPACE
    try:
        with TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, _ROOM)
    except OSError as refused:
        return refused.errno in _NO_SPACE
    return False
