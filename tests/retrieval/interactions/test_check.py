"""Interactions files against hand counts, in both formats and with every form of time."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retrieval.interactions.check import check_interactions
from retrieval.interactions.columns import InteractionsError, find_interactions

EVENTS = [
    ("u1", "n1", "view", "2024-05-01T10:00:00Z"),
    ("u1", "n1", "click", "2024-05-01T10:00:05Z"),
    ("u2", "n2", "view", "2024-04-30T23:59:59Z"),
    ("u2", "gone", "view", "2024-06-01T00:00:00Z"),
]


def write_csv(folder: Path, rows: list[tuple[str, ...]], header: str = "user_id,note_id,event,timestamp") -> Path:
    path = folder / "interactions.csv"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


def test_counts_are_those_counted_by_hand(tmp_path: Path) -> None:
    report = check_interactions(write_csv(tmp_path, EVENTS), {"n1", "n2", "n3"})
    assert (report.events, report.users, report.notes, report.unknown, report.broken) == (4, 2, 3, 1, 0)
    assert report.kinds == Counter(view=3, click=1)
    assert report.first == datetime(2024, 4, 30, 23, 59, 59, tzinfo=UTC)
    assert report.last == datetime(2024, 6, 1, tzinfo=UTC)


def test_parquet_of_numbers_and_synonyms_gives_the_same(tmp_path: Path) -> None:
    path = tmp_path / "interactions.parquet"
    pq.write_table(pa.table({"user": [1, 1, 2], "item": [7, 8, 7], "time": [1_714_557_600, 1_714_557_605, 5]}), path)
    report = check_interactions(path, {"7"})
    assert (report.events, report.users, report.notes, report.unknown) == (3, 2, 2, 1)
    assert report.first == datetime(1970, 1, 1, 0, 0, 5, tzinfo=UTC)
    assert report.last == datetime(2024, 5, 1, 10, 0, 5, tzinfo=UTC)


def test_unix_seconds_in_csv_are_compared_as_numbers(tmp_path: Path) -> None:
    report = check_interactions(
        write_csv(tmp_path, [("u", "n", "view", "999999999"), ("u", "n", "view", "1714557600")]), {"n"}
    )
    # As text 999999999 would sort last.
    assert report.first == datetime(2001, 9, 9, 1, 46, 39, tzinfo=UTC)
    assert report.last == datetime(2024, 5, 1, 10, 0, tzinfo=UTC)


def test_a_row_with_too_few_cells_is_counted_and_passed_over(tmp_path: Path) -> None:
    report = check_interactions(write_csv(tmp_path, [EVENTS[0], ("u9", "n1"), EVENTS[1]]), {"n1"})
    assert (report.events, report.broken, report.users) == (2, 1, 1)


def test_a_missing_column_is_named_with_what_would_do(tmp_path: Path) -> None:
    path = write_csv(tmp_path, [("u", "x")], header="user_id,thing")
    with pytest.raises(InteractionsError, match=r"no column for the note.*user_id, thing.*note_id, item_id"):
        check_interactions(path, set())


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "interactions.parquet"
    path.write_bytes(b"not parquet")
    with pytest.raises(InteractionsError, match=r"interactions\.parquet"):
        check_interactions(path, set())


def test_only_interactions_files_are_found(tmp_path: Path) -> None:
    for name in ("interactions_b.parquet", "interactions.csv", "notes.csv", "interactions.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in find_interactions(tmp_path)] == ["interactions.csv", "interactions_b.parquet"]
