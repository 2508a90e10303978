"""Columns find their fields by name, by synonym or by mapping; values come in whatever form tables write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from encoders.columns import SYNONYMS, ColumnMap, parse_mapping, parse_time
from encoders.errors import CorpusError, NoteRejected, Reason

NOON = datetime(2024, 5, 31, 12, 0, tzinfo=UTC)


def note_of(**row):
    return ColumnMap().note(row, None)


def refusal(**row):
    with pytest.raises(NoteRejected) as caught:
        note_of(**row)
    return caught.value.reason


@pytest.mark.parametrize("column", ["body", "text", "content", "desc", "Text", " BODY "])
def test_synonyms_of_body(column):
    assert note_of(**{"id": "a", column: "some words"}).body == "some words"


@pytest.mark.parametrize("column", ["tags", "hashtags", "topics", "HashTags"])
def test_synonyms_of_tags(column):
    assert note_of(**{"id": "a", column: ["x", "y"]}).tags == ("x", "y")


@pytest.mark.parametrize("column", ["id", "note_id", "item", "item_id", "Note ID", "item-id"])
def test_synonyms_of_id(column):
    assert note_of(**{column: "a", "title": "t"}).id == "a"


@pytest.mark.parametrize("column", ["author", "user_id", "user"])
def test_synonyms_of_author(column):
    assert note_of(**{"id": "a", "title": "t", column: "kim"}).author == "kim"


@pytest.mark.parametrize("column", ["created_at", "timestamp", "time"])
def test_synonyms_of_time(column):
    assert note_of(**{"id": "a", "title": "t", column: "2024-05-31T12:00:00Z"}).created_at == NOON


@pytest.mark.parametrize("column", ["images", "image"])
def test_synonyms_of_images(column, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").touch()
    note = ColumnMap().note({"id": "a", column: "a.jpg"}, tmp_path.resolve())
    assert [image.name for image in note.images] == ["images/a.jpg"]


def test_a_mapping_beats_a_synonym_and_the_other_columns_stay_in_extra():
    row = {"id": "a", "plot": "a heist", "text": "a review", "year": 1995}
    mapped = ColumnMap(parse_mapping(["body=plot"])).note(row, None)
    assert (mapped.body, mapped.extra) == ("a heist", {"text": "a review", "year": 1995})
    plain = note_of(**row)
    assert (plain.body, plain.extra) == ("a review", {"plot": "a heist", "year": 1995})


def test_of_two_columns_for_one_field_the_plainer_name_wins_and_none_is_lost():
    note = note_of(id="a", text="second", body="first")
    assert (note.body, note.extra) == ("first", {"text": "second"})


@pytest.mark.parametrize("entry", ["plot", "plot=body", "=plot", "body=", "bodyplot", ""])
def test_a_mapping_that_is_none_is_refused_with_an_example(entry):
    with pytest.raises(CorpusError, match="body=plot"):
        parse_mapping([entry])


def test_every_field_can_be_mapped():
    assert parse_mapping([f"{field}=my {field}" for field in SYNONYMS]) == {f"my {field}": field for field in SYNONYMS}


@pytest.mark.parametrize(
    "value",
    [
        "2024-05-31T12:00:00Z",
        "2024-05-31T12:00:00+00:00",
        "2024-05-31T20:00:00+08:00",
        "2024-05-31 12:00:00",
        "2024/05/31 12:00:00",
        NOON,
        NOON.replace(tzinfo=None),
        NOON.astimezone(timezone(timedelta(hours=-7))),
        NOON.timestamp(),
        int(NOON.timestamp()),
        int(NOON.timestamp() * 1000),
        str(int(NOON.timestamp())),
        str(int(NOON.timestamp() * 1000)),
    ],
    ids=repr,
)
def test_one_moment_in_every_form(value):
    parsed = parse_time(value)
    assert parsed == NOON
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize("value", ["2024-05-31", date(2024, 5, 31)], ids=repr)
def test_a_date_is_its_midnight_in_utc(value):
    assert parse_time(value) == datetime(2024, 5, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "value", ["soon", "31.05.2024", "2024-13-01", "2024-02-30", 1e40, float("inf"), 10**400, True, [2024], "9" * 400]
)
def test_a_time_that_is_none(value):
    with pytest.raises(NoteRejected) as caught:
        parse_time(value)
    assert caught.value.reason is Reason.BAD_DATE


@pytest.mark.parametrize("missing", [None, "", "  ", float("nan")], ids=repr)
def test_missing_values_of_all_tables_are_missing(missing):
    note = note_of(
        id="a", title="t", body=missing, tags=missing, category=missing, author=missing, time=missing, x=missing
    )
    assert (note.body, note.tags, note.category, note.author, note.created_at) == ("", (), None, None, None)


@pytest.mark.parametrize(
    "value",
    [
        ["ramen", "京都"],
        ["#ramen", "#京都#"],
        ["ramen", " ", None, "京都", "ramen"],
        '["ramen", "京都"]',
        "#ramen #京都",
        "#ramen##京都#",
        "ramen, 京都",
        "ramen;京都",
        "ramen|京都",
        "ramen，京都",
        "ramen、京都",
    ],
    ids=repr,
)
def test_tags_in_every_form(value):
    assert note_of(id="a", tags=value).tags == ("ramen", "京都")


def test_a_tag_may_have_spaces_and_a_bracket():
    assert note_of(id="a", tags="#new toy #boy next door").tags == ("new toy", "boy next door")
    assert note_of(id="a", tags="[sic] and so").tags == ("[sic] and so",)


@pytest.mark.parametrize(("value", "id"), [(1, "1"), ("1", "1"), (" a ", "a"), ("笔记", "笔记")])
def test_ids_are_strings(value, id):
    assert note_of(id=value, title="t").id == id


def deep(levels, value="x"):
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": "a"}, Reason.EMPTY_NOTE),
        ({"id": "a", "title": " ", "category": "food"}, Reason.EMPTY_NOTE),
        ({"id": True, "title": "t"}, Reason.BAD_VALUE),
        ({"id": ["a"], "title": "t"}, Reason.BAD_VALUE),
        ({"id": "x" * 513, "title": "t"}, Reason.BAD_VALUE),
        ({"id": "a", "title": {"en": "t"}}, Reason.BAD_VALUE),
        ({"id": "a", "tags": 5}, Reason.BAD_VALUE),
        ({"id": "a", "tags": "[" * 100_000}, Reason.BAD_VALUE),
        ({"id": "a", "title": "t", "x": deep(400)}, Reason.BAD_VALUE),
        ({"id": "a", "title": "\ud83d"}, Reason.INVALID_UTF8),
        ({"id": "a", "title": "t", "x": ["\ud83d"]}, Reason.INVALID_UTF8),
        ({"id": "a", "title": "t", "time": "soon"}, Reason.BAD_DATE),
        ({"id": "a", "image": "a.jpg"}, Reason.UNSAFE_PATH),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_cannot_be_a_note_is_refused_with_its_reason(row, reason):
    assert refusal(**row) is reason


def test_extra_is_json_whatever_the_reader_gave():
    when = datetime(2024, 5, 31, 12, tzinfo=UTC)
    extra = note_of(id="a", title="t", n=1, f=0.5, nan=float("nan"), when=when, b=b"x", deep={"k": (1, None)}).extra
    assert extra == {"n": 1, "f": 0.5, "when": "2024-05-31T12:00:00+00:00", "b": "b'x'", "deep": {"k": [1, None]}}
