"""What every layout is asked, and what it gives: notes and interactions, each a stream with its bad rows in place."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from encoders.corpus import Placed, Rejection

OnRows = Callable[[str, int], None]
"""Told of a file's name and how many more of its rows were read."""


class Interaction(NamedTuple):
    """One event. timestamp: milliseconds since 1970 in UTC. What the source does not have is None."""

    user: str
    note: str
    timestamp: int | None = None
    event: str | None = None
    rating: float | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """Where a dataset lies and how it is to be read.

    images: a folder of pictures, where they do not lie beside the data. mapping: {column: field of a note} and
    interaction_mapping: {role: column}, with interactions, a file: all three for plain tables alone.
    """

    source: Path
    images: Path | None = None
    mapping: Mapping[str, str] = field(default_factory=dict)
    interaction_mapping: Mapping[str, str] = field(default_factory=dict)
    interactions: Path | None = None
    on_rows: OnRows | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A dataset that was found and whose columns are there; nothing is read before a stream is drawn from.

    Notes name their pictures with vetted paths. interactions is None where the source has none; columns names those
    that they have beside user and note: timestamp, event, rating. pictures_missing counts, while notes are
    drawn, local pictures that a row names and that are not there.
    """

    notes: Iterator[Placed | Rejection]
    interactions: Iterator[Interaction | Rejection] | None
    columns: tuple[str, ...]
    pictures_missing: Callable[[], int]


Read = Callable[[Job], Reading]
"""A layout: finds its files and columns, or raises ImportFailed."""
