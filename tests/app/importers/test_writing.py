"""A corpus folder is there whole or not at all; groups, links and counts."""

import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from app.importers import run, writing
from app.importers.base import Interaction, Job, Reading
from app.importers.errors import ImportFailed
from app.importers.writing import CorpusWriter, made_at_once
from encoders.corpus import Placed
from encoders.errors import NoteRejected, Reason
from encoders.images import NoteImage
from encoders.note import Note


def image(path: Path, name: str) -> NoteImage:
    return NoteImage(name, path)


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError("disk full")])
@pytest.mark.parametrize("where", ["notes", "interactions"])
def test_an_error_midway_leaves_no_folder(tmp_path, monkeypatch, error, where):
    def stream(one, fails):
        yield one
        if fails:
            assert any(path.name.endswith(".importing") for path in tmp_path.iterdir())
            raise error

    def read(_: Job) -> Reading:
        note = Placed(Note(id="a", title="t"), "f", 1)
        events = stream(Interaction("u", "a"), where == "interactions")
        return Reading(stream(note, where == "notes"), events, (), lambda: 0)

    monkeypatch.setitem(run.LAYOUTS, "broken", read)
    with pytest.raises(ImportFailed if isinstance(error, OSError) else error):
        run.run_import("broken", Job(tmp_path), tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_taken_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(ImportFailed, match="is there and not empty"), made_at_once(tmp_path / name):
            pytest.fail("not reached")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_is_filled_meanwhile_is_left_alone(tmp_path):
    out = tmp_path / "out"
    making = made_at_once(out)
    making.__enter__()
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(ImportFailed, match="cannot be made"):
        making.__exit__(None, None, None)
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "thesis.txt"]


def test_an_empty_folder_is_taken_and_parents_are_made(tmp_path):
    for out in (tmp_path / "empty", tmp_path / "a" / "b"):
        if out.name == "empty":
            out.mkdir()
        with made_at_once(out) as making:
            (making / "x").write_text("x")
        assert (out / "x").read_text() == "x"
        assert not making.exists()


def test_the_working_directory_is_a_folder_too(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with made_at_once(Path()) as making:
        (making / "x").write_text("x")
    assert (tmp_path / "here" / "x").read_text() == "x"


def test_interactions_are_written_in_groups_without_unknown_notes(tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "ROWS_A_GROUP", 3)
    monkeypatch.setattr(writing, "MOST_REMEMBERED", 1)
    with CorpusWriter(tmp_path, ("timestamp", "rating")) as writer:
        writer.add_note(Note(id="a", title="t"))
        writer.add_note(Note(id="b", title="t"))
        for at, note in enumerate("abxbaxxxab"):
            writer.add_interaction(Interaction(f"u{at}", note, at, None, at / 2))
    file = pq.ParquetFile(tmp_path / "interactions.parquet")
    assert [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)] == [2, 2, 1, 1]
    assert file.read().column("user").to_pylist() == ["u0", "u1", "u3", "u4", "u8", "u9"]
    assert file.read().column("rating").to_pylist() == [0, 0.5, 1.5, 2, 4, 4.5]
    assert file.schema_arrow.names == ["user", "note", "timestamp", "rating"]
    assert (writer.interactions, writer.unknown) == (6, 4)


def test_without_interactions_there_is_an_empty_table_or_none(tmp_path):
    for columns, name in ((("event",), "empty"), (None, "none")):
        (tmp_path / name).mkdir()
        with CorpusWriter(tmp_path / name, columns) as writer:
            writer.add_note(Note(id="a", title="t"))
    assert pq.read_table(tmp_path / "empty" / "interactions.parquet").schema.names == ["user", "note", "event"]
    assert not (tmp_path / "none" / "interactions.parquet").exists()


def test_pictures_are_copied_where_links_cannot_be_made(tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise OSError("another device")

    monkeypatch.setattr(os, "link", refuse)
    (tmp_path / "p.jpg").write_bytes(b"picture")
    (tmp_path / "out").mkdir()
    with CorpusWriter(tmp_path / "out", None) as writer:
        writer.add_note(Note(id="a", images=(image(tmp_path / "p.jpg", "deep/p.jpg"),)))
        writer.add_note(Note(id="b", images=(image(tmp_path / "p.jpg", "images/deep/p.jpg"),)))
    copy = tmp_path / "out" / "images" / "deep" / "p.jpg"
    assert copy.read_bytes() == b"picture"
    assert not copy.samefile(tmp_path / "p.jpg")
    assert writer.pictures == 1


def test_two_pictures_of_one_name_are_not_confused(tmp_path):
    for name, content in (("p.jpg", b"one"), ("q.jpg", b"two")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "out").mkdir()
    with CorpusWriter(tmp_path / "out", None) as writer:
        writer.add_note(Note(id="a", images=(image(tmp_path / "p.jpg", "x.jpg"),)))
        with pytest.raises(ImportFailed, match=r"would both be images/x\.jpg"):
            writer.add_note(Note(id="b", images=(image(tmp_path / "q.jpg", "images/x.jpg"),)))


def test_a_note_that_is_refused_leaves_no_trace(tmp_path):
    (tmp_path / "p.jpg").write_bytes(b"picture")
    out = tmp_path / "out"
    out.mkdir()
    notes = [
        (Note(title="t"), Reason.MISSING_ID),
        (Note(id="a", title=" ", category="c"), Reason.EMPTY_NOTE),
        (Note(id="b", title="t", extra={"x": "\ud83d"}), Reason.INVALID_UTF8),
        (Note(id="good", title="again", images=(image(tmp_path / "p.jpg", "p.jpg"),)), Reason.DUPLICATE_ID),
    ]
    with CorpusWriter(out, None) as writer:
        writer.add_note(Note(id="good", title="t"))
        for note, reason in notes:
            with pytest.raises(NoteRejected) as caught:
                writer.add_note(note)
            assert caught.value.reason is reason
    assert (writer.notes, writer.without_picture, writer.pictures) == (1, 1, 0)
    assert len((out / "notes.jsonl").read_text().splitlines()) == 1
    assert not (out / "images").exists()
    shutil.rmtree(out)
