"""Positive pairs: which note belongs to which, as mining writes them and training reads them."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.pool import Pool
from retrieval.interactions.columns import InteractionsError

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = (("note", "item", "query", "anchor"), ("positive", "target"))
USERS = "users"
SCORE = "score"


class PairsError(InteractionsError):
    """A file of pairs cannot be read; the message says which columns or format were wanted."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """P positive pairs as they stand in a file.

    users: int64 [P], people who looked at both; scores: float32 [P], NaN where a row has none; where the file says so.
    """

    pairs: list[tuple[str, str]]
    users: NDArray[np.int64] | None
    scores: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.pairs)


def read_pairs(path: Path) -> Pairs:
    """Read a Parquet or CSV file with columns `note` and `positive`, maybe `users` and `score`. Raises PairsError."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    try:
        if path.suffix.lower() == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            with path.open(encoding="utf-8-sig") as text:
                names = next(csv.reader(text), [])
            as_text = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
            table = pyarrow.csv.read_csv(path, convert_options=as_text)
        found = [next((name for name in names if name in table.column_names), None) for names in COLUMNS]
        if None in found:
            raise PairsError(
                f"{path} has the columns {', '.join(table.column_names)}; pairs need `note` and `positive`"
            )
        left, right = (table[name].cast(pa.string()).to_pylist() for name in found)
        users = table[USERS].cast(pa.int64()).to_numpy() if USERS in table.column_names else None
        scores = _numbers(table[SCORE]) if SCORE in table.column_names else None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path} cannot be read as pairs: {error}") from error
    if any(not (note_id or "").strip() for note_id in (*left, *right)):
        raise PairsError(f"{path}: a pair lacks a note; every row needs `note` and `positive`")
    return Pairs(list(zip(left, right, strict=True)), users, scores)


def _numbers(column: "pa.ChunkedArray") -> NDArray[np.float32]:
    """Read scores, NaN where a cell is empty; float32 by way of float64, the type they are written in."""
    import pyarrow as pa
    import pyarrow.compute

    if pa.types.is_string(column.type):
        blank = pyarrow.compute.equal(pyarrow.compute.utf8_trim_whitespace(column), "")
        column = pyarrow.compute.if_else(blank, None, column)
    numbers: NDArray[np.float32] = column.cast(pa.float64()).to_numpy().astype(np.float32)
    return numbers


def check_pairs(path: Path, leaks: LeakCheck) -> tuple[Pairs, int]:
    """Read pairs and hold them against a split; returns them, and how many are of notes the corpus does not have.

    Raises PairsError, also where that is so of all of them, and LeakFound.
    """
    found = read_pairs(path)
    leaks.pairs(found.pairs, found.users)
    unknown = sum(not (leaks.knows(a) and leaks.knows(b)) for a, b in found.pairs)
    if found.pairs and unknown == len(found):
        raise PairsError(
            f"{path}: no pair is of notes that the corpus has (the first is {found.pairs[0]}): are these its ids?"
        )
    return found, unknown


def right_answers(found: Pairs, pool: Pool) -> int:
    """How many right answers of a pool are among some pairs, either way round.

    They may be: people in training looked at the same notes together as those that are held out.
    """
    ids = pool.notes.ids
    right = {(ids[query], ids[i]) for row, query in enumerate(pool.queries) for i in pool.relevance.of(row)}
    return len(right & {*found.pairs, *((b, a) for a, b in found.pairs)})
