"""Reads from a collection: what a filter matches, counted, by id, or in insertion order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from index.base import Keys, Record
from index.checks import is_storable
from index.filters.milvus import EVERYTHING, LONGEST_TEXT, SEQUENCE, any_of, escaped
from index.milvus.connection import Connection, TooLarge
from index.milvus.layout import DOCUMENT, ID, VECTOR
from index.milvus.rows import record

if TYPE_CHECKING:
    from pymilvus import MilvusClient

STRONG: Final = "Strong"
"""A read that waits until every write acknowledged before it can be seen, whoever wrote."""
SEEN: Final = "Session"
"""The same for this client's writes only: for what follows a strong read."""
_IDS = 500  # ids in one expression
_PAGE = 8_192  # places read at a time
_LITE_WINDOW = 4_096


def joined(*expressions: str) -> str:
    """All of the expressions, those that are empty left out."""
    return " and ".join(f"({each})" for each in expressions if each) or EVERYTHING


def count(connection: Connection, collection: str, where: str) -> int:
    """How many rows the expression matches."""
    found = rows(connection, collection, where, ["count(*)"])  # without an expression milvus-lite need not read them
    return int(found[0]["count(*)"])


def by_ids(connection: Connection, collection: str, ids: Iterable[str], fields: list[str]) -> Iterator[dict[str, Any]]:
    """The rows of these ids that are stored, in no order."""
    possible = (escaped(name) for name in ids if name and is_storable(name))
    wanted = list(dict.fromkeys(name for name in possible if len(name) <= LONGEST_TEXT))
    start, batch, consistency = 0, _IDS, STRONG
    while start < len(wanted):
        try:
            yield from rows(connection, collection, any_of(ID, wanted[start : start + batch]), fields, consistency)
        except TooLarge:
            if batch == 1:
                raise
            batch = max(1, batch // 4)
            continue
        start, consistency = start + batch, SEEN


def rows(
    connection: Connection, collection: str, where: str, fields: list[str], consistency: str = STRONG
) -> list[dict[str, Any]]:
    """The fields of every row that the expression matches."""

    def ask(client: MilvusClient) -> list[dict[str, Any]]:
        return list(
            client.query(
                collection,
                filter=where,
                output_fields=fields,
                consistency_level=consistency,
                timeout=connection.timeout,
            )
        )

    return connection.call(ask, "answer a query")


def places(connection: Connection, collection: str, where: str) -> Keys:
    """The places in the insertion order of all rows that match, ascending: int64, 8 bytes a row."""

    def ask(client: MilvusClient) -> Keys:
        found: list[Keys] = []
        pages = client.query_iterator(
            collection,
            batch_size=_PAGE,
            filter=where or EVERYTHING,
            output_fields=[SEQUENCE],
            consistency_level=STRONG,
            timeout=connection.timeout,
        )
        try:
            while page := pages.next():
                found.append(np.fromiter((row[SEQUENCE] for row in page), dtype=np.int64, count=len(page)))
        finally:
            pages.close()
        return np.sort(np.concatenate(found)) if found else np.empty(0, dtype=np.int64)

    return connection.call(ask, "list the rows")


def in_order(
    connection: Connection, collection: str, where: str, fields: list[str], batch: int
) -> Iterator[list[dict[str, Any]]]:
    """The rows that match, in insertion order, about `batch` at a time."""
    order = places(connection, collection, where)
    if connection.is_lite:
        batch = max(batch, _LITE_WINDOW)  # it looks at every row for each request
    start = 0
    while start < len(order):
        last = int(order[min(start + batch, len(order)) - 1])
        window = f"{SEQUENCE} >= {int(order[start])} and {SEQUENCE} <= {last}"
        try:
            found = rows(connection, collection, joined(where, window), [*fields, SEQUENCE], SEEN)
        except TooLarge:
            if batch == 1:
                raise
            batch = max(1, batch // 4)
            continue
        yield sorted(found, key=lambda row: (row[SEQUENCE], row[ID]))
        start = int(np.searchsorted(order, last, side="right"))


def scan(connection: Connection, collection: str, where: str, batch: int, with_vectors: bool) -> Iterator[Record]:
    """The records that match, in insertion order."""
    for found in in_order(connection, collection, where, record_fields(with_vectors), batch):
        for row in found:
            yield record(row, with_vectors)


def record_fields(with_vectors: bool) -> list[str]:
    """What record() reads."""
    return [ID, DOCUMENT, VECTOR] if with_vectors else [ID, DOCUMENT]
