"""Versions of an index: collections `<name>_v1`, `<name>_v2`, …, and the alias `<name>` on the one that is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from index.errors import (
    BackendUnavailable,
    IndexExists,
    IndexNotFound,
    InvalidVersion,
    NoteIndexError,
    UnsupportedFormat,
)
from index.milvus.building import check_partitions
from index.milvus.config import MilvusConfig
from index.milvus.connection import SLOW, Connection
from index.milvus.layout import PROPERTY, Description, fields, indexes
from index.milvus.reading import count

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_COLLECTION: Final = re.compile(r".*_v[0-9]+")
_BM25_SINCE: Final = (2, 5)


@dataclass(frozen=True, slots=True)
class Version:
    """One version: its number, collection, rows, when it was made (ISO 8601), and whether readers are given it."""

    number: int
    collection: str
    rows: int
    created_at: str
    published: bool


class Versions:
    """The collections of one index on one server."""

    def __init__(self, connection: Connection, name: str) -> None:
        """Raises NoteIndexError for a name that Milvus does not take."""
        if not _NAME.fullmatch(name) or _COLLECTION.fullmatch(name):
            raise NoteIndexError(
                f"index name {name!r}: expected letters, digits and _, at most 200, not starting with a digit and not "
                "ending in _v and a number, as the collections of versions do. Choose another one."
            )
        self._connection = connection
        self.name = name

    def numbers(self) -> list[int]:
        """Every version there is, ascending."""
        pattern = re.compile(f"{self.name}_v([1-9][0-9]*)")
        names = self._connection.call(
            lambda client: client.list_collections(timeout=self._connection.timeout), "list its collections"
        )
        return sorted(int(found[1]) for found in map(pattern.fullmatch, names) if found)

    def collection(self, number: int) -> str:
        """The collection of a version."""
        return f"{self.name}_v{number}"

    def published(self) -> int:
        """The version that readers are given. Raises IndexNotFound, or UnsupportedFormat for what is not ours."""
        connection = self._connection
        timeout = connection.timeout
        if not connection.call(lambda client: client.has_collection(self.name, timeout=timeout), "look it up"):
            raise IndexNotFound(
                f"{connection.uri}: there is no index {self.name!r}. Build it first, or correct the name."
            )
        collections = connection.call(lambda client: client.list_collections(timeout=timeout), "list its collections")
        target = self.name
        if self.name not in collections:
            told = connection.call(lambda client: client.describe_alias(self.name, timeout=timeout), "tell an alias")
            target = str(told["collection_name"])
        found = re.fullmatch(f"{self.name}_v([1-9][0-9]*)", target)
        if not found:
            raise UnsupportedFormat(
                f"{connection.uri}: {self.name!r} stands for {target!r}, which notelens did not make."
            )
        return int(found[1])

    def describe(self, collection: str, opener: MilvusConfig) -> Description:
        """What the collection is. Raises UnsupportedFormat."""
        connection = self._connection
        told = connection.call(
            lambda client: client.describe_collection(collection, timeout=connection.timeout), "describe a collection"
        )
        text = (told.get("properties") or {}).get(PROPERTY, "")
        return Description.from_text(text, f"{connection.uri}: {collection}", opener)

    def make(self, description: Description, number: int) -> None:
        """Create the collection of a version, index and load it; nothing is left of one that failed.

        Raises MissingCapability for a partition key on a server that cannot keep one.
        """
        collection, connection = self.collection(number), self._connection
        slow = connection.timeout * SLOW
        connection.call(
            lambda client: client.create_collection(
                collection,
                schema=fields(client, description, connection.is_lite),
                properties={PROPERTY: description.as_text()},
                consistency_level="Strong",
                timeout=slow,
            ),
            "create a collection",
            write=True,
        )
        try:
            connection.call(
                lambda client: client.create_index(
                    collection, indexes(client, description, connection.is_lite), sync=False, timeout=slow
                ),
                "index a collection",
                write=True,
            )
            self.load(collection)
            check_partitions(connection, collection, description)
        except BaseException:
            self._drop(collection)
            raise

    def make_published(self, description: Description) -> Description:
        """Create the index's first version; returns its description, without BM25 where the server has none.

        Raises IndexExists.
        """
        connection = self._connection
        self._refuse_taken()
        number = max(self.numbers(), default=0) + 1
        description = self.make_fitting(description, number)
        collection = self.collection(number)
        try:
            connection.call(
                lambda client: client.create_alias(collection, self.name, timeout=connection.timeout),
                "name a collection",
                write=True,
            )
        except BackendUnavailable:
            self._refuse_taken()  # another one was quicker; its collection may be this one, so nothing is dropped
            raise
        return description

    def make_fitting(self, description: Description, number: int) -> Description:
        """Like make(), with BM25 if that is asked for and the server can make it: it is tried, not guessed."""
        if description.lexical and self._may_have_bm25():
            try:
                self.make(description, number)
            except BackendUnavailable:  # refused, or away; then so is the next
                pass
            else:
                return description
        plain = description.without_bm25()
        self.make(plain, number)
        return plain

    def load(self, collection: str) -> None:
        """Have the server hold the collection ready for searching."""
        connection = self._connection
        slow = connection.timeout * SLOW
        connection.call(lambda client: client.load_collection(collection, timeout=slow), "load a collection")

    def point(self, number: int) -> None:
        """Give readers this version: one atomic change of the alias."""
        connection, collection = self._connection, self.collection(number)
        if number not in self.numbers():
            raise InvalidVersion(f"{self.name}: there is no version {number}, only {self._listed()}.")
        self.load(collection)
        connection.call(
            lambda client: client.alter_alias(collection, self.name, timeout=connection.timeout),
            "swap versions",
            write=True,
        )

    def drop(self, number: int) -> None:
        """Remove a version that is not published. Raises InvalidVersion."""
        if number not in self.numbers():
            raise InvalidVersion(f"{self.name}: there is no version {number}, only {self._listed()}.")
        if number == self.published():  # some servers would drop it and leave the alias on nothing
            raise InvalidVersion(f"{self.name}: version {number} is the one that is read. Publish another one first.")
        self._drop(self.collection(number))

    def listed(self, opener: MilvusConfig) -> list[Version]:
        """Every version, ascending."""
        published = self.published()
        found: list[Version] = []
        for number in self.numbers():
            collection = self.collection(number)
            made = self.describe(collection, opener).created_at
            rows = count(self._connection, collection, "")
            found.append(Version(number, collection, rows, made, number == published))
        return found

    def _refuse_taken(self) -> None:
        connection = self._connection
        if connection.call(lambda client: client.has_collection(self.name, timeout=connection.timeout), "look it up"):
            raise IndexExists(f"{connection.uri}: {self.name!r} is there already. Open it, or choose another name.")

    def _may_have_bm25(self) -> bool:
        found = re.match(r"v?(\d+)\.(\d+)", self._connection.version)
        return self._connection.is_lite or not found or (int(found[1]), int(found[2])) >= _BM25_SINCE

    def _drop(self, collection: str) -> None:
        connection = self._connection
        connection.call(
            lambda client: client.drop_collection(collection, timeout=connection.timeout),
            "drop a collection",
            write=True,
        )

    def _listed(self) -> str:
        return ", ".join(map(str, self.numbers()))
