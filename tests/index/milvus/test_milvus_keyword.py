"""Keyword search: BM25 by Milvus where it has it, and a clear word where it has not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from index.base import Record, Vectors
from index.errors import InvalidFilter, InvalidQuery, MissingCapability
from index.exact import ExactIndex
from index.filters.tree import Eq, Exists, Not
from index.milvus.rows import written_words
from index.schema import IndexSchema

TITLES = [
    "上海美食探店", "上海 拉面", "Ramen in Shanghai", "the best ramen, ramen, ramen!", "can't wait for café",
    "cant wait", "हिन्दी में", "😀 ramen 😀", "日本のラーメン", "", "\x00", "snake_case words", "上海上海上海",
]  # fmt: skip


@pytest.fixture
def texts(units: Callable[..., Vectors]) -> list[Record]:
    vectors = units(len(TITLES), seed=1)
    return [
        Record(f"n{number:02d}", vectors[number], {"title": title, "category": "odd" if number % 2 else "even"}, "h")
        for number, title in enumerate(TITLES)
    ]


def test_it_ranks_as_the_oracle_does(lite: Any, texts: list[Record], oracle: Callable[..., ExactIndex]) -> None:
    index, exact = lite.create(), oracle(texts)
    index.upsert(texts)
    assert index.capabilities.lexical
    for text in ("上海", "ramen", "上海美食", "can't", "हिन्दी", "😀", "ラーメン", "snake_case", "ramen 上海 café"):
        got, wanted = index.keyword(text, 5), exact.keyword(text, 5)
        assert got.ids == wanted.ids, text
        assert got.ids[0], text
        np.testing.assert_allclose(got.scores[0], wanted.scores[0], rtol=1e-5)
        for where in (Eq("category", "odd"), Not(Eq("category", "odd"))):
            # milvus-lite counts words among what the filter leaves, so scores differ, and for one word nothing else.
            assert index.keyword("ramen", 5, where).ids == exact.keyword("ramen", 5, where).ids
    assert index.keyword("上海", 1).ids[0]
    for nothing in ("", "!?", "\x00", "zebra"):
        assert index.keyword(nothing, 3).ids == [[]]
    assert index.keyword("ramen", 3, Exists("tags")).ids == [[]]


def test_it_follows_writes(lite: Any, texts: list[Record]) -> None:
    index = lite.create()
    index.upsert(texts)
    before = set(index.keyword("ramen", 10).ids[0])
    assert before == {"n02", "n03", "n07"}
    index.snapshot()
    index.delete(["n03"])
    index.upsert(
        [
            Record("n02", texts[2].vector, {"title": "tea"}, "h"),
            Record("n20", texts[2].vector, {"tags": ["ramen"]}, "h"),
        ]
    )
    assert set(index.keyword("ramen", 10).ids[0]) == {"n07", "n20"}
    assert index.keyword("tea", 10).ids == [["n02"]]
    with lite.open(index.info()["name"]) as again:
        assert again.keyword("tea", 10).ids == [["n02"]]


def test_ties_at_the_last_place_are_ordered_by_id(lite: Any, units: Callable[..., Vectors]) -> None:
    index = lite.create()
    vectors = units(120, seed=1)
    index.upsert(Record(f"{n * 37 % 120:03d}", vectors[n], {"title": "same words"}, "h") for n in range(120))
    assert index.keyword("words", 5).ids == [[f"{n:03d}" for n in range(5)]]
    assert index.keyword("words", 500).ids == [[f"{n:03d}" for n in range(120)]]


def test_what_means_nothing_is_refused(lite: Any) -> None:
    index = lite.create()
    with pytest.raises(InvalidQuery, match="k is 0"):
        index.keyword("a", 0)
    with pytest.raises(InvalidFilter):
        index.keyword("a", 1, Eq("colour", "red"))
    with pytest.raises(MissingCapability, match="its schema has no text fields"):
        lite.create(schema=IndexSchema()).keyword("a", 1)


@pytest.mark.milvus_server
def test_a_server_without_bm25_says_so(server: Any, texts: list[Record]) -> None:
    index = server.create()
    index.upsert(texts)
    assert not index.capabilities.lexical
    with pytest.raises(
        MissingCapability, match=r"v2\.3\..* has no BM25 function\. Build the index on milvus-lite, on a server"
    ):
        index.keyword("ramen", 3)
    assert index.count() == len(texts)


def test_words_are_such_that_no_analyser_parts_them() -> None:
    plain, apostrophe, vowel_signs, emoji = "上海", "o'brien", "हिन्दी", "😀"
    assert written_words([plain, f"{apostrophe} {emoji}", vowel_signs]) == " ".join(
        [plain, *(f"u_{word.encode().hex()}" for word in (apostrophe, emoji, vowel_signs))]
    )
