"""A note is frozen and validated; its payload is JSON, its hash covers what an encoder reads and nothing else."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from encoders import Note, NoteImage

WHOLE = {
    "id": "n1",
    "title": "Ramen in Kyoto",
    "body": "Broth for two days.",
    "tags": ("ramen", "京都"),
    "category": "food",
    "images": (NoteImage.from_bytes(b"one"), NoteImage.from_bytes(b"two")),
    "author": "kim",
    "created_at": datetime(2024, 5, 31, 18, 0, tzinfo=UTC),
    "lang": "en",
    "extra": {"likes": 3},
}


def test_every_field_is_kept():
    note = Note(**WHOLE)
    assert {name: getattr(note, name) for name in WHOLE} == WHOLE
    assert set(Note.model_fields) == set(WHOLE)


@pytest.mark.parametrize("field", list(WHOLE))
def test_it_is_frozen(field):
    note = Note(**WHOLE)
    with pytest.raises(ValidationError):
        setattr(note, field, None)
    assert getattr(note, field) == WHOLE[field]


@pytest.mark.parametrize(
    "bad",
    [
        {"id": ""},
        {"id": "x" * 513},
        {"id": 7},
        {"title": None},
        {"tags": "ramen"},
        {"images": ("a.jpg",)},
        {"created_at": datetime(2024, 5, 31)},
        {"created_at": "soon"},
        {"titel": "a misspelt field"},
        {"title": "\ud83d"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(bad):
    with pytest.raises(ValidationError):
        Note(**{**WHOLE, **bad})


def test_times_are_brought_to_utc():
    there = datetime(2024, 6, 1, 2, 0, tzinfo=timezone(timedelta(hours=8)))
    note = Note(created_at=there)
    assert note.created_at == there
    assert note.created_at.tzinfo is UTC
    assert note.payload()["created_at"] == "2024-05-31T18:00:00+00:00"


def test_the_payload_is_json_and_loses_nothing():
    payload = Note(**WHOLE).payload()
    assert json.loads(json.dumps(payload)) == payload
    assert payload == {
        "title": "Ramen in Kyoto",
        "body": "Broth for two days.",
        "tags": ["ramen", "京都"],
        "category": "food",
        "images": ["upload", "upload"],
        "author": "kim",
        "created_at": "2024-05-31T18:00:00+00:00",
        "lang": "en",
        "extra": {"likes": 3},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Ramen in Osaka"},
        {"body": ""},
        {"tags": ("京都", "ramen")},
        {"tags": ("ramen京都",)},
        {"category": None},
        {"images": (NoteImage.from_bytes(b"one"),)},
        {"images": (NoteImage.from_bytes(b"two"), NoteImage.from_bytes(b"one"))},
        {"images": (NoteImage.from_bytes(b"onetwo"),)},
        {"title": "Ramen in KyotoBroth for two days.", "body": ""},
    ],
    ids=lambda change: " ".join(change),
)
def test_the_hash_changes_with_what_is_encoded(change):
    assert Note(**{**WHOLE, **change}).content_hash() != Note(**WHOLE).content_hash()


@pytest.mark.parametrize(
    "change", [{"id": "n2"}, {"author": None}, {"created_at": None}, {"extra": {}}], ids=lambda change: " ".join(change)
)
def test_the_hash_does_not_change_with_what_is_not_encoded(change):
    assert Note(**{**WHOLE, **change}).content_hash() == Note(**WHOLE).content_hash()


def test_the_hash_is_of_the_pictures_bytes_not_of_their_names(tmp_path):
    (tmp_path / "a.png").write_bytes(b"one")
    (tmp_path / "b.png").write_bytes(b"one")
    (tmp_path / "c.png").write_bytes(b"two")
    first, same, other = (
        Note(images=(NoteImage.from_file(tmp_path / name),)).content_hash() for name in ("a.png", "b.png", "c.png")
    )
    assert first == same != other


@pytest.mark.parametrize(
    ("note", "has_text"),
    [
        (Note(), False),
        (Note(title=" \n", body="\t"), False),
        (Note(category="food"), False),
        (Note(title="a"), True),
        (Note(body="a"), True),
        (Note(tags=("a",)), True),
    ],
    ids=repr,
)
def test_has_text(note, has_text):
    assert note.has_text is has_text
