"""What an encoder suggests for a note that lacks hashtags or a category."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Hashtags without `#`, most fitting first, none twice; and a category, None where none is known."""

    tags: tuple[str, ...]
    category: str | None
