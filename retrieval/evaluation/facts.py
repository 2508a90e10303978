"""What an evaluation needs to know of every note, in columns: some tens of bytes a note, so millions fit."""

from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoders.corpus import Placed, Rejection
from encoders.note import Note

Positions = NDArray[np.int64]
"""Places of notes in some order of them, counted from 0."""


@dataclass(frozen=True, slots=True)
class NoteFacts:
    """N notes in an order; categories, languages and tags as codes into their names, -1 where there is none.

    has_text, has_image: bool [N]. text_length: int32 [N], characters of title, body and tags. category, language:
    int32 [N]. tags: int32, those of note i are tags[tag_offsets[i]:tag_offsets[i + 1]], int64 [N + 1].
    created_at: float64 [N], Unix seconds, NaN where it is not known.
    """

    ids: list[str]
    has_text: NDArray[np.bool_]
    has_image: NDArray[np.bool_]
    text_length: NDArray[np.int32]
    category: NDArray[np.int32]
    language: NDArray[np.int32]
    tags: NDArray[np.int32]
    tag_offsets: Positions
    created_at: NDArray[np.float64]
    categories: tuple[str, ...]
    languages: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: Positions) -> "NoteFacts":
        """The notes at some positions, in that order."""
        lengths = np.diff(self.tag_offsets)[positions]
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        places = np.repeat(self.tag_offsets[positions] - offsets[:-1], lengths) + np.arange(offsets[-1])
        return NoteFacts(
            ids=[self.ids[i] for i in positions],
            has_text=self.has_text[positions],
            has_image=self.has_image[positions],
            text_length=self.text_length[positions],
            category=self.category[positions],
            language=self.language[positions],
            tags=self.tags[places],
            tag_offsets=offsets,
            created_at=self.created_at[positions],
            categories=self.categories,
            languages=self.languages,
        )


@dataclass(slots=True)
class _Names:
    """Codes for names in the order they are met."""

    codes: dict[str, int] = field(default_factory=dict)

    def code(self, name: str | None) -> int:
        return -1 if name is None else self.codes.setdefault(name, len(self.codes))


def read_facts(
    rows: Iterable[Placed | Rejection], on_progress: Callable[[int], None] | None = None
) -> tuple[NoteFacts, int]:
    """Read a corpus once; returns the facts of its good notes, in its order, and the number of rejected rows.

    Pictures are located, not decoded: one that proves broken is rejected when it is encoded.
    """
    ids: list[str] = []
    columns: dict[str, array[Any]] = {name: array(kind) for name, kind in _COLUMNS.items()}
    tags, offsets = array("i"), array("q", [0])
    categories, languages, tag_names = _Names(), _Names(), _Names()
    rejected = 0
    for row in rows:
        if on_progress:
            on_progress(1)
        if isinstance(row, Rejection):
            rejected += 1
            continue
        note = row.note
        assert note.id is not None
        ids.append(note.id)
        columns["has_text"].append(note.has_text)
        columns["has_image"].append(bool(note.images))
        columns["text_length"].append(_text_length(note))
        columns["category"].append(categories.code(note.category))
        columns["language"].append(languages.code(note.lang))
        columns["created_at"].append(note.created_at.timestamp() if note.created_at else float("nan"))
        tags.extend(tag_names.code(tag.casefold()) for tag in note.tags)
        offsets.append(len(tags))
    facts = NoteFacts(
        ids=ids,
        has_text=np.array(columns["has_text"], dtype=np.bool_),
        has_image=np.array(columns["has_image"], dtype=np.bool_),
        text_length=np.array(columns["text_length"], dtype=np.int32),
        category=np.array(columns["category"], dtype=np.int32),
        language=np.array(columns["language"], dtype=np.int32),
        tags=np.array(tags, dtype=np.int32),
        tag_offsets=np.array(offsets, dtype=np.int64),
        created_at=np.array(columns["created_at"], dtype=np.float64),
        categories=tuple(categories.codes),
        languages=tuple(languages.codes),
    )
    return facts, rejected


_COLUMNS = {"has_text": "b", "has_image": "b", "text_length": "i", "category": "i", "language": "i", "created_at": "d"}


def _text_length(note: Note) -> int:
    return len(note.title) + len(note.body) + sum(map(len, note.tags))
