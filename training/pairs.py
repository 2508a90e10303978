"""Positive pairs: which note belongs to which, as mining writes them and training reads them."""

import csv
from pathlib import Path

from retrieval.evaluation.leaks import LeakCheck
from retrieval.interactions.columns import InteractionsError

COLUMNS = (("note", "item", "query", "anchor"), ("positive", "target"))


class PairsError(InteractionsError):
    """A file of pairs cannot be read; the message says which columns or format were wanted."""


def read_pairs(path: Path) -> list[tuple[str, str]]:
    """Read the pairs of a Parquet or CSV file with columns `note` and `positive`, ids as text. Raises PairsError."""
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
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path} cannot be read as pairs: {error}") from error
    if any(not (note_id or "").strip() for note_id in (*left, *right)):
        raise PairsError(f"{path}: a pair lacks a note; every row needs `note` and `positive`")
    return list(zip(left, right, strict=True))


def check_pairs(path: Path, leaks: LeakCheck) -> int:
    """Read pairs and hold them against a split; returns their number. Raises PairsError, LeakFound."""
    pairs = read_pairs(path)
    leaks.pairs(pairs)
    return len(pairs)
