"""Search: Milvus proposes candidates, scores and order are made here, as every back-end makes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from index.base import Neighbours, Vectors
from index.errors import NoteIndexError
from index.filters.milvus import unescaped
from index.milvus.connection import Connection
from index.milvus.layout import BM25, ID, VECTOR
from index.milvus.reading import STRONG, in_order
from index.ranking import inner_products, ranked

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from index.milvus.layout import Description

MOST_ROWS: Final = 16_384
"""That a server gives to one query."""
_SPARE = 16  # rows above k, so that ties at the k-th place are mostly closed by the first request
_ANSWER_BYTES = 32_000_000
_WINDOW = 2_048


@dataclass(frozen=True, slots=True, eq=False)
class _Candidates:
    ids: list[str]
    vectors: Vectors
    """[found, dim]; empty for keyword search."""
    scores: Vectors
    """As Milvus has them, higher is better."""
    complete: bool
    """Milvus gave fewer rows than it was asked for: there are no more."""


def nearest(
    connection: Connection, collection: str, description: Description, queries: Vectors, k: int, where: str
) -> Neighbours:
    """The k nearest rows of each query (float32 [Q, dim]), exact in score, order and ties over what Milvus finds."""
    best: dict[int, tuple[list[str], Vectors]] = {}
    pending, limit = list(range(len(queries))), min(k + _SPARE, MOST_ROWS)
    # Milvus sums in float32: two rows may be this far from their true distance.
    error = max(1e-6, description.dim * 2.0**-24)
    while pending:
        still: list[int] = []
        for some in _batches(pending, limit * description.dim * 4):
            answers = _propose(connection, collection, description, queries[some], limit, where)
            for number, found in zip(some, answers, strict=True):
                ids, scores = ranked(found.ids, inner_products(queries[number], found.vectors), k)
                if found.complete or (len(ids) == k and scores[-1] > found.scores.min() + error):
                    best[number] = ids, scores
                else:
                    still.append(number)
        if limit == MOST_ROWS:  # more rows, or more ties, than Milvus gives
            for number in still:
                best[number] = _exhaust(connection, collection, queries[number], k, where)
            break
        pending, limit = still, min(4 * limit, MOST_ROWS)
    order = range(len(queries))
    return Neighbours([best[number][0] for number in order], [best[number][1] for number in order])


def by_words(connection: Connection, collection: str, words: str, k: int, where: str) -> Neighbours:
    """The k best rows for the words by the server's BM25; raises NoteIndexError where ties go beyond 16,384 rows."""
    limit = min(k + _SPARE, MOST_ROWS)
    while True:
        answer = _ask(connection, collection, BM25, [words], limit, where, {}, [ID])[0]
        given = np.abs(_scores(answer))  # milvus-lite writes them with a minus sign
        ids, scores = ranked([unescaped(name) for name, _, _ in answer], given, k)
        if len(answer) < limit or (len(ids) == k and scores[-1] > given.min()):
            return Neighbours([ids], [scores])
        if limit == MOST_ROWS:
            raise NoteIndexError(
                f"keyword search: more than {MOST_ROWS:,} rows asked for or tied. Narrow it, or ask fewer."
            )
        limit = min(4 * limit, MOST_ROWS)


def _propose(
    connection: Connection, collection: str, description: Description, queries: Vectors, limit: int, where: str
) -> list[_Candidates]:
    data = [query.tolist() for query in queries]
    params = description.config.search_params(limit)
    answers = _ask(connection, collection, VECTOR, data, limit, where, params, [ID, VECTOR])
    return [
        _Candidates(
            [unescaped(name) for name, _, _ in answer],
            np.array([vector for _, _, vector in answer], dtype=np.float32).reshape(len(answer), description.dim),
            _scores(answer),
            len(answer) < limit,
        )
        for answer in answers
    ]


_Answer = list[tuple[str, float, Any]]


def _ask(
    connection: Connection,
    collection: str,
    field: str,
    data: list[Any],
    limit: int,
    where: str,
    params: dict[str, int],
    fields: list[str],
) -> list[_Answer]:
    """One request: (escaped id, distance, vector) of each row found, a list a query."""

    def ask(client: MilvusClient) -> list[_Answer]:
        hits = client.search(
            collection,
            data=data,
            anns_field=field,
            limit=limit,
            filter=where,
            search_params={"params": params},
            output_fields=fields,
            consistency_level=STRONG,
            timeout=connection.timeout,
        )
        return [
            list(
                {
                    hit["entity"][ID]: (hit["entity"][ID], hit["distance"], hit["entity"].get(VECTOR)) for hit in each
                }.values()
            )
            for each in hits
        ]

    return connection.call(ask, "search")


def _scores(answer: _Answer) -> Vectors:
    return np.array([distance for _, distance, _ in answer], dtype=np.float32)


def _exhaust(connection: Connection, collection: str, query: Vectors, k: int, where: str) -> tuple[list[str], Vectors]:
    """The k nearest of all rows that match, read window by window."""
    ids: list[str] = []
    scores = np.empty(0, dtype=np.float32)
    for rows in in_order(connection, collection, where, [ID, VECTOR], _WINDOW):
        vectors = np.array([row[VECTOR] for row in rows], dtype=np.float32).reshape(len(rows), len(query))
        ids += [unescaped(row[ID]) for row in rows]
        ids, scores = ranked(ids, np.concatenate((scores, inner_products(query, vectors))), k)
    return ids, scores


def _batches(numbers: list[int], bytes_each: int) -> Iterator[list[int]]:
    size = max(1, min(_ANSWER_BYTES // bytes_each, 256))
    for start in range(0, len(numbers), size):
        yield numbers[start : start + size]
