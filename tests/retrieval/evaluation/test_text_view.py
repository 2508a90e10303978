"""Templates of one text for all systems, written out by hand."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders.images import NoteImage
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.text_view import TextView, whole_text

NOTE = Note(
    id="n",
    title="Ramen in  Kyoto",
    body="Broth for\n\ttwo days.",
    tags=("food", "slow cooking", "京都"),
    category="Food",
    lang="en",
)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{title}", "Ramen in Kyoto"),
        ("{title} {hashtags:10} {body:400}", "Ramen in Kyoto #food #slowcooking #京都 Broth for two days."),
        ("{hashtags:2}", "#food #slowcooking"),
        ("{tags:2}", "food slow cooking"),
        ("{tags}", "food slow cooking 京都"),
        ("{body:5}", "Broth"),
        ("{body:6}", "Broth"),  # the space at the end goes
        ("{title:8}|{title:11}", "Ramen in|Ramen in K"),  # characters as they stand, two spaces and all
        ("{category}: {title}", "Food: Ramen in Kyoto"),
        ("{category:2}", "Fo"),
        ("{title}{title}", "Ramen in KyotoRamen in Kyoto"),
        ("{{{category}}}", "{Food}"),
        ("  {category}\n\n{category} ", "Food Food"),
        ("{body:0}{tags:0}{category}", "Food"),
        ("标题:{title:5}", "标题:Ramen"),
    ],
)
def test_a_template_by_hand(template: str, expected: str) -> None:
    assert TextView(template).text(NOTE) == expected


def test_characters_of_chinese_are_characters() -> None:
    note = Note(title="京都拉面", body="汤头熬了两天，面条手拉", tags=("美食", "旅行"))
    assert TextView("{title} {hashtags:1} {body:4}").text(note) == "京都拉面 #美食 汤头熬了"


def test_what_is_missing_leaves_no_trace() -> None:
    view = TextView("{title} {hashtags:10} {body:400} {category}")
    assert view.text(Note(title="t")) == "t"
    assert view.text(Note(tags=("a",))) == "#a"
    assert view.text(Note()) == ""


def test_the_protocol_of_the_movies() -> None:
    """Title, up to 10 tags as hashtags, 400 characters of plot."""
    note = Note(title="Toy Story", body="p" * 900, tags=tuple(f"t{i}" for i in range(15)))
    hashtags = " ".join(f"#t{i}" for i in range(10))
    assert TextView("{title} {hashtags:10} {body:400}").text(note) == f"Toy Story {hashtags} {'p' * 400}"


@pytest.mark.parametrize(
    "template",
    [
        "",
        "no field at all",
        "{{title}}",
        "{",
        "{title",
        "title}",
        "{}",
        "{0}",
        "{lang}",
        "{author}",
        "{title.upper}",
        "{title[0]}",
        "{title!r}",
        "{title:>10}",
        "{title:1.5}",
        "{title:-1}",
        "{title:{body}}",
        "{title:²}",
        "{ title }",
        "{Title}",
    ],
)
def test_what_is_no_template_is_refused(template: str) -> None:
    with pytest.raises(EvaluationError, match="text template"):
        TextView(template)


def test_the_message_says_what_may_be_named() -> None:
    with pytest.raises(EvaluationError, match=r"'\{plot\}' must name fields of title, body, tags, hashtags, category"):
        TextView("{plot}")


def test_the_note_it_makes_has_that_text_and_no_other() -> None:
    pictured = NOTE.model_copy(update={"images": (NoteImage("a.png"),)})
    made = TextView("{title:5} {hashtags:1}").note(pictured)
    assert (made.title, made.body, made.tags, made.category) == ("", "Ramen #food", (), None)
    assert (made.id, made.images, made.lang) == ("n", pictured.images, "en")
    assert not TextView("{body}").note(Note(title="t")).has_text


FIELDS = st.text(max_size=30)


@settings(max_examples=60, deadline=None)
@given(title=FIELDS, body=FIELDS, tags=st.lists(st.text(min_size=1, max_size=8), max_size=5), most=st.integers(0, 40))
def test_any_text_is_taken_as_it_stands(title: str, body: str, tags: list[str], most: int) -> None:
    """Braces, percent signs, whatever a note holds: it is never a template itself."""
    note = Note.model_construct(title=title, body=body, tags=tuple(tags), category=None)
    found = TextView(f"{{title:{most}}} {{tags}} {{body:{most}}}").text(note)
    assert found.split() == [*title[:most].split(), *" ".join(tags).split(), *body[:most].split()]
    assert "  " not in found
    assert found == found.strip()


def test_the_whole_text_of_a_note() -> None:
    assert whole_text(Note(title="Ramen", tags=("a", "b"), body="Broth", category="Food")) == "Ramen a b Broth"
    assert whole_text(Note(body="汤")) == "汤"
    assert whole_text(Note()) == ""
