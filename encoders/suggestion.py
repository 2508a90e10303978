"""What an encoder suggests for a note that lacks hashtags or a category."""

import re
from dataclasses import dataclass

_SEPARATORS = re.compile(r"[,，、\n]")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Hashtags without `#`, most fitting first, none twice; and a category, None where none is known."""

    tags: tuple[str, ...]
    category: str | None


def parse_tags(text: str, max_tags: int) -> tuple[str, ...]:
    """Read a generated list: commas and line ends part tags, `#` and outer spaces go, the first of equals stays.

    Equal is without regard to case and inner spaces' number. At most max_tags are returned.
    """
    tags: dict[str, str] = {}
    for part in _SEPARATORS.split(text):
        tag = " ".join(part.strip().lstrip("#").split())
        if tag:
            tags.setdefault(tag.casefold(), tag)
    return tuple(tags.values())[:max_tags]
