"""A build encodes what is new or changed and nothing else, and keeps what it cannot do better."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from encoders import Corpus
from encoders.errors import NoteRejected, Reason
from encoders.images import ImageLimits
from index import FaissIndex
from retrieval.build import build
from retrieval.retriever import index_meta

ROWS = [{"id": f"n{i}", "title": f"title {i}", "author": "kim", "lang": "en"} for i in range(20)]


def contents(index):
    return {record.id: (record.vector.tobytes(), record.payload, record.content_hash) for record in index.scan()}


@pytest.fixture
def run(write_corpus, counting, fresh, tmp_path):
    """Write rows (and pictures) as the corpus, build, and return the report with what was encoded in it."""

    def build_rows(rows, pictures=None, **options):
        folder = write_corpus(rows, pictures=pictures)
        counting.encoded.clear()
        report = build(Corpus(folder), counting, fresh, tmp_path / "rejected.jsonl", **options)
        assert len(counting.encoded) == report.encoded
        return report

    return build_rows


def rejected(tmp_path):
    return [json.loads(line) for line in (tmp_path / "rejected.jsonl").read_text().splitlines()]


def test_the_first_build_encodes_everything(run, fresh, counting, tmp_path):
    done = []
    report = run(ROWS, on_progress=done.append)
    assert report.as_json() == {
        "encoded": 20, "refreshed": 0, "unchanged": 0, "rejected": {}, "stale": 0, "pruned": 0
    }  # fmt: skip
    assert report.good == sum(done) == fresh.count() == 20
    assert rejected(tmp_path) == []
    (record,) = fresh.get(["n3"])
    assert record.payload["title"] == "title 3"
    assert record.payload["corpus"] == str((tmp_path / "corpus").resolve())
    counting.encoded.clear()
    from encoders import Note

    np.testing.assert_array_equal(record.vector, counting.encode([Note(title="title 3")])[0])


def test_the_second_build_encodes_nothing(run, fresh):
    run(ROWS)
    before = contents(fresh)
    report = run(ROWS)
    assert (report.encoded, report.refreshed, report.unchanged) == (0, 0, 20)
    assert contents(fresh) == before


def test_order_and_format_of_the_file_do_not_matter(run, write_corpus, counting, fresh, tmp_path):
    run(ROWS)
    (tmp_path / "corpus" / "notes.jsonl").unlink()
    counting.encoded.clear()
    folder = write_corpus(list(reversed(ROWS)), "parquet")
    report = build(Corpus(folder), counting, fresh, tmp_path / "rejected.jsonl")
    assert (report.encoded, report.refreshed, report.unchanged) == (0, 0, 20)


@pytest.mark.parametrize("change", [{"title": "new"}, {"text": "new"}, {"tags": ["new"]}, {"category": "new"}], ids=str)
def test_only_what_changed_is_encoded(run, fresh, counting, change):
    run(ROWS)
    before = contents(fresh)
    report = run([*ROWS[:7], ROWS[7] | change, *ROWS[8:]])
    assert (report.encoded, report.refreshed, report.unchanged) == (1, 0, 19)
    after = contents(fresh)
    assert [name for name in after if after[name] != before[name]] == ["n7"]


@pytest.mark.parametrize("change", [{"author": "lee"}, {"year": 1995}, {"created_at": "2024-05-31"}], ids=str)
def test_attributes_alone_are_refreshed_and_not_encoded(run, fresh, change):
    run(ROWS)
    before = contents(fresh)
    report = run([*ROWS[:7], ROWS[7] | change, *ROWS[8:]])
    assert (report.encoded, report.refreshed, report.unchanged) == (0, 1, 19)
    after = contents(fresh)
    assert [name for name in after if after[name] != before[name]] == ["n7"]
    assert (after["n7"][0], after["n7"][2]) == (before["n7"][0], before["n7"][2])
    assert after["n7"][1] != before["n7"][1]
    assert run([*ROWS[:7], ROWS[7] | change, *ROWS[8:]]).unchanged == 20


def test_a_corpus_that_moved_is_refreshed(run, fresh, counting, tmp_path):
    run(ROWS)
    (tmp_path / "corpus").rename(tmp_path / "elsewhere")
    report = build(Corpus(tmp_path / "elsewhere"), counting, fresh, tmp_path / "rejected.jsonl")
    assert (report.encoded, report.refreshed) == (0, 20)
    assert fresh.get(["n0"])[0].payload["corpus"] == str((tmp_path / "elsewhere").resolve())


def test_new_notes_are_encoded_alone(run, counting):
    run(ROWS[:15])
    report = run(ROWS)
    assert (report.encoded, report.unchanged) == (5, 15)
    assert counting.encoded == [f"title {i}\n" for i in range(15, 20)]


def with_picture(i=5):
    return [*ROWS[:i], ROWS[i] | {"image": "a.png"}, *ROWS[i + 1 :]]


def test_a_pictures_new_bytes_are_a_change(run, picture, counting):
    rows = with_picture()
    run(rows, {"images/a.png": picture(1)})
    assert run(rows, {"images/a.png": picture(1)}).encoded == 0
    assert run(rows, {"images/a.png": picture(2)}).encoded == 1
    assert counting.encoded == ["title 5\n"]


def test_a_picture_that_broke_keeps_the_last_good_version(run, picture, encoded_png, fresh, tmp_path):
    rows = with_picture()
    run(rows, {"images/a.png": picture(1)})
    before = contents(fresh)
    report = run(rows, {"images/a.png": encoded_png[:100]}, prune=True)
    assert report.rejected == Counter({"broken image": 1})
    assert (report.encoded, report.unchanged, report.stale, report.pruned) == (0, 19, 0, 0)
    assert contents(fresh) == before
    (entry,) = rejected(tmp_path)
    assert (entry["file"], entry["line"], entry["id"], entry["reason"]) == ("notes.jsonl", 6, "n5", "broken image")
    (tmp_path / "corpus" / "images" / "a.png").unlink()
    report = run(rows, prune=True)
    assert report.rejected == Counter({"missing image": 1})
    assert contents(fresh) == before
    assert run(rows, {"images/a.png": picture(1)}).unchanged == 20


@pytest.fixture
def encoded_png(picture):
    from io import BytesIO

    buffer = BytesIO()
    picture(1).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_row_that_broke_keeps_the_last_good_version_too(run, fresh):
    run(ROWS)
    before = contents(fresh)
    report = run([*ROWS[:3], ROWS[3] | {"created_at": "soon"}, *ROWS[4:]], prune=True)
    assert report.rejected == Counter({"unparsable date": 1})
    assert contents(fresh) == before


def test_a_note_that_is_gone_stays_unless_pruned(run, fresh):
    run(ROWS)
    before = contents(fresh)
    report = run(ROWS[:18])
    assert (report.unchanged, report.stale, report.pruned) == (18, 2, 0)
    assert contents(fresh) == before
    report = run(ROWS[:18], prune=True)
    assert (report.unchanged, report.stale, report.pruned) == (18, 2, 2)
    assert set(contents(fresh)) == {f"n{i}" for i in range(18)}
    assert run(ROWS).encoded == 2


def test_a_corpus_that_lost_everything_does_not_empty_an_index(run, fresh):
    run(ROWS)
    report = run([{"title": "no id"}], prune=True)
    assert (report.good, report.pruned) == (0, 0)
    assert fresh.count() == 20


def test_rejections_of_a_build_replace_those_of_the_last(run, tmp_path):
    run([*ROWS, {"title": "no id"}, {"id": "n1", "title": "again"}])
    assert [entry["reason"] for entry in rejected(tmp_path)] == ["missing id", "duplicate id"]
    run(ROWS)
    assert rejected(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "rejected.jsonl"]


def test_the_picture_caps_are_those_given(run, picture, tmp_path):
    report = run(with_picture(), {"images/a.png": picture(1)}, limits=ImageLimits(max_bytes=50))
    assert report.rejected == Counter({Reason.IMAGE_TOO_LARGE.value: 1})
    assert report.encoded == 19


def test_a_note_the_encoder_refuses_is_set_aside(run, counting, fresh, monkeypatch):
    plain = counting.prepare

    def picky(note):
        if note.id == "n4":
            raise NoteRejected(Reason.EMPTY_NOTE, "not to my taste")
        return plain(note)

    monkeypatch.setattr(counting, "prepare", picky)
    report = run(ROWS)
    assert report.rejected == Counter({"neither text nor image": 1})
    assert (report.encoded, fresh.count()) == (19, 19)


def test_a_corpus_of_many_chunks(run, fresh, monkeypatch, counting):
    monkeypatch.setattr("retrieval.build.CHUNK", 7)
    rows = [{"id": f"n{i}", "title": f"title {i}"} for i in range(100)]
    rows[40] = {"id": "n3", "title": "again"}
    done = []
    report = run(rows, on_progress=done.append)
    assert (report.encoded, report.rejected) == (99, Counter({"duplicate id": 1}))
    assert sum(done) == 100
    assert counting.encoded == [f"title {i}\n" for i in range(100) if i != 40]
    assert list(contents(fresh)) == [f"n{i}" for i in range(100) if i != 40]


def test_every_bad_row_is_in_the_file_and_every_good_one_in_the_index(write_corpus, counting, tmp_path):
    """The same against the index on disk, which a build leaves with a snapshot."""
    bad = [{"title": "no id"}, {"id": "e", "title": ""}, {"id": "d", "title": "t", "time": "soon"}, {"id": "n1"}]
    folder = write_corpus([*ROWS, *bad])
    with FaissIndex.create(
        tmp_path / "i", dim=counting.dim, fingerprint=counting.fingerprint, meta=index_meta(counting)
    ) as index:
        report = build(Corpus(folder), counting, index, tmp_path / "i" / "rejected.jsonl")
    assert sum(report.rejected.values()) == 4
    lines = (tmp_path / "i" / "rejected.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in lines] == [21, 22, 23, 24]
    with FaissIndex.open(tmp_path / "i", fingerprint=counting.fingerprint) as again:
        assert again.count() == 20


def test_a_note_without_a_finite_vector_is_set_aside_alone(write_corpus, fresh, counting, tmp_path, monkeypatch):
    embed = counting.embed

    def overflowing(prepared):
        vectors = embed(prepared)
        vectors[[one.text.startswith("title 7") for one in prepared], 3] = np.nan
        return vectors

    monkeypatch.setattr(counting, "embed", overflowing)
    report = build(Corpus(write_corpus(ROWS)), counting, fresh, tmp_path / "rejected.jsonl")
    assert (report.encoded, dict(report.rejected)) == (19, {"no finite vector": 1})
    assert [row["id"] for row in rejected(tmp_path)] == ["n7"]
    assert fresh.get(["n7"]) == [None]
    assert fresh.count() == 19


def test_chunks_end_at_so_many_pictures(run, fresh, counting, picture, monkeypatch):
    """Decoded pictures of two chunks are in memory at a time, however many a note has."""
    monkeypatch.setattr("retrieval.build.CHUNK_PICTURES", 6)
    sizes = []
    embed = counting.embed
    monkeypatch.setattr(counting, "embed", lambda prepared: sizes.append(len(prepared)) or embed(prepared))
    rows = [{"id": f"n{i}", "title": f"t{i}", "images": ["a.png"] * (i % 4)} for i in range(12)]
    report = run(rows, pictures={"a.png": picture(1)})
    assert (report.encoded, fresh.count()) == (12, 12)
    # Pictures by note: 0 1 2 3 | 0 1 2 3 | 0 1 2 3.
    assert sizes == [4, 4, 4]


def test_chunks_end_at_so_many_bytes_of_pictures(run, fresh, counting, picture, encoded, monkeypatch):
    size = len(encoded(picture(1), "PNG"))
    monkeypatch.setattr("retrieval.build.CHUNK_BYTES", 2 * size)
    sizes = []
    embed = counting.embed
    monkeypatch.setattr(counting, "embed", lambda prepared: sizes.append(len(prepared)) or embed(prepared))
    rows = [{"id": f"n{i}", "title": f"t{i}", "images": ["a.png"]} for i in range(5)]
    assert run(rows, pictures={"a.png": picture(1)}).encoded == fresh.count() == 5
    assert sizes == [2, 2, 1]


def test_the_limits_that_let_a_picture_in_are_those_of_its_hash(tmp_path):
    """A picture that was read is not held against other limits when it is hashed."""
    from encoders import Note, NoteImage

    path = tmp_path / "large.bin"
    with path.open("wb") as file:
        file.truncate(65 * 2**20)
    note = Note(id="n", images=(NoteImage.from_file(path),))
    loaded = note.load_images(ImageLimits(max_bytes=66 * 2**20))
    assert len(loaded.content_hash()) == 32
    with pytest.raises(NoteRejected):
        note.content_hash()
