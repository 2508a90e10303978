"""Cells of all sorts."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.importers.values import as_list, as_milliseconds, as_number, as_text, clean, unique
from encoders.errors import NoteRejected


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("plain", "plain"),
        ("a < b > c & d", "a < b > c & d"),
        ("x<br/>y", "x y"),
        ("<b>bo</b>ld", "bold"),
        ("<p>one</p><p>two</p>", "one two"),
        ("&amp;#10;&amp;quot;q&amp;quot;", '"q"'),
        ("caf&eacute; 拉面", "café 拉面"),
        ("<style>p {}</style>a<script>b()</script>c", "a c"),
        ("<!-- note -->kept", "kept"),
        ("<unclosed", "<unclosed"),
        ("I <3 you, I </3 you", "I <3 you, I </3 you"),
        ("<p>a<![x[b]]>c", "a<![x[b]]>c"),
        ("  a\n\tb\u00a0c ", "a b c"),
        (None, ""),
        (3, ""),
    ],
)
def test_markup_is_taken_off(raw, text):
    assert clean(raw) == text


@given(st.text())
def test_whatever_is_cleaned_is_one_line(raw):
    assert clean(raw).split() == clean(raw).split(" ") or clean(raw) == ""


@pytest.mark.parametrize(
    ("raw", "parts"),
    [
        ("a|b; c,d", ["a", "b", "c", "d"]),
        ('["a, b", "c"]', ["a, b", "c"]),
        ("['a, b', \"it's\"]", ["a, b", "it's"]),
        ("[not a list", ["[not a list"]),
        ("[" * 500, ["[" * 500]),
        (["a", None, 3, 4.0, " "], ["a", "3", "4"]),
        ("['a', {'b': 1}]", ["a"]),
        (None, []),
        (float("nan"), []),
        ("", []),
    ],
)
def test_lists(raw, parts):
    assert as_list(raw) == parts


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (" a ", "a"),
        (5, "5"),
        (5.0, "5"),
        (5.5, "5.5"),
        (math.nan, ""),
        (math.inf, ""),
        (None, ""),
        (True, ""),
        ([], ""),
    ],
)
def test_ids(raw, text):
    assert as_text(raw) == text


@given(st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(5000, 1, 1)))
def test_every_way_to_write_a_time_gives_the_same(naive):
    time = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    wanted = (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    assert as_milliseconds(time) == as_milliseconds(time.isoformat()) == wanted
    if wanted >= 1e11:
        assert as_milliseconds(wanted) == as_milliseconds(str(wanted)) == wanted
    assert as_milliseconds(wanted // 1000) == as_milliseconds(f"{wanted // 1000}") == wanted // 1000 * 1000


@pytest.mark.parametrize("raw", ["yesterday", "", None, "nan", "inf", 1e300, "-99999999999999999", [], {}])
def test_what_is_no_time_is_refused(raw):
    with pytest.raises(NoteRejected):
        as_milliseconds(raw)


def test_numbers_and_unique():
    assert [as_number(raw) for raw in ("3", "3.5", 4.0, "x", None, "nan", True)] == [3, 3.5, 4, None, None, None, None]
    assert unique(["B", "a", "b", "", "C"], but=["c", None]) == ("B", "a")
