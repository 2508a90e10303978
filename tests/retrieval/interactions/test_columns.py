"""Columns of interactions by any name, and times in every form people write them, as one and the same instant."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.interactions.columns import InteractionsError, find_interactions, read_batches, unix_seconds

# 2024-05-01 10:00:00 UTC: 19,844 days and ten hours after 1970 began.
TEN = 19_844 * 86_400 + 36_000
MIDNIGHT = 19_844 * 86_400


def refuse() -> None:
    raise AssertionError("no row is broken")


def rows_of(path: Path, on_broken: Callable[[], None] = refuse) -> list[dict[str, object]]:
    return [row for batch in read_batches(path, on_broken) for row in batch.to_pylist()]


def write(folder: Path, content: str | bytes) -> Path:
    path = folder / "interactions.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "column",
    [
        pa.array([TEN]),
        pa.array([TEN], pa.int32()),
        pa.array([TEN], pa.uint64()),
        pa.array([float(TEN)]),
        pa.array([TEN * 1000]),
        pa.array([TEN * 1000.0]),
        pa.array([str(TEN)]),
        pa.array([f" {TEN}.0 "]),
        pa.array([str(TEN * 1000)]),
        pa.array(["1.71455760e9"]),
        pa.array(["2024-05-01T10:00:00Z"]),
        pa.array(["2024-05-01 10:00:00"]),
        pa.array(["2024/05/01 10:00"]),
        pa.array(["2024-05-01T18:00:00+08:00"]),
        pa.array(["2024-05-01T18:00:00+08:00"], pa.large_string()),
        pa.array([datetime(2024, 5, 1, 10)]),
        pa.array([datetime(2024, 5, 1, 10, tzinfo=UTC)]),
        pa.array([TEN], pa.timestamp("s", tz="Asia/Shanghai")),
        pa.array([TEN * 10**3], pa.timestamp("ms")),
        pa.array([TEN * 10**9], pa.timestamp("ns", tz="America/New_York")),
    ],
    ids=str,
)
def test_ten_o_clock_however_it_is_written(column: pa.Array) -> None:
    assert unix_seconds(column).tolist() == [TEN]


def test_fractions_of_a_second() -> None:
    assert unix_seconds(pa.array([TEN * 1000 + 250])).tolist() == [TEN + 0.25]
    assert unix_seconds(pa.array([TEN + 0.25])).tolist() == [TEN + 0.25]
    assert unix_seconds(pa.array(["2024-05-01T10:00:00.250Z"])).tolist() == [TEN + 0.25]
    # Nanoseconds that no microsecond holds, as pandas writes them.
    assert unix_seconds(pa.array([TEN * 10**9 + 250_000_001], pa.timestamp("ns"))) == pytest.approx([TEN + 0.25])


def test_dates_are_midnights() -> None:
    for column in (pa.array([date(2024, 5, 1)]), pa.array([MIDNIGHT * 1000], pa.date64()), pa.array(["2024-05-01"])):
        assert unix_seconds(column).tolist() == [MIDNIGHT]


def test_before_1970_and_from_which_number_on_it_is_milliseconds() -> None:
    assert unix_seconds(pa.array([-86_400, 0, 99_999_999_999, 100_000_000_000])).tolist() == [
        -86_400,
        0,
        99_999_999_999,
        100_000_000,
    ]
    assert unix_seconds(pa.array([-TEN * 1000])).tolist() == [-TEN]
    assert unix_seconds(pa.array([datetime(1969, 12, 31)])).tolist() == [-86_400]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None, TEN]),
        pa.array([None, float(TEN)]),
        pa.array([float("nan"), TEN]),
        pa.array([None, str(TEN)]),
        pa.array(["", str(TEN)]),
        pa.array(["  ", "2024-05-01T10:00:00Z"]),
        pa.array(["yesterday", str(TEN)]),
        pa.array(["nan", str(TEN)]),
        pa.array([None, "2024-05-01T10:00:00Z"]),
        pa.array([None, datetime(2024, 5, 1, 10)]),
        pa.array(["2024-13-01", "2024-05-01T10:00:00Z"]),
    ],
    ids=str,
)
def test_what_is_no_time_is_none_and_spoils_no_other(column: pa.Array) -> None:
    missing, there = unix_seconds(column)
    assert np.isnan(missing)
    assert there == TEN


def test_times_that_no_calendar_has_are_none() -> None:
    for huge in (pa.array([TEN * 10**6]), pa.array([TEN * 10**9]), pa.array([1e300]), pa.array([float("inf")])):
        assert not np.isfinite(unix_seconds(huge)).any() or abs(unix_seconds(huge)[0]) < 253_402_300_800  # year 10000
    assert np.isnan(unix_seconds(pa.array([str(TEN * 10**6), "-inf", "1e400"]))).all()


def test_nothing_but_nulls() -> None:
    assert np.isnan(unix_seconds(pa.nulls(3))).tolist() == [True] * 3
    assert len(unix_seconds(pa.array([], pa.string()))) == 0
    assert len(unix_seconds(pa.array([], pa.int64()))) == 0


FORMS = st.sampled_from(
    [
        str(TEN),
        str(TEN * 1000),
        "5",
        "-3",
        "20240501",
        "1.5e9",
        "2024-05-01",
        "2024-05-01T10:00:00+08:00",
        "soon",
        "",
        None,
    ]
)


@settings(max_examples=80, deadline=None)
@given(st.lists(FORMS, min_size=1, max_size=8))
def test_a_time_is_read_the_same_whatever_stands_beside_it(cells: list[str | None]) -> None:
    together = unix_seconds(pa.array(cells, pa.string()))
    alone = [unix_seconds(pa.array([cell], pa.string()))[0] for cell in cells]
    assert together == pytest.approx(alone, nan_ok=True)


@pytest.mark.parametrize("kind", [pa.time32("s"), pa.duration("s"), pa.list_(pa.int64()), pa.bool_()], ids=str)
def test_a_column_of_no_times_is_refused(kind: pa.DataType) -> None:
    value = {pa.list_(pa.int64()): [5], pa.bool_(): True}.get(kind, 5)
    with pytest.raises(InteractionsError, match=re.escape(str(kind))):
        unix_seconds(pa.array([value], kind))


@pytest.mark.parametrize("user", ["user_id", "user", "uid", "USER"])
@pytest.mark.parametrize("note", ["note_id", "item_id", "item", "note", "Item_ID"])
def test_users_and_notes_by_any_name(tmp_path: Path, user: str, note: str) -> None:
    path = write(tmp_path, f"{note},other,{user}\nn1,x,u1\nn2,y,小明\n")
    assert rows_of(path) == [{"user": "u1", "note": "n1"}, {"user": "小明", "note": "n2"}]


@pytest.mark.parametrize("time", ["timestamp", "time", "created_at", "date"])
@pytest.mark.parametrize("event", ["event", "event_type", "action", "behavior"])
@pytest.mark.parametrize("rating", ["rating", "score", "stars"])
def test_what_else_a_file_may_say(tmp_path: Path, time: str, event: str, rating: str) -> None:
    [row] = rows_of(write(tmp_path, f"user,item,{rating},{time},{event}\nu,n,4.5,{TEN},收藏\n"))
    assert row == {"user": "u", "note": "n", "rating": "4.5", "time": str(TEN), "event": "收藏"}


def test_the_first_of_several_names_counts(tmp_path: Path) -> None:
    path = write(tmp_path, "uid,user_id,item,note_id,date,timestamp\n1,2,3,4,5,6\n")
    assert rows_of(path) == [{"user": "2", "note": "4", "time": "6"}]
    assert rows_of(write(tmp_path, "USER,item,user\n1,2,3\n")) == [{"user": "1", "note": "2"}]


@pytest.mark.parametrize(
    "header",
    ["\ufeffuser,item", '"user","item"', '\ufeff"user","item"', "user,item\r", "user, item", 'user,item,"a,b"'],
)
def test_headers_as_programs_write_them(tmp_path: Path, header: str) -> None:
    more = "," if "a,b" in header else ""
    assert rows_of(write(tmp_path, f"{header}\nu,n{more}\n")) == [{"user": "u", "note": "n"}]


def test_quoted_cells(tmp_path: Path) -> None:
    assert rows_of(write(tmp_path, 'user,item\n"a,b","say ""hi"""\n')) == [{"user": "a,b", "note": 'say "hi"'}]


