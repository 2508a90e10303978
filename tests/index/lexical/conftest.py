"""A naive BM25, and what every file here builds indexes with."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from index.lexical.bm25 import Changes, LexicalIndex
from index.lexical.words import words

Rows = dict[int, str]


def kept_length(length: int) -> int:
    """What one byte keeps of a length: four significant bits above 24 (Lucene's SmallFloat.intToByte4)."""
    if length < 40:
        return length
    shift = (length - 24).bit_length() - 4
    return ((length - 24) >> shift << shift) + 24


def naive_bm25(rows: Rows, query: str, kept: Callable[[int], int] = lambda length: length) -> dict[int, float]:
    """The score of every text that has a word of the query, straight from the formula."""
    bags = {key: Counter(words(text)) for key, text in rows.items()}
    mean = sum(bag.total() for bag in bags.values()) / max(1, len(bags))
    scores: dict[int, float] = {}
    for word in words(query):
        having = [key for key, bag in bags.items() if bag[word]]
        idf = math.log(1 + (len(bags) - len(having) + 0.5) / (len(having) + 0.5))
        for key in having:
            times, length = bags[key][word], kept(bags[key].total())
            part = idf * times * 2.2 / (times + 1.2 * (0.25 + 0.75 * length / mean))
            scores[key] = scores.get(key, 0.0) + part
    return scores


@pytest.fixture
def naive() -> Callable[..., dict[int, float]]:
    return naive_bm25


@pytest.fixture
def kept() -> Callable[[int], int]:
    return kept_length


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Callable[..., LexicalIndex]]:
    """build(rows, seq=1, name="lexical"): an index that holds the rows, closed at the end of the test."""
    opened: list[LexicalIndex] = []

    def build(rows: Rows, seq: int = 1, name: str = "lexical") -> LexicalIndex:
        index = LexicalIndex.build(tmp_path / name, lambda _: Changes(rows.items(), [], seq))
        opened.append(index)
        return index

    yield build
    for index in opened:
        index.close()
