"""Rows of a dataset's files, plain or gzipped, one at a time: CSV and its kin, split lines, JSONL, Parquet.

Every reader yields `(line, row)`; a row that cannot be read is yielded as the NoteRejected that says why, and
reading goes on behind it. Lines count from 1 (in a Parquet file: the row). A file that cannot be opened or breaks
off raises ImportFailed.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from app.importers.base import OnRows
from app.importers.errors import ImportFailed
from app.importers.finding import plain_name
from encoders.errors import NoteRejected, Reason
from encoders.rows import MAX_ROW_BYTES
from encoders.rows import read_rows as read_plain_rows

T = TypeVar("T")
Lines = Iterator[tuple[int, T | NoteRejected]]
Row = dict[str, Any]

TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
GZIP_MAGIC = b"\x1f\x8b"
ROWS_A_REPORT = 2000
FIRST_OBJECTS = 100


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading, through gzip where its first bytes are gzip's; raises ImportFailed, also later."""
    try:
        with path.open("rb") as raw:
            zipped = raw.read(2) == GZIP_MAGIC
            raw.seek(0)
            if zipped:
                with gzip.open(raw) as unzipped:
                    yield cast(IO[bytes], unzipped)
            else:
                yield raw
    except (OSError, EOFError, zlib.error) as error:
        raise ImportFailed(f"{path} cannot be read to its end: {error}") from error


def delimiter_of(path: Path) -> str:
    """The character between cells, by the suffix: a tab in .tsv, else a comma."""
    return "\t" if plain_name(path).endswith(".tsv") else ","


def read_header(path: Path, delimiter: str = ",", encoding: str = "utf-8-sig") -> list[str]:
    """The cells of the first line, stripped; raises ImportFailed for an empty file."""
    for _, cells in read_cells(path, delimiter=delimiter, encoding=encoding):
        if isinstance(cells, NoteRejected):
            raise ImportFailed(f"{path}: the first line, which names the columns, is {cells.detail}")
        return [cell.strip() for cell in cells]
    raise ImportFailed(f"{path} is empty: the first line must name the columns")


def read_cells(
    path: Path, *, delimiter: str = ",", encoding: str = "utf-8-sig", width: int | None = None, skip: int = 0
) -> Lines[list[str]]:
    """Stream the cells of a CSV file; rows of another width (where one is given) are rejected, `skip` rows left out."""
    previous = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        with open_bytes(path) as raw:
            # Undecodable bytes become surrogates, so that the row they stand in can be named and the rest read.
            text = TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")
            # Strict: a quote that is never closed is an error, instead of swallowing the rows behind it.
            reader = csv.reader(text, delimiter=delimiter, strict=True)
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    if skip <= 0:
                        yield line, NoteRejected(Reason.BROKEN_ROW, f"not CSV: {error}")
                    continue
                if cells:
                    skip -= 1
                    if skip < 0:
                        yield line, _checked(cells, width)
    finally:
        csv.field_size_limit(previous)


def read_split(path: Path, separator: str, *, encoding: str, width: int | None = None) -> Lines[list[str]]:
    """Stream the cells of lines that are only split, without quoting (`::`, `|`, tabs); blank lines are left out."""
    with open_bytes(path) as raw:
        for line, content in enumerate(iter(lambda: raw.readline(MAX_ROW_BYTES), b""), start=1):
            text = content.decode(encoding, errors="surrogateescape").strip("\r\n")
            if text.strip():
                yield line, _checked(text.split(separator), width)


def _checked(cells: list[str], width: int | None) -> list[str] | NoteRejected:
    if width is not None and len(cells) != width:
        return NoteRejected(Reason.BROKEN_ROW, f"{len(cells)} cells, wanted {width}")
    joined = "".join(cells)
    if not joined.isascii() and any("\udc80" <= char <= "\udcff" for char in joined):
        return NoteRejected(Reason.INVALID_UTF8, "the row has bytes that are not in the file's encoding")
    return cells


def read_jsonl(path: Path) -> Lines[Row]:
    """Stream the objects of a JSONL file."""
    with open_bytes(path) as raw:
        for line, content in enumerate(iter(lambda: raw.readline(MAX_ROW_BYTES), b""), start=1):
            if content.strip():
                yield line, _json_row(content.removeprefix(b"\xef\xbb\xbf") if line == 1 else content)


def _json_row(content: bytes) -> Row | NoteRejected:
    try:
        row = json.loads(content.decode())
    except UnicodeDecodeError as error:
        return NoteRejected(Reason.INVALID_UTF8, f"byte {error.start} of the line is not UTF-8")
    except (ValueError, RecursionError) as error:
        return NoteRejected(Reason.BROKEN_ROW, f"not JSON: {error}")
    return row if isinstance(row, dict) else NoteRejected(Reason.BROKEN_ROW, f"no JSON object: {type(row).__name__}")


def read_rows(path: Path) -> Lines[Row]:
    """Stream the rows of a table with named columns, by its suffix: one of TABLES, those of text plain or .gz."""
    name = plain_name(path)
    if name.endswith((".jsonl", ".ndjson")):
        yield from read_jsonl(path)
    elif name.endswith(".parquet"):
        yield from read_plain_rows(path)
    elif name.endswith((".csv", ".tsv")):
        header = read_header(path, delimiter_of(path))
        for line, cells in read_cells(path, delimiter=delimiter_of(path), width=len(header), skip=1):
            yield line, cells if isinstance(cells, NoteRejected) else dict(zip(header, cells, strict=True))
    else:
        raise ImportFailed(f"{path} is no table that can be read; wanted one of {', '.join(TABLES)}, or .gz of text")


def columns_of(path: Path) -> list[str]:
    """The columns of a table: the header, a Parquet schema's names, the keys of the first JSON objects."""
    if plain_name(path).endswith((".csv", ".tsv")):
        return read_header(path, delimiter_of(path))
    if plain_name(path).endswith(".parquet"):
        import pyarrow
        import pyarrow.parquet

        try:
            return list(pyarrow.parquet.read_schema(path).names)
        except (pyarrow.ArrowException, OSError) as error:
            raise ImportFailed(f"{path} is not a Parquet file, or a damaged one: {error}") from error
    first = [row for _, row in islice(read_rows(path), FIRST_OBJECTS) if not isinstance(row, NoteRejected)]
    return list(dict.fromkeys(name for row in first for name in row))


def counted(rows: Lines[T], name: str, on_rows: OnRows | None) -> Lines[T]:
    """Pass rows on and report how many there were, some at a time."""
    count = 0
    for row in rows:
        count += 1
        if count == ROWS_A_REPORT:
            if on_rows:
                on_rows(name, count)
            count = 0
        yield row
    if on_rows and count:
        on_rows(name, count)


def find_column(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column that has the first of some names any has, in whatever case; None where none has."""
    by_name = {column.strip().casefold(): column for column in reversed(columns)}
    return next((by_name[name.casefold()] for name in names if name.casefold() in by_name), None)
