"""Any table of notes and interactions: columns guessed or named, every format, and pictures that lie where they may."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from app.importers.errors import ColumnsMissing, FilesMissing, ImportFailed
from encoders.errors import CorpusError

JPEG = b"\xff\xd8\xff\xe0 not decoded here"
NOTES = (
    "\ufeffid,title,text,hashtags,category,cover,author,date,lang,price,\n"
    '1,"拉面, ramen","two days\nof broth",#拉面 #food,food,a.jpg|sub/b.png,kim,2024-05-31,zh,9.5,x\n'
    "2,noodles,,,,,,,,,\n"
)
EVENTS = (
    "uid,item,time,action,stars\n"
    "u1,1,2024-05-31T10:00:00+02:00,click,5\nu2,2,1717142400,view,\nu2,3,1717142400,view,1\n"
)
BOM = "\ufeff"


def test_columns_are_found_by_name(files, imported):
    pictures = {"a.jpg": JPEG, "images/sub/b.png": JPEG + b"2", "unused.jpg": JPEG}
    got = imported("csv", files({"notes.csv": NOTES, "interactions.csv.gz": EVENTS, **pictures}))
    note = got.notes["1"]
    assert (note.title, note.body, note.tags) == ("拉面, ramen", "two days\nof broth", ("拉面", "food"))
    assert (note.category, note.author, note.lang) == ("food", "kim", "zh")
    assert note.created_at == datetime(2024, 5, 31, tzinfo=UTC)
    assert note.extra == {"price": "9.5", "": "x"}
    assert got.images("1") == ["images/a.jpg", "images/sub/b.png"]
    assert (got.folder / "images/sub/b.png").read_bytes() == JPEG + b"2"
    assert sorted(path.name for path in (got.folder / "images").rglob("*.*")) == ["a.jpg", "b.png"]
    assert got.notes["2"].title == "noodles"
    assert got.events == [
        {"user": "u1", "note": "1", "timestamp": datetime(2024, 5, 31, 8, tzinfo=UTC), "event": "click", "rating": 5.0},
        {"user": "u2", "note": "2", "timestamp": datetime(2024, 5, 31, 8, tzinfo=UTC), "event": "view", "rating": None},
    ]
    assert got.summary.interactions_unknown == 1
    assert got.summary.bad_rows == {}


def test_columns_are_named(files, imported):
    notes = "title\tcode\tplot\n7\tA\tlong\n"
    source = files({"items.tsv": notes, "ratings.tsv": "who\tuser\twhat\nann\tx\tA\n"})
    mapping = {"code": "id", "plot": "body", "title": "category"}
    roles = {"user": "who", "note": "what"}
    got = imported("csv", source, mapping=mapping, interaction_mapping=roles)
    note = got.notes["A"]
    assert (note.title, note.body, note.category) == ("", "long", "7")
    assert got.events == [{"user": "ann", "note": "A"}]


def test_a_column_called_like_a_field_that_another_fills_stays_an_extra(files, imported):
    source = files({"notes.csv": "id,name,title,body\n1,Real,Dr,b\n"})
    note = imported("csv", source, mapping={"name": "title"}).notes["1"]
    assert (note.title, note.extra) == ("Real", {"source_title": "Dr"})


def test_parquet_ids_with_gaps_meet_the_ids_of_interactions(tmp_path, imported):
    source = tmp_path / "source"
    source.mkdir()
    table = pa.table({"item": [1.0, None, 3.0], "title": ["a", "b", "c"], "tags": [["x", "y"], None, []]})
    pq.write_table(table, source / "notes.parquet")
    times = pa.array([datetime(2024, 1, 1, tzinfo=UTC)] * 2, pa.timestamp("ns", tz="UTC"))
    pq.write_table(pa.table({"user": [5, 6], "item": [1, 3], "timestamp": times}), source / "events.parquet")
    got = imported("csv", source)
    assert {key: note.tags for key, note in got.notes.items()} == {"1": ("x", "y"), "3": ()}
    assert [(event["user"], event["note"]) for event in got.events] == [("5", "1"), ("6", "3")]
    assert got.events[0]["timestamp"] == datetime(2024, 1, 1, tzinfo=UTC)
    assert got.summary.bad_rows == {"notes.parquet: missing id": 1}


def test_one_file_and_sparse_json(files, imported):
    rows = [{"id": 1, "title": "a"}, {"id": 2, "plot": "b", "cover": "p.png"}, {"id": 3, "cover": ["p.png"]}]
    text = BOM + "\n".join(map(json.dumps, rows)) + "\n[1]\n{\n" + '{"id": 4, "title": "\\ud83d"}\n'
    source = files({"mine.jsonl.gz": text, "p.png": JPEG, "other.csv": EVENTS})
    got = imported("csv", source / "mine.jsonl.gz", mapping={"plot": "body"}, interactions=source / "other.csv")
    assert (got.notes["1"].title, got.notes["2"].body) == ("a", "b")
    assert got.images("2") == got.images("3") == ["images/p.png"]
    assert (got.notes["3"].tags, got.notes["3"].has_text) == ((), False)
    assert len(got.events) == 3
    assert got.summary.bad_rows == {"mine.jsonl.gz: broken row": 2, "mine.jsonl.gz: invalid UTF-8": 1}
    assert got.summary.notes_without_picture == 1


def test_bad_rows_are_counted_and_named_with_their_lines(files, imported):
    notes = b'id,title\n1,good\n2,caf\xe9\n3\n"4"x,bad quote\n1,again\n5,\n6,good\n'
    got = imported("csv", files({"notes.csv": notes}))
    assert set(got.notes) == {"1", "6"}
    assert got.summary.bad_rows == {
        "notes.csv: invalid UTF-8": 1,
        "notes.csv: broken row": 2,
        "notes.csv: duplicate id": 1,
        "notes.csv: neither text nor image": 1,
    }
    rejected = [json.loads(line) for line in (got.folder / "rejected.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rejected] == [3, 4, 5, 6, 7]


def test_pictures_never_come_from_outside_and_are_never_fetched(tmp_path, files, imported, unreached):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    names = [
        "../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "link.jpg",
        "gone.jpg",
        "https://example.com/x.jpg",
        "in.jpg",
    ]
    rows = "".join(f"{at},t{at},{name}\n" for at, name in enumerate(names))
    source = files({"notes.csv": "id,title,image\n" + rows, "in.jpg": JPEG})
    (source / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    got = imported("csv", source)
    assert [got.images(str(at)) for at in range(6)] == [[], [], [], [], [], ["images/in.jpg"]]
    assert [path.name for path in (got.folder / "images").iterdir()] == ["in.jpg"]
    assert got.summary.bad_rows == {"notes.csv: image path leaves the corpus": 3}
    assert got.summary.pictures_missing == 1
    assert got.notes["4"].extra == {"image_urls": ["https://example.com/x.jpg"]}
    assert len(got.notes) == 6  # the notes themselves are good


def test_pictures_of_ids_never_come_from_outside(tmp_path, files, imported):
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "a.jpg").write_bytes(b"secret")
    (tmp_path / "hidden" / "b.jpg").write_bytes(b"secret")
    ids = ["../secret", str(tmp_path / "secret"), "../hidden", "..", "many", "linked", "one"]
    source = files({"notes.csv": "id,title\n" + "".join(f"{each},t\n" for each in ids)})
    pictures = files({"many/2.png": JPEG, "many/1.jpg": JPEG, "many/x.txt": "", "one.jpeg": JPEG}, folder="pictures")
    (pictures / "linked").symlink_to(tmp_path / "hidden")
    got = imported("csv", source, images=pictures)
    assert [got.images(each) for each in ids] == (
        [[], [], [], [], ["images/many/1.jpg", "images/many/2.png"], [], ["images/one.jpeg"]]
    )
    assert b"secret" not in b"".join(path.read_bytes() for path in got.folder.rglob("*.jpg"))
    assert got.summary.bad_rows == {"notes.csv: image path leaves the corpus": 4}


def test_a_limit_keeps_the_first_notes_and_their_interactions(files, imported):
    got = imported("csv", files({"notes.csv": NOTES, "interactions.csv": EVENTS, "a.jpg": JPEG}), limit=1)
    assert list(got.notes) == ["1"]
    assert ([event["note"] for event in got.events], got.summary.interactions_unknown) == (["1"], 2)


@pytest.mark.parametrize(
    ("contents", "job", "error", "message"),
    [
        ({"x.csv": "a\n"}, {}, FilesMissing, r"notes\.csv or notes\.tsv.*it has x\.csv"),
        ({"notes.csv": "a,b\n1,2\n"}, {}, ColumnsMissing, r"for the id: it has a, b, wanted one of id, note_id.*--map"),
        ({"notes.csv": NOTES}, {"mapping": {"plot": "body"}}, ColumnsMissing, r"for the body: .*wanted one of plot"),
        ({"notes.csv": ""}, {}, ImportFailed, r"is empty"),
        ({"notes.csv": "id,title\n,x\n"}, {}, ImportFailed, r"no good note \(notes\.csv: missing id: 1\)"),
        ({"notes.csv": NOTES, "events.csv": "a,b\n"}, {}, ColumnsMissing, r"for the user: it has a, b.*user_id"),
        (
            {"notes.csv": NOTES, "events.csv": "user,item\n"},
            {"interaction_mapping": {"rating": "r"}},
            ColumnsMissing,
            r"for the rating: it has user, item, wanted one of r",
        ),
        ({"notes.parquet": "PAR1junkPAR1"}, {}, ImportFailed, r"not a Parquet file"),
        ({"notes.csv": NOTES, "notes.jsonl": "{}"}, {}, None, ""),
    ],
)
def test_what_cannot_be_imported_leaves_nothing(tmp_path, files, imported, contents, job, error, message):
    source = files(contents)
    if error is None:  # of two formats the first of the documented order is read
        assert imported("csv", source).notes
        return
    with pytest.raises((error, CorpusError), match=message):
        imported("csv", source, **job)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_a_gzip_file_that_breaks_off_leaves_nothing(tmp_path, files, imported):
    source = files({"notes.csv.gz": "id,title\n" + "".join(f"{at},title {at * at}\n" for at in range(5000))})
    whole = (source / "notes.csv.gz").read_bytes()
    Path(source / "notes.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImportFailed, match=r"notes\.csv\.gz cannot be read to its end"):
        imported("csv", source)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
