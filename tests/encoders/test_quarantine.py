"""Every kind of bad row is set aside with its line and reason, counted, and none stops the good ones."""

from __future__ import annotations

import json
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from encoders import Corpus
from encoders.check import check_corpus
from encoders.corpus import Placed, Rejection
from encoders.errors import CorpusError, Reason
from encoders.images import ImageLimits

LIMITS = ImageLimits(max_pixels=1_000_000)
FOUND_BY_DECODING = {Reason.BROKEN_IMAGE, Reason.NOT_AN_IMAGE, Reason.IMAGE_TOO_LARGE}


def test_the_table_of_bad_rows_has_every_reason(bad_rows, tmp_path):
    # A vector that is not finite is the fault of an encoder, not of a row.
    assert set(bad_rows(tmp_path / "corpus").values()) == set(Reason) - {Reason.NO_VECTOR}


def test_the_reader_sets_aside_what_it_can_see_without_decoding(bad_rows, tmp_path):
    expected = bad_rows(tmp_path / "corpus")
    rows = list(Corpus(tmp_path / "corpus"))
    bad = [row for row in rows if isinstance(row, Rejection)]
    assert {row.id or f"line {row.line}": row.reason for row in bad} == {
        name: reason for name, reason in expected.items() if reason not in FOUND_BY_DECODING
    }
    kept = [row.note.id for row in rows if isinstance(row, Placed)]
    assert kept == ["good-1", "truncated.jpg", "text.jpg", "huge.png", "good-2"]
    assert next(row for row in bad if row.reason is Reason.DUPLICATE_ID).detail.count("notes.jsonl:1") == 1


def test_check_counts_and_writes_them_all(bad_rows, tmp_path, unreached):
    expected = bad_rows(tmp_path / "corpus")
    report = check_corpus(Corpus(tmp_path / "corpus"), LIMITS, tmp_path / "rejected.jsonl")
    assert report.rows == len(expected) + 2
    assert report.notes == 2
    assert report.images == 1
    assert report.rejected == Counter(reason.value for reason in expected.values())
    lines = (tmp_path / "rejected.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    assert {entry["id"] or f"line {entry['line']}": entry["reason"] for entry in entries} == expected
    source = (tmp_path / "corpus" / "notes.jsonl").read_bytes().splitlines()
    for entry in entries:
        assert set(entry) == {"file", "line", "id", "reason", "detail"}
        assert entry["file"] == "notes.jsonl"
        assert entry["detail"]
        if (entry["id"] or "\\").isalpha():  # what JSON writes as it is
            assert f'"{entry["id"]}'.encode() in source[entry["line"] - 1]


def test_over_long_lines_are_one_bad_row(tmp_path, monkeypatch):
    monkeypatch.setattr("encoders.rows.MAX_ROW_BYTES", 1000)
    rows = [{"id": "a", "title": "t"}, {"id": "b", "title": "x" * 5000}, {"id": "c", "title": "t"}]
    (tmp_path / "notes.jsonl").write_text("\n".join(map(json.dumps, rows)))
    first, long, last = Corpus(tmp_path)
    assert (first.note.id, last.note.id, last.line) == ("a", "c", 3)
    assert (long.reason, long.line) == (Reason.BROKEN_ROW, 2)


def test_csv_rows(tmp_path):
    (tmp_path / "notes.csv").write_bytes(
        b"id,title,time\n"
        b"a,t,2024-05-31\n"
        b"b,too few\n"
        b"c,too,many,cells\n"
        b"d,caf\xe9,\n"
        b'e,"two\nlines",\n'
        b",no id,\n"
        b"a,again,\n"
        b"f,,\n"
        b"g,t,soon\n"
        b"h,last,\n"
    )
    rows = list(Corpus(tmp_path))
    assert [(row.note.id, row.line) for row in rows if isinstance(row, Placed)] == [("a", 2), ("e", 6), ("h", 12)]
    assert [(row.line, row.reason) for row in rows if isinstance(row, Rejection)] == [
        (3, Reason.BROKEN_ROW),
        (4, Reason.BROKEN_ROW),
        (5, Reason.INVALID_UTF8),
        (8, Reason.MISSING_ID),
        (9, Reason.DUPLICATE_ID),
        (10, Reason.EMPTY_NOTE),
        (11, Reason.BAD_DATE),
    ]


def test_a_csv_quote_that_is_never_closed_costs_no_row_before_it(tmp_path):
    (tmp_path / "notes.csv").write_text('id,title\na,t\nb,"open\nc,t\n')
    first, bad = Corpus(tmp_path)
    assert first.note.id == "a"
    assert (bad.line, bad.reason) == (3, Reason.BROKEN_ROW)


def test_parquet_rows(tmp_path):
    titles = pa.array([b"t", b"caf\xe9", b"t", b"t", b"", b"t", b"t"]).view(pa.string())
    times = pa.array([0, 0, 0, 0, 0, 10**15, 0], pa.timestamp("ms"))
    ids = ["a", "latin", None, "a", "empty", "far", "b"]
    pq.write_table(pa.table({"id": ids, "title": titles, "time": times}), tmp_path / "notes.parquet")
    rows = list(Corpus(tmp_path))
    assert [(row.note.id, row.line) for row in rows if isinstance(row, Placed)] == [("a", 1), ("b", 7)]
    assert [(row.line, row.reason) for row in rows if isinstance(row, Rejection)] == [
        (2, Reason.INVALID_UTF8),
        (3, Reason.MISSING_ID),
        (4, Reason.DUPLICATE_ID),
        (5, Reason.EMPTY_NOTE),
        (6, Reason.BAD_DATE),
    ]


def test_check_says_what_good_notes_lack(write_corpus, picture):
    folder = write_corpus(
        [
            {"id": "a", "title": "t", "category": "food", "lang": "en", "image": "a.png"},
            {"id": "b", "body": "b", "tags": ["x"], "category": "food", "created_at": "2024-05-31"},
            {"id": "c", "image": "a.png"},
        ],
        pictures={"images/a.png": picture(1)},
    )
    done = []
    report = check_corpus(Corpus(folder), on_progress=done.append).as_json()
    assert sum(done) == 3
    assert report == {
        "rows": 3,
        "notes": 3,
        "images": 2,
        "rejected": {},
        "missing": {"body": 2, "tags": 2, "created_at": 2, "text": 1, "image": 1, "title": 2, "category": 1},
        "categories": {"food": 2},
        "languages": {"en": 1},
    }


def test_check_says_where_it_cannot_write(write_corpus, tmp_path):
    folder = write_corpus([{"id": "a", "title": "t"}])
    with pytest.raises(CorpusError, match="nowhere"):
        check_corpus(Corpus(folder), rejected_file=tmp_path / "nowhere" / "rejected.jsonl")
