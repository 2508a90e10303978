"""The text form: what each text means, where an error points, and what has no text."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from index.errors import InvalidFilter
from index.filters.text import format_filter, parse_filter
from index.filters.tree import And, Contains, ContainsAny, Eq, Exists, In, Not, Or, Range

A, B, C = Eq("a", 1), Eq("b", 2), Eq("c", 3)


@pytest.mark.parametrize(
    ("text", "filter"),
    [
        ("a = 1", A),
        ("a=1", A),
        ("  a\t=\n1\r ", A),
        ("((a = 1))", A),
        ('a = "x"', Eq("a", "x")),
        ('a = ""', Eq("a", "")),
        (r'a = "\"\\\/\b\f\n\r\t\u7f8e\ud83d\ude00\u0000"', Eq("a", '"\\/\b\f\n\r\t美😀\0')),
        ('a = "美食 😀 \' and b = 1"', Eq("a", "美食 😀 ' and b = 1")),
        ("a = true", Eq("a", True)),
        ("a = FALSE", Eq("a", False)),
        ("a > -1.5e3", Range("a", gt=-1500.0)),
        ("a >= 0", Range("a", ge=0)),
        ("a < 1E+2", Range("a", lt=100.0)),
        ("a <= 5", Range("a", le=5)),
        ('a < "m"', Range("a", lt="m")),
        ("a != 1", And((Exists("a"), Not(Eq("a", 1))))),
        ("a in (1)", In("a", (1,))),
        ('a IN ("x", 2,true)', In("a", ("x", 2, True))),
        ("a in ()", In("a", ())),
        ("a not in (1, 2)", And((Exists("a"), Not(In("a", (1, 2)))))),
        ('a has "x"', Contains("a", "x")),
        ('a has any ("x", "y")', ContainsAny("a", ("x", "y"))),
        ("a has any ()", ContainsAny("a", ())),
        ("a exists", Exists("a")),
        ("not a exists", Not(Exists("a"))),
        ("NOT Not a = 1", Not(Not(A))),
        ("true", And(())),
        ("false", Or(())),
        ("not true", Not(And(()))),
        ("a = 1 and b = 2 and c = 3", And((A, B, C))),
        ("a = 1 or b = 2 and c = 3", Or((A, And((B, C))))),
        ("(a = 1 or b = 2) and c = 3", And((Or((A, B)), C))),
        ("(a = 1 and b = 2) and c = 3", And((And((A, B)), C))),
        ("not a = 1 and b = 2", And((Not(A), B))),
        ("not (a = 1 and b = 2)", Not(And((A, B)))),
        ("not a != 1", Not(And((Exists("a"), Not(A))))),
        ("`not` = 1 and `Exists` exists", And((Eq("not", 1), Exists("Exists")))),
        ("`a` = 1", A),
        ("_a9 = 1", Eq("_a9", 1)),
        ("a = 2024-01-01", Eq("a", datetime(2024, 1, 1, tzinfo=UTC))),
        ("a = 2024-02-29T10:00", Eq("a", datetime(2024, 2, 29, 10, tzinfo=UTC))),
        ("a = 2024-01-01T10:00:00Z", Eq("a", datetime(2024, 1, 1, 10, tzinfo=UTC))),
        ("a = 2024-01-01t10:00:00.25z", Eq("a", datetime(2024, 1, 1, 10, 0, 0, 250_000, tzinfo=UTC))),
        ("a = 2024-01-01T07:30:00+08:00", Eq("a", datetime(2023, 12, 31, 23, 30, tzinfo=UTC))),
        ("a in (2024-01-01,2024-01-02)", In("a", tuple(datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2)))),
        ('a = "2024-01-01"', Eq("a", "2024-01-01")),
        (
            'category = "food" and created_at >= 2024-01-01 and not tags has "ramen"',
            And(
                (
                    Eq("category", "food"),
                    Range("created_at", ge=datetime(2024, 1, 1, tzinfo=UTC)),
                    Not(Contains("tags", "ramen")),
                )
            ),
        ),
    ],
)
def test_what_a_text_means(text, filter):
    read = parse_filter(text)
    assert read == filter
    assert repr(read) == repr(filter)  # 1, 1.0 and True are equal and must not be mixed up
    assert parse_filter(format_filter(read)) == read


def test_a_time_is_in_utc():
    [moment] = {parse_filter("a = 2024-01-01T07:30:00+08:00").value}
    assert moment.tzinfo is UTC
    assert moment.isoformat() == "2023-12-31T23:30:00+00:00"


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "got the end, expected the name of an attribute"),
        ("   ", 4, "got the end"),
        ("a", 2, "got the end, expected an operator after a"),
        ("a =", 4, "got the end, expected a value"),
        ("a == 1", 4, "got =, expected a value"),
        ("a = food", 5, 'got food, expected a value.*"food"'),
        ("a = 'food'", 5, "straight double quotes"),
        ("a = “food”", 5, "straight double quotes"),
        ('category "food"', 10, 'got "food", expected an operator after category'),
        ('"food" = 1', 1, "expected the name of an attribute"),
        ("a = 1 b = 2", 7, 'got b, expected "and", "or" or the end'),
        ("a = 1)", 6, r'got \), expected "and"'),
        ("(a = 1", 7, r'got the end, expected "and", "or" or the "\)"'),
        ("a = 1 and", 10, "got the end"),
        ("a = 1 and or", 11, "got or, expected the name.*backticks"),
        ("and = 1", 1, "backticks"),
        ("a = 1 & b = 2", 7, "got '&'"),
        ("a <> 1", 4, "got >, expected a value"),
        ("a like 1", 3, "got like, expected an operator"),
        ("a not = 1", 7, "expected in"),
        ("a not exists", 7, "not a exists"),
        ("a in 1", 6, "a list in brackets"),
        ("a in (1", 8, "a comma or"),
        ("a in (1,)", 9, "expected a value"),
        ("a in (1 2)", 9, "a comma or"),
        ("a in (,1)", 7, "expected a value"),
        ("a has 1", 7, "a string in double quotes"),
        ('a has any "x"', 11, "a list in brackets"),
        ("a has any (1)", 12, "a string in double quotes"),
        ("a has any (x)", 12, "a string in double quotes"),
        ("a = 01", 5, "01 is no name, number or time"),
        ("a = 1.", 5, "is no name, number or time"),
        ("a = .5", 5, "is no name, number or time"),
        ("a = +5", 5, "is no name, number or time"),
        ("a = 0x10", 5, "is no name, number or time"),
        ("a = 1_000", 5, "is no name, number or time"),
        ("a = 1e400", 5, "beyond float64"),
        ("a = -1e400", 5, "beyond float64"),
        ("a = " + "9" * 310, 5, "beyond float64"),
        ("a = " + "9" * 9000, 5, "beyond float64"),
        ("a = NaN", 5, "got NaN, expected a value"),
        ("a = null", 5, "got null, expected a value"),
        ("a = 2024-1-1", 5, "is no name, number or time"),
        ("a = 2024-13-01", 5, "month must be in 1..12"),
        ("a = 2023-02-29", 5, "day is out of range"),
        ("a = 2024-01-01T25:00", 5, "hour must be in 0..23"),
        ("a = 2024-01-01 10:00", 16, "is no name, number or time"),
        ("a = 0001-01-01T00:00+08:00", 5, "is no time"),
        ('a = "x', 5, "does not end"),
        ('a = "x\\"', 5, "does not end"),
        ('a = "x\\q"', 7, r"Invalid \\escape: strings are written as in JSON"),
        ('a = "x\\u12"', 8, r"Invalid \\uXXXX escape"),
        ('a = "x\ny"', 7, "Invalid control character"),
        ('a = "x\0y"', 7, "Invalid control character"),
        ('a = "\\ud800"', 5, "surrogate"),
        ('a = "\ud800"', 5, "surrogate"),
        ("`a b` = 1", 1, "between backticks"),
        ("`` = 1", 1, "between backticks"),
        ("名前 = 1", 1, "got '名', expected a name"),
        ('a = "美食" 名', 10, "got '名'"),
        ("a.b = 1", 1, "a.b is no name"),
        ("a = 1\0", 6, r"got '\\x00'"),
        ("(" * 101 + "a = 1" + ")" * 101, 101, "deeper than 100"),
        ("not " * 101 + "a = 1", 401, "deeper than 100"),
        ("(" * 19_999, 101, "deeper than 100"),
    ],
)
def test_an_error_points_at_its_column(text, column, message):
    with pytest.raises(InvalidFilter, match=message) as caught:
        parse_filter(text)
    assert re.match(rf"filter, (line 1, )?column {column}: ", str(caught.value))


def shown(text):
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    _, line, caret = str(caught.value).rsplit("\n", 2)
    return line, caret


@pytest.mark.parametrize(
    ("text", "line", "caret"),
    [
        ("a = food", "  a = food", "      ^"),
        ('a = "美食" b', '  a = "美食" b', "             ^"),  # two cells each
        ('a = "e\u0301é" b', '  a = "e\u0301é" b', "           ^"),  # an accent of its own fills none
        ('a = 1 and\nb = "美" c', '  b = "美" c', "           ^"),
        ('a = "\u202e" b', '  a = "\ufffd" b', "          ^"),  # nothing that turns the line around is printed
        ("a\t= food", "  a = food", "      ^"),
    ],
)
def test_the_caret_stands_under_the_place(text, line, caret):
    assert shown(text) == (line, caret)


def test_of_a_long_line_the_part_around_the_place_is_shown():
    line, caret = shown("a = 1 or " * 500 + "b = food" + " or a = 1" * 500)
    assert len(line) < 130
    assert line.startswith("  …")
    assert line.endswith("…")
    assert line[caret.index("^") :].startswith("food")


def test_line_and_column_of_a_text_of_several_lines():
    with pytest.raises(InvalidFilter, match="line 3, column 5: got food"):
        parse_filter("a = 1\n  or\nb = food\nor c = 2")


def test_texts_up_to_the_limits_are_read():
    assert parse_filter("(" * 100 + "a = 1" + ")" * 100) == A
    filter = parse_filter("not " * 100 + "a = 1")
    for _ in range(100):
        filter = filter.part
    assert filter == A
    longest = 'a = "' + "x" * 19_994 + '"'
    assert len(longest) == 20_000
    assert parse_filter(longest) == Eq("a", "x" * 19_994)
    with pytest.raises(InvalidFilter, match="20,001 characters"):
        parse_filter(longest + " ")
    with pytest.raises(InvalidFilter, match="got NoneType"):
        parse_filter(None)


@pytest.mark.parametrize(
    ("filter", "text"),
    [
        (A, "a = 1"),
        (Eq("a", 1.0), "a = 1.0"),
        (Eq("a", 1e22), "a = 1e+22"),
        (Eq("a", True), "a = true"),
        (Eq("a", '美\n"\\\0'), r'a = "美\n\"\\\u0000"'),
        (Eq("a", datetime(2024, 1, 1)), "a = 2024-01-01"),
        (Eq("a", datetime(2024, 1, 1, 8, tzinfo=timezone(timedelta(hours=8)))), "a = 2024-01-01"),
        (Eq("a", datetime(2024, 1, 1, 0, 0, 0, 1)), "a = 2024-01-01T00:00:00.000001Z"),
        (Eq("In", 1), "`In` = 1"),
        (And((Exists("a"), Not(A))), "a != 1"),
        (And((Exists("b"), Not(A))), "b exists and not a = 1"),
        (And((Exists("a"), Not(In("a", (1, 2))))), "a not in (1, 2)"),
        (Range("a", 1, 2, 3, 4), "a > 1 and a >= 2 and a < 3 and a <= 4"),
        (Or((Range("a", ge=1, lt=3), B)), "a >= 1 and a < 3 or b = 2"),
        (And((Range("a", ge=1, lt=3), B)), "(a >= 1 and a < 3) and b = 2"),
        (Not(Range("a", ge=1, lt=3)), "not (a >= 1 and a < 3)"),
        (And((A, Or((B, C)))), "a = 1 and (b = 2 or c = 3)"),
        (Or((A, Or((B, C)))), "a = 1 or (b = 2 or c = 3)"),
        (Or((A, And((B, C)))), "a = 1 or b = 2 and c = 3"),
        (Not(Not(Or((A, B)))), "not not (a = 1 or b = 2)"),
        (And((Or((And((A,)),)),)), "a = 1"),
        (Not(And((A,))), "not a = 1"),
        (And((And(()), Or(()))), "true and false"),
        (ContainsAny("a", ("x", "")), 'a has any ("x", "")'),
    ],
)
def test_the_text_of_a_filter(filter, text):
    assert format_filter(filter) == text


def nested(depth, wrap):
    filter = A
    for _ in range(depth):
        filter = wrap(filter)
    return filter


@pytest.mark.parametrize(
    ("filter", "message"),
    [
        (Eq("a b", 1), "no name"),
        (Eq("a", math.nan), "cannot be written"),
        (Eq("a", math.inf), "cannot be written"),
        (Eq("a", 10**400), "cannot be written"),
        (Eq("a", None), "NoneType that cannot be written"),
        (Eq("a", "\ud800"), "surrogate"),
        (Contains("a", 1), "got int, expected a string"),
        (Contains("a", ""), None),
        (In("a", [1]), "a list of values is a tuple"),
        (In("a", tuple(range(100_000))), "20,000 characters"),
        (Range("a"), "has no bound"),
        (And([A, B]), "no tuple"),
        (Not("a = 1"), "str is no node"),
        (nested(101, Not), "deeper than 100"),
        (nested(100_000, Not), "deeper than 100"),
        (nested(100, Not), None),
        (nested(100_000, lambda part: And((part,))), None),
        (nested(100_000, lambda part: And((part, B))), "deeper than 100"),
        (nested(90, lambda part: And((part, part))), "20,000 characters"),
        (Eq("a", datetime.min.replace(tzinfo=timezone(timedelta(hours=8)))), "before year 1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "filter",
)
def test_what_has_no_text_is_refused(filter, message):
    if message is None:
        assert parse_filter(format_filter(filter))
    else:
        with pytest.raises(InvalidFilter, match=message):
            format_filter(filter)
