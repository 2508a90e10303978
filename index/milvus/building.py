"""Sealing what was written and waiting until it is indexed, and what is checked before a collection is used."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

from index.base import Record, Vectors
from index.checks import Row
from index.errors import BackendUnavailable, InvalidVersion, MissingCapability
from index.filters.milvus import any_of, expression
from index.filters.tree import Eq
from index.milvus.connection import SLOW, Connection
from index.milvus.layout import ID, VECTOR, Description
from index.milvus.reading import count
from index.milvus.rows import entities, place

if TYPE_CHECKING:
    from pymilvus import MilvusClient

_POLL: Final = 0.1
_SELF: Final = 0.997  # the square of the shortest norm that is stored, less what rounding takes


def settle(connection: Connection, collection: str) -> None:
    """Seal what was written and wait for its index; milvus-lite builds it a little later and never says when."""
    connection.call(
        lambda client: client.flush(collection, timeout=connection.timeout * SLOW), "flush a collection", write=True
    )
    _wait(connection, lambda client: _is_built(client, collection, connection.timeout), "build its index")


def merge(connection: Connection, collection: str) -> None:
    """settle(), and have a server merge its segments; milvus-lite does that by itself after a flush."""
    settle(connection, collection)
    job = connection.call(
        lambda client: client.compact(collection, timeout=connection.timeout), "compact a collection", write=True
    )
    if not connection.is_lite:
        _wait(connection, lambda client: client.get_compaction_state(job) == "Completed", "finish compacting")
        _wait(connection, lambda client: _is_built(client, collection, connection.timeout), "build its index")


def check_partitions(connection: Connection, collection: str, description: Description) -> None:
    """Raise MissingCapability where a partition key hides what was stored: write a row, look for it, remove it.

    Milvus 2.3 upserts into another partition than the one that a filter on the key looks into.
    """
    key = description.config.partition_key
    if key is None:
        return
    vector = np.eye(1, description.dim, dtype=np.float32)[0]
    made = entities([Row("probe", "{}", "", vector, {key: "probe"})], description)
    place(made, 0)
    timeout = connection.timeout
    connection.call(lambda client: client.upsert(collection, made, timeout=timeout), "store a row", write=True)
    found = count(connection, collection, expression(Eq(key, "probe"), description.schema))
    connection.call(
        lambda client: client.delete(collection, filter=any_of(ID, ["probe"]), timeout=timeout),
        "remove a row",
        write=True,
    )
    if not found:
        raise MissingCapability(
            f"{connection.uri}: Milvus {connection.version} loses sight of what is upserted under a partition key. "
            "Leave partition_key out, or use a newer server."
        )


def check_found(name: str, sample: list[Record], scores: list[Vectors]) -> None:
    """Raise InvalidVersion where a record's best neighbour is not as near as itself.

    Another record with the same vector may stand first, so the score tells and not the id.
    """
    for record, best in zip(sample, scores, strict=True):
        if not len(best) or best[0] < _SELF * float(np.square(record.vector, dtype=np.float64).sum()):
            raise InvalidVersion(f"{name}: searching does not find {record.id!r} by its own vector. Build it again.")


def _is_built(client: MilvusClient, collection: str, timeout: float) -> bool:
    told = client.describe_index(collection, VECTOR, timeout=timeout)
    return bool(told["state"] == "Finished" and not told["pending_index_rows"])


def _wait(connection: Connection, done: Callable[[MilvusClient], bool], what: str) -> None:
    until = time.monotonic() + connection.timeout * SLOW
    while not connection.call(done, what):
        if time.monotonic() > until:
            raise BackendUnavailable(
                f"{connection.uri}: Milvus did not {what} within {connection.timeout * SLOW:g} s. Nothing is lost; "
                "look at its logs, and open the index with a longer timeout."
            )
        time.sleep(_POLL)
