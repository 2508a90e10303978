"""One answer: a note, its score, and why it is there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Why:
    """The evidence for a hit.

    contributions: what each block of the vectors adds to the score; they sum to it.
    shared_tags: tags the hit has in common with the query, as the hit writes them.
    same_category: whether query and hit are of one category (False where either has none).
    """

    contributions: Mapping[str, float]
    shared_tags: tuple[str, ...] = ()
    same_category: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """A retrieved note; score is the cosine of query and note, higher is better.

    images are absolute paths, in the note's order. payload is all the index knows of the note.
    """

    id: str
    score: float
    payload: Mapping[str, Any]
    why: Why

    @property
    def title(self) -> str:
        """The note's title; empty where it has none."""
        return str(self.payload.get("title") or "")

    @property
    def category(self) -> str | None:
        """The note's category."""
        return self.payload.get("category")

    @property
    def tags(self) -> list[str]:
        """The note's hashtags, without marks."""
        return list(self.payload.get("tags") or [])

    @property
    def images(self) -> list[Path]:
        """Where the note's pictures lie."""
        return image_paths(self.payload)

    def as_json(self) -> dict[str, Any]:
        """Return what `notelens query --json` prints of a hit."""
        contributions = {name: round(value, 4) for name, value in self.why.contributions.items()}
        return {
            "id": self.id,
            "score": round(self.score, 6),
            "title": self.title,
            "category": self.category,
            "tags": self.tags,
            "images": [str(path) for path in self.images],
            "why": {
                "contributions": contributions,
                "shared_tags": list(self.why.shared_tags),
                "same_category": self.why.same_category,
            },
        }


def image_paths(payload: Mapping[str, Any]) -> list[Path]:
    """Return the absolute paths of a stored note's pictures: their names under the corpus it came from."""
    root = Path(payload.get("corpus") or ".")
    return [root / name for name in payload.get("images") or []]