def test_ids_stay_what_they_are(tmp_path: Path) -> None:
    """Numbers with leading zeros, beyond 64 bits, words that mean nothing elsewhere: an id is text."""
    ids = ["007", "1.0", "18446744073709551616", "1e5", "NA", "null", "nan", "true", "2024-05-01", "x" * 600]
    path = write(tmp_path, "user,item\n" + "".join(f"{name},{name}\n" for name in ids))
    assert [row["user"] for row in rows_of(path)] == ids
    assert [row["note"] for row in rows_of(path)] == ids


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (pa.array([7, None]), ["7", None]),
        (pa.array([2**64 - 1, None], pa.uint64()), ["18446744073709551615", None]),
        (pa.array(["7", "甲"]), ["7", "甲"]),
        (pa.array(["7", "甲"], pa.large_string()), ["7", "甲"]),
        (pa.array(["7", "7"]).dictionary_encode(), ["7", "7"]),
        (pa.array([7.0, None]), ["7", None]),  # what pandas makes of whole numbers with a gap
        (pa.array([1_234_567.0, 16_000_000.0]), ["1234567", "16000000"]),
    ],
    ids=str,
)
def test_ids_of_every_type(tmp_path: Path, column: pa.Array, text: list[str | None]) -> None:
    path = tmp_path / "interactions.parquet"
    pq.write_table(pa.table({"user": column, "item": column}), path)
    assert rows_of(path) == [{"user": name, "note": name} for name in text]


def test_rows_of_another_length_are_told(tmp_path: Path) -> None:
    told: list[int] = []
    path = write(tmp_path, "user,item,timestamp\nu,n,1\nu,n\nu,n,1,2\n\nv,n,3\n")
    assert [row["user"] for row in rows_of(path, lambda: told.append(1))] == ["u", "v"]
    assert len(told) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no column for the user"),
        ("user,thing\nu,n\n", "no column for the note: it has user, thing, wanted one of note_id"),
        ("person;item\nu;n\n", "no column for the user"),
        (b"user,item\nu\xe9,n\n", "cannot be read as interactions"),
    ],
)
def test_what_is_no_interactions_file(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InteractionsError, match=message):
        rows_of(write(tmp_path, content))


def test_broken_parquet_and_files_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "interactions.parquet").write_bytes(b"PAR1 no more")
    for name in ("interactions.parquet", "gone.parquet", "gone.csv"):
        with pytest.raises(InteractionsError, match=name):
            rows_of(tmp_path / name)
    pq.write_table(pa.table({"user": [[1]], "item": [1]}), tmp_path / "list.parquet")
    with pytest.raises(InteractionsError, match=r"list\.parquet"):
        rows_of(tmp_path / "list.parquet")


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("interactions_b.PARQUET", "interactions.csv", "notes.csv", "interactions.txt", "my_interactions.csv"):
        (tmp_path / name).touch()
    assert [path.name for path in find_interactions(tmp_path)] == ["interactions.csv", "interactions_b.PARQUET"]
