"""Qilin, value by value."""

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.importers.errors import ColumnsMissing, FilesMissing
from app.importers.qilin import split_hashtags

JPEG = b"\xff\xd8\xff\xe0 not decoded here"
NOTES = [
    {"note_idx": 10, "note_title": "京都拉面", "note_content": "两天的汤 #拉面[话题]# #京都[话题]#"}
    | {
        "image_path": ["image/part_0/a.jpg", "image/part_0/gone.jpg"],
        "taxonomy1_id": "food",
        "imp_num": 7,
        "x": float("nan"),
    },
    {"note_idx": 11, "note_title": None, "note_content": "no picture #1 here", "image_path": [], "taxonomy1_id": None}
    | {"imp_num": None, "x": None},
    {"note_idx": 12, "note_title": "", "note_content": "", "image_path": ["../a.jpg"], "taxonomy1_id": None}
    | {"imp_num": None, "x": None},
]
REQUESTS = [
    {"request_idx": 1, "user_idx": 5, "rec_result_details_with_idx": [
        {"note_idx": 10, "click": 1, "request_timestamp": 1720000000.0, "position": 1},
        {"note_idx": 11, "click": 0, "request_timestamp": 1720000001.0, "position": 2},
        {"note_idx": 99, "click": 0, "request_timestamp": 1720000001.0, "position": 3},
        {"note_idx": None, "click": 0, "request_timestamp": 1720000001.0, "position": 4},
    ]},
    {"request_idx": 2, "user_idx": 6, "rec_result_details_with_idx": None},
]  # fmt: skip


def write(folder, rows, name="train-00000-of-00001.parquet"):
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / name)


def test_notes_and_requests(tmp_path, files, imported):
    source = files({"image/part_0/a.jpg": JPEG})
    write(source / "notes", NOTES)
    write(source / "recommendation_train", REQUESTS)
    write(source / "recommendation_test", [{**REQUESTS[0], "user_idx": 7}])
    write(source / "search_train", [{"user_idx": 1}])
    got = imported("qilin", source)
    note = got.notes["10"]
    assert (note.title, note.body, note.tags, note.category) == ("京都拉面", "两天的汤", ("拉面", "京都"), "food")
    assert note.extra == {"imp_num": 7}
    assert got.images("10") == ["images/image/part_0/a.jpg"]
    assert (got.notes["11"].title, got.notes["11"].body) == ("", "no picture #1 here")
    first, second = datetime(2024, 7, 3, 9, 46, 40, tzinfo=UTC), datetime(2024, 7, 3, 9, 46, 41, tzinfo=UTC)
    assert got.events == [
        {"user": user, "note": note, "timestamp": time, "event": event}
        for user in ("5", "7")
        for note, time, event in (("10", first, "click"), ("11", second, "view"))
    ]
    assert (got.summary.interactions_unknown, got.summary.pictures_missing) == (2, 1)
    file = "train-00000-of-00001.parquet"
    assert got.summary.bad_rows == {
        f"{file}: image path leaves the corpus": 1,
        f"{file}: neither text nor image": 1,
        f"{file}: missing id": 2,
    }


def test_pictures_in_a_folder_of_their_own(tmp_path, files, imported):
    pictures = files({"image/part_0/a.jpg": JPEG}, folder="elsewhere") / "image"
    write(tmp_path / "source" / "notes", NOTES[:1])
    assert imported("qilin", tmp_path / "source", images=pictures).images("10") == ["images/part_0/a.jpg"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("a #b[话题]# c #d[话题]", ("a  c", ("b", "d"))),
        ("#b #c", ("#b #c", ())),
        ("", ("", ())),
        ("# 1 #[话题]#", ("# 1 #[话题]#", ())),
    ],
)
def test_hashtags(content, parts):
    assert split_hashtags(content) == parts


def test_what_is_missing_is_named(tmp_path, imported):
    write(tmp_path / "a" / "search_train", REQUESTS)
    with pytest.raises(FilesMissing, match=r"notes/\*\.parquet or notes\*\.parquet .*search_train/train"):
        imported("qilin", tmp_path / "a")
    write(tmp_path / "b" / "notes", [{"note_idx": 1, "title": "x"}])
    with pytest.raises(ColumnsMissing, match="for the note_title: it has note_idx, title"):
        imported("qilin", tmp_path / "b")
