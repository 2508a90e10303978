"""Rows of a notes file, one at a time: JSONL, Parquet and CSV, none of them ever loaded whole.

Every reader yields `(line, row)`; a row that cannot be read is yielded as the NoteRejected that says why,
and reading goes on behind it. `line` counts from 1 (in a Parquet file: the row).
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from encoders.errors import CorpusError, NoteRejected, Reason

Row = dict[str, Any]
SUFFIXES = (".jsonl", ".ndjson", ".parquet", ".csv")
MAX_ROW_BYTES = 16 * 2**20


def read_rows(path: Path) -> Iterator[tuple[int, Row | NoteRejected]]:
    """Stream the rows of one file, by its suffix; raises CorpusError where the file itself is unreadable."""
    suffix = path.suffix.lower()
    try:
        if suffix in (".jsonl", ".ndjson"):
            yield from _jsonl(path)
        elif suffix == ".parquet":
            yield from _parquet(path)
        elif suffix == ".csv":
            yield from _csv(path)
        else:
            raise CorpusError(f"{path} is none of {', '.join(SUFFIXES)}")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error


def count_rows(path: Path) -> int:
    """Count rows for a progress bar: exact for Parquet, the number of lines for the others; raises CorpusError."""
    if path.suffix.lower() == ".parquet":
        return int(_open_parquet(path).metadata.num_rows)
    try:
        with path.open("rb") as file:
            return sum(block.count(b"\n") for block in iter(lambda: file.read(2**20), b""))
    except OSError as error:
        raise CorpusError(f"{path} cannot be read: {error.strerror or error}") from error


def _jsonl(path: Path) -> Iterator[tuple[int, Row | NoteRejected]]:
    with path.open("rb") as file:
        for line, raw in enumerate(iter(lambda: file.readline(MAX_ROW_BYTES), b""), start=1):
            if len(raw) == MAX_ROW_BYTES and not raw.endswith(b"\n"):
                while (rest := file.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                    pass
                yield (
                    line,
                    NoteRejected(Reason.BROKEN_ROW, f"the line is longer than {MAX_ROW_BYTES:,} bytes"),
                )
            elif raw.strip():
                yield line, _json_row(raw.removeprefix(b"\xef\xbb\xbf") if line == 1 else raw)


def _json_row(raw: bytes) -> Row | NoteRejected:
    try:
        row = json.loads(raw.decode())
    except UnicodeDecodeError as error:
        return NoteRejected(Reason.INVALID_UTF8, f"byte {error.start} of the line is not UTF-8")
    except (ValueError, RecursionError) as error:
        return NoteRejected(Reason.BROKEN_ROW, f"not JSON: {error}")
    if not isinstance(row, dict):
        return NoteRejected(Reason.BROKEN_ROW, f"a note is a JSON object, got {type(row).__name__}")
    return row


def _csv(path: Path) -> Iterator[tuple[int, Row | NoteRejected]]:
    # Undecodable bytes become surrogates, so that the row they stand in can be named and the rest read.
    previous = csv.field_size_limit(MAX_ROW_BYTES)
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            # Strict: a quote that is never closed is an error, instead of swallowing the rows behind it.
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            if not header:
                raise CorpusError(f"{path} is empty: the first line must name the columns")
            while True:
                line = reader.line_num + 1
                try:
                    cells = next(reader)
                except StopIteration:
                    return
                except csv.Error as error:
                    yield line, NoteRejected(Reason.BROKEN_ROW, f"not CSV: {error}")
                    continue
                if cells:
                    yield line, _csv_row(header, cells)
    finally:
        csv.field_size_limit(previous)


def _csv_row(header: list[str], cells: list[str]) -> Row | NoteRejected:
    if len(cells) != len(header):
        return NoteRejected(Reason.BROKEN_ROW, f"{len(cells)} cells, the header names {len(header)}")
    if any(not cell.isascii() and any("\udc80" <= char <= "\udcff" for char in cell) for cell in cells):
        return NoteRejected(Reason.INVALID_UTF8, "the row has bytes that are not UTF-8")
    return dict(zip(header, cells, strict=True))


def _parquet(path: Path) -> Iterator[tuple[int, Row | NoteRejected]]:
    import pyarrow

    line = 0
    file = _open_parquet(path)
    try:
        for batch in file.iter_batches(batch_size=1024):
            batch = _in_microseconds(batch)
            try:
                rows: list[Row | NoteRejected] = batch.to_pylist()
            except (ValueError, OverflowError):
                rows = [_parquet_row(batch, i) for i in range(batch.num_rows)]
            for row in rows:
                line += 1
                yield line, row
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{path} is damaged behind row {line}: {error}") from error


def _in_microseconds(batch: Any) -> Any:
    """Round nanosecond times to what Python's datetime holds; left alone, they come as pandas' own type or fail."""
    import pyarrow

    def coarse(kind: Any) -> Any:
        nanoseconds = pyarrow.types.is_timestamp(kind) and kind.unit == "ns"
        return pyarrow.timestamp("us", kind.tz) if nanoseconds else kind

    fields = [field.with_type(coarse(field.type)) for field in batch.schema]
    return batch.cast(pyarrow.schema(fields, batch.schema.metadata), safe=False)


def _parquet_row(batch: Any, i: int) -> Row | NoteRejected:
    import pyarrow

    row: Row = {}
    for field, column in zip(batch.schema, batch.columns, strict=True):
        try:
            row[field.name] = column[i].as_py()
        except UnicodeDecodeError:
            return NoteRejected(Reason.INVALID_UTF8, f"column {field.name!r} of the row is not UTF-8")
        except (ValueError, OverflowError) as error:
            reason = Reason.BAD_DATE if pyarrow.types.is_temporal(field.type) else Reason.BROKEN_ROW
            return NoteRejected(reason, f"column {field.name!r} of the row: {error}")
    return row


def _open_parquet(path: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        # Buffered and not ahead: the defaults hold a whole row group, and with it often the whole file, in memory.
        return pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=2**20)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path} is not a Parquet file, or a damaged one: {error}") from error
