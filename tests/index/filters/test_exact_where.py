"""The oracle itself: filters on every read, and BM25 against the formula written out by hand."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from index.base import Record
from index.errors import IndexClosed, InvalidFilter, InvalidQuery
from index.exact import ExactIndex
from index.filters.text import parse_filter
from index.schema import Attribute, AttributeType, IndexSchema

SCHEMA = IndexSchema(
    (Attribute("category", AttributeType.TEXT), Attribute("tags", AttributeType.TEXTS)), text=("title", "tags")
)
NOTES = {
    "n1": {"category": "food", "title": "ramen ramen soup", "tags": ["noodles"]},
    "n2": {"category": "food", "title": "ramen", "tags": []},
    "n3": {"category": "travel", "title": "night train", "tags": ["ramen", "soup"]},
    "n4": {"title": "soup soup soup soup", "category": None},
    "n5": {"category": "food"},
}
LENGTHS = {"n1": 4, "n2": 1, "n3": 4, "n4": 4, "n5": 0}


@pytest.fixture
def index():
    index = ExactIndex(5, schema=SCHEMA)
    vectors = np.eye(5, dtype=np.float32)
    index.upsert(Record(name, vector, note, "h") for (name, note), vector in zip(NOTES.items(), vectors, strict=True))
    return index


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('category = "food"', ["n1", "n2", "n5"]),
        ('category != "food"', ["n3"]),
        ('not category = "food"', ["n3", "n4"]),
        ('tags has any ("soup", "noodles")', ["n1", "n3"]),
        ("not tags exists", ["n2", "n4", "n5"]),
        ("true", ["n1", "n2", "n3", "n4", "n5"]),
        ("false", []),
    ],
)
def test_every_read_keeps_to_the_filter(index, text, expected):
    where = parse_filter(text)
    query = np.array([[0.1, 0.2, 0.3, 0.4, 0.0]], dtype=np.float32)
    query /= np.linalg.norm(query)
    by_score = [name for name in ["n4", "n3", "n2", "n1", "n5"] if name in expected]
    assert index.search(query, 3, where).ids == [by_score[:3]]
    assert [record.id for record in index.scan(where=where)] == expected
    assert index.count(where) == len(expected)
    assert sorted(index.keyword("ramen soup", 9, where).ids[0]) == [name for name in expected if name != "n5"]


def test_a_replaced_record_is_filtered_by_what_it_is_now(index):
    index.upsert([Record("n3", np.eye(5, dtype=np.float32)[0], {"category": "food"}, "h")])
    assert [record.id for record in index.scan(where=parse_filter('category = "food"'))] == ["n1", "n2", "n5", "n3"]
    assert index.keyword("night", 5).ids == [[]]


def weight(frequency, length, holders):
    """One word's share of a BM25 score; k1 = 1.2, b = 0.75, five notes of 13 words in all."""
    idf = log(1 + (5 - holders + 0.5) / (holders + 0.5))
    return idf * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * length / (13 / 5)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ramen", {"n1": weight(2, 4, 3), "n2": weight(1, 1, 3), "n3": weight(1, 4, 3)}),
        ("soup", {"n1": weight(1, 4, 3), "n3": weight(1, 4, 3), "n4": weight(4, 4, 3)}),
        (
            "Ramen, SOUP!",
            {
                "n1": weight(2, 4, 3) + weight(1, 4, 3),
                "n2": weight(1, 1, 3),
                "n3": 2 * weight(1, 4, 3),
                "n4": weight(4, 4, 3),
            },
        ),
        ("noodles train noodles", {"n1": 2 * weight(1, 4, 1), "n3": weight(1, 4, 1)}),
        ("ramen unheardof", {"n1": weight(2, 4, 3), "n2": weight(1, 1, 3), "n3": weight(1, 4, 3)}),
        ("unheardof", {}),
        ("", {}),
        ("?! …", {}),
    ],
)
def test_keyword_scores_are_bm25_by_hand(index, text, expected):
    assert sum(LENGTHS.values()) == 13
    found = index.keyword(text, 10)
    [ids], [scores] = found.ids, found.scores
    assert ids == sorted(expected, key=lambda name: (-np.float32(expected[name]), name))
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, [expected[name] for name in ids], rtol=1e-6)


def test_equal_keyword_scores_go_by_id_and_k_cuts(index):
    assert index.keyword("soup", 3).ids == [["n4", "n1", "n3"]]
    assert index.keyword("soup", 2).ids == [["n4", "n1"]]


def test_a_filter_changes_no_keyword_score(index):
    [all_scores], [all_ids] = index.keyword("ramen soup", 10).scores, index.keyword("ramen soup", 10).ids
    found = index.keyword("ramen soup", 10, parse_filter('category = "travel"'))
    assert found.ids == [["n3"]]
    assert found.scores[0][0] == all_scores[all_ids.index("n3")]


def test_chinese_is_found_by_its_words():
    index = ExactIndex(2, schema=SCHEMA)
    east, north = np.eye(2, dtype=np.float32)
    index.upsert([Record("a", east, {"title": "上海美食探店"}, "h"), Record("b", north, {"title": "北京夜景"}, "h")])
    assert index.keyword("美食", 5).ids == [["a"]]
    assert index.keyword("夜景", 5).ids == [["b"]]


def test_what_means_nothing_is_refused_at_once(index):
    wrong = parse_filter('categories = "food"')
    calls = [
        lambda: index.search(np.eye(5, dtype=np.float32)[:1], 1, wrong),
        lambda: index.keyword("ramen", 1, wrong),
        lambda: index.scan(where=wrong),  # not only when the first record is drawn
        lambda: index.count(wrong),
    ]
    for call in calls:
        with pytest.raises(InvalidFilter, match=r"Did you mean category\?"):
            call()
    with pytest.raises(InvalidQuery, match="k is 0"):
        index.keyword("ramen", 0)
    index.compact()
    assert index.count() == 5
    index.close()
    for call in (*calls, index.compact, index.count):
        with pytest.raises(IndexClosed):
            call()


def test_what_it_says_of_itself(index):
    can = index.capabilities
    assert (can.lexical, can.exact, can.durable, can.shared) == (True, True, False, False)
    assert index.schema == SCHEMA
    assert ExactIndex(2).schema == IndexSchema()
