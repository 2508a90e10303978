"""The filter: one small typed expression tree, whatever back-end searches.

A missing attribute satisfies no comparison. `Not` is the plain complement, so `Not(Eq("category", "food"))`
matches a record without a category; the text form's `!=` is a comparison and does not.
Nodes are frozen and hashable: a filter is its own cache key.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

Literal: TypeAlias = "str | int | float | bool | datetime"


@dataclass(frozen=True, slots=True)
class Eq:
    """The attribute (text, number, time, bool) equals the value."""

    field: str
    value: Literal


@dataclass(frozen=True, slots=True)
class In:
    """The attribute (text, number, time, bool) equals one of the values; none of none."""

    field: str
    values: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The attribute (text, number, time) lies within every bound given; at least one must be."""

    field: str
    gt: Literal | None = None
    ge: Literal | None = None
    lt: Literal | None = None
    le: Literal | None = None


@dataclass(frozen=True, slots=True)
class Contains:
    """The attribute (texts) holds the value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class ContainsAny:
    """The attribute (texts) holds at least one of the values; none of none."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Exists:
    """The attribute has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; true of no parts."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; false of no parts."""

    parts: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: Filter


Leaf: TypeAlias = "Eq | In | Range | Contains | ContainsAny | Exists"
Filter: TypeAlias = "Leaf | And | Or | Not"
