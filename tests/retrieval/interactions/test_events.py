"""Interactions as arrays, against the rows they were written from."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.interactions.columns import InteractionsError
from retrieval.interactions.events import EventFilter, Events, read_events

IDS = ("n1", "笔记", "NA")
HEADER = ("user_id", "note_id", "timestamp", "event", "rating")
ROWS = [
    ("u1", "n1", "10", "view", "4"),
    ("u2", "笔记", "20", "buy", "5"),
    ("u1", "gone", "30", "view", "1"),
    ("小明", "NA", "40", "view", "3.5"),
    ("u1", "n1", "50", "buy", ""),
    ("u2", "n1", "60", "", "5"),
]


def write(path: Path, rows: Sequence[Sequence[object]] = ROWS, header: Sequence[str] = HEADER) -> Path:
    if path.suffix == ".csv":
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *rows])
    else:
        cells = [[cell if cell != "" else None for cell in column] for column in zip(*rows, strict=True)]
        pq.write_table(pa.table(dict(zip(header, cells, strict=True))), path)
    return path


@pytest.fixture(params=["csv", "parquet"])
def file(request, tmp_path: Path) -> Path:
    return tmp_path / f"interactions.{request.param}"


def rows_of(events: Events, ids: Sequence[str] = IDS) -> list[tuple[str, str, float | None]]:
    times = [None] * len(events) if events.time is None else events.time.tolist()
    return [
        (events.users[user], ids[note], time) for user, note, time in zip(events.user, events.note, times, strict=True)
    ]


def lost(events: Events) -> dict[str, int]:
    return {"unknown": events.unknown, "broken": events.broken, "filtered": events.filtered}


def test_rows_in_their_order(file: Path) -> None:
    events = read_events(write(file), IDS)
    assert rows_of(events) == [
        ("u1", "n1", 10.0),
        ("u2", "笔记", 20.0),
        ("小明", "NA", 40.0),
        ("u1", "n1", 50.0),
        ("u2", "n1", 60.0),
    ]
    assert lost(events) == {"unknown": 1, "broken": 0, "filtered": 0}
    assert (len(events), events.notes, sorted(events.users)) == (5, 3, ["u1", "u2", "小明"])


def test_positions_are_those_of_the_ids_they_are_read_with(file: Path) -> None:
    events = read_events(write(file), IDS[::-1])
    assert [note for _, note, _ in rows_of(events, IDS[::-1])] == ["n1", "笔记", "NA", "n1", "n1"]


@pytest.mark.parametrize(
    ("chosen", "times", "filtered"),
    [
        (EventFilter(kinds=("view",)), [10, 40], 3),
        (EventFilter(kinds=("view", "buy")), [10, 20, 40, 50], 1),
        (EventFilter(kinds=("like",)), [], 6),
        (EventFilter(min_rating=3.5), [10, 20, 40, 60], 2),
        (EventFilter(min_rating=3.51), [10, 20, 60], 3),
        (EventFilter(min_rating=0), [10, 20, 40, 60], 1),
        (EventFilter(kinds=("buy",), min_rating=5), [20], 5),
    ],
)
def test_filters(file: Path, chosen: EventFilter, times: list[float], filtered: int) -> None:
    events = read_events(write(file), IDS, chosen)
    assert [time for _, _, time in rows_of(events)] == times
    assert events.filtered == filtered
    assert len(events) + events.unknown + events.broken + events.filtered == len(ROWS)


def test_who_was_filtered_out_is_nobody(file: Path) -> None:
    assert set(read_events(write(file), IDS, EventFilter(kinds=("buy",))).users) == {"u1", "u2"}


def test_who_looked_at_nothing_known_is_nobody(file: Path) -> None:
    """Rows that do not count leave no trace, so what is digested of a file is what is learned from it."""
    more = [*ROWS, ("stranger", "gone", "70", "view", "5"), ("lost", "n1", "soon", "view", "5")]
    plain, with_more = read_events(write(file), IDS), read_events(write(file, more), IDS)
    assert with_more.users == plain.users
    assert with_more.digest(IDS) == plain.digest(IDS)
    assert lost(with_more) == {"unknown": 2, "broken": 1, "filtered": 0}


def test_broken_rows_are_counted(file: Path) -> None:
    rows = [
        ("u", "n1", "10", "view", "1"),
        ("", "n1", "10", "view", "1"),
        ("u", "", "10", "view", "1"),
        ("  ", "n1", "10", "view", "1"),
        ("u", "\t", "10", "view", "1"),
        ("u", "n1", "", "view", "1"),
        ("u", "n1", "soon", "view", "1"),
        ("u", "n1", "11", "view", "1"),
    ]
    events = read_events(write(file, rows), IDS)
    assert rows_of(events) == [("u", "n1", 10.0), ("u", "n1", 11.0)]
    assert lost(events) == {"unknown": 0, "broken": 6, "filtered": 0}


def test_rows_of_another_length_are_broken(tmp_path: Path) -> None:
    path = tmp_path / "interactions.csv"
    path.write_text("user,item,timestamp\nu,n1,1\nu,n1\nu,n1,1,1\n\nu,n1,2\n")
    events = read_events(path, IDS)
    assert [time for _, _, time in rows_of(events)] == [1.0, 2.0]
    assert lost(events) == {"unknown": 0, "broken": 2, "filtered": 0}


def test_a_file_without_times_has_none(file: Path) -> None:
    events = read_events(write(file, [("u", "n1"), ("v", "n1")], ("user", "item")), IDS)
    assert events.time is None
    assert rows_of(events) == [("u", "n1", None), ("v", "n1", None)]


def test_numbers_in_parquet_are_the_ids_of_text(tmp_path: Path) -> None:
    path = tmp_path / "interactions.parquet"
    pq.write_table(pa.table({"user": [1, 2, None], "item": [7, 8, 7], "timestamp": [5_000_000_000_000, 6, 7]}), path)
    events = read_events(path, ["8", "7"])
    assert rows_of(events, ["8", "7"]) == [("1", "7", 5e9), ("2", "8", 6.0)]
    assert events.broken == 1


def test_nothing_but_a_header(tmp_path: Path) -> None:
    path = tmp_path / "interactions.csv"
    path.write_text("user,item,timestamp\n")
    events = read_events(path, IDS)
    assert (len(events), events.users, events.matrix().shape) == (0, (), (0, 3))


def test_what_is_missing_or_no_number_is_said(file: Path) -> None:
    bare = write(file, [("u", "n1")], ("user", "item"))
    for chosen, wanted in ((EventFilter(kinds=("view",)), "event"), (EventFilter(min_rating=1), "rating")):
        with pytest.raises(InteractionsError, match=f"{file.name} has no column for the {wanted}"):
            read_events(bare, IDS, chosen)
    worded = write(file, [("u", "n1", "good")], ("user", "item", "rating"))
    with pytest.raises(InteractionsError, match="rating"):
        read_events(worded, IDS, EventFilter(min_rating=1))
    assert len(read_events(worded, IDS)) == 1  # nobody asked for it


@pytest.mark.parametrize(
    ("extra", "chosen"),
    [
        ({"rating": [[1]]}, EventFilter(min_rating=1)),
        ({"event": [{"a": 1}]}, EventFilter(kinds=("x",))),
        ({"timestamp": pa.array([1], pa.time32("s"))}, EventFilter()),
        ({"timestamp": pa.array([1], pa.duration("s"))}, EventFilter()),
    ],
    ids=["list", "struct", "time of day", "duration"],
)
def test_columns_of_a_strange_type_are_refused(tmp_path: Path, extra: dict[str, object], chosen: EventFilter) -> None:
    path = tmp_path / "interactions.parquet"
    pq.write_table(pa.table({"user": ["u"], "item": ["n1"], **extra}), path)
    with pytest.raises(InteractionsError):
        read_events(path, IDS, chosen)


def test_progress_is_told_of_every_row(file: Path) -> None:
    done: list[int] = []
    read_events(write(file), IDS, on_progress=done.append)
    assert sum(done) == len(ROWS)


CELLS = st.tuples(
    st.sampled_from(["u1", "u2", "", " "]),
    st.sampled_from([*IDS, "gone", ""]),
    st.sampled_from(["10", "2024-05-01", "5", "20240501", "x", ""]),
    st.sampled_from(["view", "buy", ""]),
    st.sampled_from(["1", "5", ""]),
)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(CELLS, min_size=1, max_size=12),
    size=st.integers(1, 4),
    chosen=st.sampled_from([EventFilter(), EventFilter(kinds=("view",)), EventFilter(min_rating=2)]),
)
def test_where_batches_end_does_not_matter(
    tmp_path_factory, rows: list[tuple[str, ...]], size: int, chosen: EventFilter
) -> None:
    folder = tmp_path_factory.mktemp("events")
    schema = pa.schema([(name, pa.string()) for name in HEADER])
    table = pa.table(list(zip(*[[cell or None for cell in row] for row in rows], strict=True)), schema=schema)
    found = []
    for name, group in (("whole", len(rows)), ("parts", size)):
        pq.write_table(table, folder / f"{name}.parquet", row_group_size=group)
        found.append(read_events(folder / f"{name}.parquet", IDS, chosen))
    # Row groups alone do not part batches; each lot of rows as a file of its own does.
    parts = []
    for start in range(0, len(rows), size):
        pq.write_table(table.slice(start, size), folder / "part.parquet")
        parts.append(read_events(folder / "part.parquet", IDS, chosen))
    together = [row for part in parts for row in rows_of(part)]
    for events in found:
        assert rows_of(events) == together
        for name in ("unknown", "broken", "filtered"):
            assert getattr(events, name) == sum(getattr(part, name) for part in parts)
        kept = len(events) + events.unknown + events.broken + events.filtered
        assert kept == len(rows)


def test_many_blocks_of_a_file_give_what_one_gives(tmp_path: Path) -> None:
    """More than a megabyte, so that it is read in several batches; one cell that is no time in one of them."""
    rows = [(f"user-{i % 997:06d}", f"n{i % 5}", str(i + 1)) for i in range(60_000)]
    rows[31_000] = (*rows[31_000][:2], "soon")
    path = write(tmp_path / "interactions.csv", rows, ("user", "item", "timestamp"))
    batches: list[int] = []
    events = read_events(path, [f"n{i}" for i in range(4)], on_progress=batches.append)
    assert len(batches) > 1
    kept = [i for i in range(60_000) if i % 5 < 4 and i != 31_000]
    assert [events.users[code] for code in events.user] == [rows[i][0] for i in kept]
    assert events.note.tolist() == [i % 5 for i in kept]
    assert events.time.tolist() == [i + 1 for i in kept]
    assert lost(events) == {"unknown": 12_000, "broken": 1, "filtered": 0}


def naive_matrix(events: Events, chosen: Callable[[int], bool]) -> np.ndarray:
    dense = np.zeros((len(events.users), events.notes))
    for i in range(len(events)):
        if chosen(i):
            dense[events.user[i], events.note[i]] = 1
    return dense


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=20))
def test_the_matrix_says_who_looked_at_all(rows: list[tuple[int, int, bool]]) -> None:
    user, note = (np.array([row[side] for row in rows], dtype=np.int32) for side in (0, 1))
    events = Events(user, note, None, tuple("abcd"), 5, 0, 0, 0)
    mask = np.array([chosen for _, _, chosen in rows], dtype=np.bool_)
    assert events.matrix().toarray().tolist() == naive_matrix(events, lambda i: True).tolist()
    assert events.matrix(mask).toarray().tolist() == naive_matrix(events, lambda i: bool(mask[i])).tolist()
    assert (events.matrix(mask).data == 1).all()
