"""A record as a row of the collection, and back."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from index.base import Record
from index.checks import Row
from index.errors import CorruptIndex, InvalidRecord
from index.filters.milvus import LONGEST_TEXT, SEQUENCE, Stored, escaped, field_name, stored, unescaped
from index.milvus.layout import DOCUMENT, ID, MOST_ELEMENTS, VARCHAR_BYTES, VECTOR, WORDS, Description

Entity = dict[str, Any]
LONGEST_DOCUMENT: Final = 4_000_000
"""Bytes of a record's payload and content_hash as JSON: less than the 5 MB of Milvus' usual message queues."""
_CHUNK = VARCHAR_BYTES // 4  # characters of at most 4 bytes
_REQUEST_BYTES = 16_000_000  # a quarter of what a server takes
_PLAIN = re.compile(r"[^\W_]+")


class Clock:
    """Microseconds since 1970, never the same twice: the insertion order, also over several processes."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def take(self, count: int) -> int:
        """The first of `count` moments in a row, later than all that were taken."""
        with self._lock:
            first = max(self._last + 1, time.time_ns() // 1_000)
            self._last = first + count - 1
            return first


def entities(rows: Iterable[Row], description: Description) -> list[Entity]:
    """The rows as the collection's, without their place in the order.

    Raises InvalidRecord for what Milvus cannot hold.
    """
    return [_entity(row, description) for row in rows]


def requests(made: list[Entity], batch_rows: int) -> Iterator[list[Entity]]:
    """Cut into requests of at most `batch_rows` rows and of a size that a server takes."""
    batch: list[Entity] = []
    size = 0
    for entity in made:
        bytes_ = 8 * len(entity[VECTOR]) + 4 * sum(map(len, entity[DOCUMENT])) + 4 * len(entity.get(WORDS, ""))
        if batch and (len(batch) == batch_rows or size + bytes_ > _REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entity)
        size += bytes_
    if batch:
        yield batch


def record(entity: Mapping[str, Any], with_vector: bool) -> Record:
    """The record of a row that was read with id and document. Raises CorruptIndex."""
    vector = np.asarray(entity[VECTOR] if with_vector else (), dtype=np.float32)
    try:
        content_hash, payload = json.loads("".join(entity[DOCUMENT]))
    except ValueError as error:
        raise CorruptIndex(
            f"record {entity[ID]!r}: its document is not what notelens wrote. Did another program write to the "
            "collection? Write the record again."
        ) from error
    return Record(unescaped(entity[ID]), vector, payload, content_hash)


def written_words(texts: Iterable[str]) -> str:
    """The words of the texts in a row, each such that no analyser cuts it; "" where there are none."""
    from index.lexical.words import words

    return " ".join(_whole(word) for text in texts for word in words(text))


def _entity(row: Row, description: Description) -> Entity:
    name = escaped(row.id)
    if len(name) > LONGEST_TEXT:
        raise InvalidRecord(
            f"record {row.id[:40]!r}…: an id of {len(row.id):,} characters; Milvus takes at most {LONGEST_TEXT:,}, "
            "escapes counted. Shorten it."
        )
    document = f"[{json.dumps(row.content_hash, ensure_ascii=False)},{row.payload}]"
    if len(document) * 4 > LONGEST_DOCUMENT and len(document.encode()) > LONGEST_DOCUMENT:
        raise InvalidRecord(
            f"record {row.id!r}: a payload of {len(document.encode()):,} bytes; Milvus takes at most "
            f"{LONGEST_DOCUMENT:,} in a record. Leave the long parts out of the payload."
        )
    entity: Entity = {ID: name, VECTOR: row.vector, DOCUMENT: _chunks(document)}
    for attribute in description.schema.attributes:
        value: Stored = stored(attribute, row.values.get(attribute.name))
        if isinstance(value, list) and len(value) > MOST_ELEMENTS:
            raise InvalidRecord(
                f"record {row.id!r}: {len(value) - 1:,} texts in {attribute.name}; Milvus takes at most "
                f"{MOST_ELEMENTS - 1:,}. Keep fewer."
            )
        entity[field_name(attribute.name)] = value
    if description.lexical:
        entity[WORDS] = _cut(written_words(description.schema.texts(json.loads(row.payload))))
    return entity


def place(made: list[Entity], first: int) -> None:
    """Give the rows their places in the insertion order."""
    for number, entity in enumerate(made):
        entity[SEQUENCE] = first + number


def _chunks(text: str) -> list[str]:
    return [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]


def _whole(word: str) -> str:
    # An apostrophe, a vowel sign or an emoji would part a word; no word that stays plain holds an underscore.
    return word if _PLAIN.fullmatch(word) and word == word.lower() else f"u_{word.encode().hex()}"


def _cut(words: str) -> str:
    """As many whole words as a VARCHAR holds."""
    if len(words) * 4 <= VARCHAR_BYTES:
        return words
    data = words.encode()
    return words if len(data) <= VARCHAR_BYTES else data[: VARCHAR_BYTES + 1].rpartition(b" ")[0].decode()
