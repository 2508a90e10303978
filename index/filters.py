"""What a search may be narrowed by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Filter(Protocol):
    """A yes or no for one stored payload; every back-end honours it exactly.

    `matches` must depend on the payload alone: back-ends call it in any order, as often as they like.
    What it raises reaches the caller of search().
    """

    def matches(self, payload: Mapping[str, object]) -> bool:
        """Whether the record with this payload may be among the neighbours."""
        ...
