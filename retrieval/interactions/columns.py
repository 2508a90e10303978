"""Interactions files: which columns mean what, and their rows in batches."""

import csv
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.columns import parse_time
from encoders.errors import NoteRejected
from retrieval.errors import RetrievalError

SYNONYMS = {
    "user": ("user_id", "user", "uid"),
    "note": ("note_id", "item_id", "item", "note"),
    "time": ("timestamp", "time", "created_at", "date"),
    "event": ("event", "event_type", "action", "behavior"),
    "rating": ("rating", "score", "stars"),
}
SUFFIXES = (".csv", ".parquet")
# From here on a number of seconds would be the year 5138: it is milliseconds.
MILLISECONDS_FROM = 1e11
# The years 1 and 10000, with a day to spare for zones.
EARLIEST, LATEST = -62_135_510_400.0, 253_402_214_400.0


class InteractionsError(RetrievalError):
    """An interactions file cannot be read; the message says which column or format was wanted."""


def find_interactions(folder: Path) -> list[Path]:
    """Return the files named interactions* of a corpus folder, in order."""
    return sorted(
        path for path in folder.iterdir() if path.name.startswith("interactions") and path.suffix.lower() in SUFFIXES
    )


def read_batches(path: Path, on_broken: Callable[[], None]) -> Iterator[Any]:
    """Yield record batches with columns user, note, and where the file has them time, event and rating.

    Users and notes are strings, or null. on_broken is called for each row of a CSV that has another number of cells
    than its header. Raises InteractionsError.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    def skip(_: object) -> str:
        on_broken()
        return "skip"

    try:
        if path.suffix.lower() == ".parquet":
            file = pyarrow.parquet.ParquetFile(path)
            plan = _plan(path, file.schema_arrow.names)
            batches = file.iter_batches(columns=list(plan.values()))
        else:
            with path.open(encoding="utf-8-sig", errors="replace") as text:
                names = next(csv.reader(text), [])
            plan = _plan(path, names)
            batches = pyarrow.csv.open_csv(
                path,
                parse_options=pyarrow.csv.ParseOptions(invalid_row_handler=skip),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=list(plan.values()),
                    column_types=dict.fromkeys(plan.values(), pa.string()),
                    null_values=[""],  # a note may be called NA
                    strings_can_be_null=True,
                ),
            )
        for batch in batches:
            columns = {role: batch[column] for role, column in plan.items()}
            for role in ("user", "note"):
                columns[role] = columns[role].cast(pa.string())
            yield pa.record_batch(columns)
    except (pa.ArrowException, OSError) as error:
        raise InteractionsError(f"{path} cannot be read as interactions: {error}") from error


def _plan(path: Path, names: list[str]) -> dict[str, str]:
    """Return {role: column}; user and note must be there."""
    by_name = {name.strip().casefold(): name for name in reversed(names)}
    plan = {}
    for role, synonyms in SYNONYMS.items():
        found = next((by_name[name] for name in synonyms if name in by_name), None)
        if found is not None:
            plan[role] = found
        elif role in ("user", "note"):
            raise InteractionsError(
                f"{path} has no column for the {role}: it has {', '.join(names)}, wanted one of {', '.join(synonyms)}"
            )
    return plan


def unix_seconds(times: Any) -> NDArray[np.float64]:
    """Read an Arrow column of times as Unix seconds, float64 [E]; NaN where there is none, or none that can be read.

    Numbers are seconds or milliseconds; text is one of these or ISO 8601; a time without a zone is in UTC. Times that a
    calendar of four-digit years does not hold, as microseconds would be, count as unreadable. Raises InteractionsError
    for a column that holds neither numbers, text nor dates.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    seconds: NDArray[np.float64]
    if pa.types.is_dictionary(times.type):
        times = times.dictionary_decode()
    if pa.types.is_string(times.type) or pa.types.is_large_string(times.type):
        with suppress(pa.ArrowInvalid):  # one cell is no number: then each is read by itself, numbers as here
            times = times.cast(pa.float64())
    if pa.types.is_timestamp(times.type) or pa.types.is_date(times.type):
        micros = times.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        seconds = pc.cast(micros, pa.float64(), safe=False).to_numpy(zero_copy_only=False) / 1e6
    elif pa.types.is_integer(times.type) or pa.types.is_floating(times.type):
        seconds = _in_seconds(pc.cast(times, pa.float64(), safe=False).to_numpy(zero_copy_only=False))
    elif pa.types.is_string(times.type) or pa.types.is_large_string(times.type):
        encoded = times.dictionary_encode()  # people's days and minutes repeat: each is parsed once
        values = [_parsed(value) for value in encoded.dictionary.to_pylist()]
        codes = pc.fill_null(encoded.indices, len(values)).to_numpy(zero_copy_only=False)
        seconds = np.array([*values, np.nan])[codes]
    elif pa.types.is_null(times.type):
        seconds = np.full(len(times), np.nan)
    else:
        raise InteractionsError(f"a column of times holds {times.type}; wanted Unix seconds, ISO 8601 or timestamps")
    return np.where((seconds >= EARLIEST) & (seconds < LATEST), seconds, np.nan)


def _in_seconds(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.abs(numbers) >= MILLISECONDS_FROM, numbers / 1000, numbers)


def _parsed(text: str) -> float:
    """Read one time as it stands, whatever stands beside it: a number, or a date."""
    with suppress(ValueError):
        return float(_in_seconds(np.array(float(text))))
    try:
        time = parse_time(text)
    except NoteRejected:
        return float("nan")
    return time.timestamp() if time else float("nan")
