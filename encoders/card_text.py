"""Words of others in a model card: kept to one line, and never markup, table cells or front matter."""

import math
import re

MARKUP = re.compile(r"([\\`*_\[\]<>|~$])")


def inline(text: str) -> str:
    """Return a text as one line without control characters, as front matter takes it."""
    readable = text.encode("utf-8", "replace").decode()
    return " ".join("".join(mark if mark.isprintable() else " " for mark in readable).split())


def escaped(text: str) -> str:
    """Return a text as one line of Markdown that shows its marks instead of obeying them."""
    line = MARKUP.sub(r"\\\1", inline(text))
    return re.sub(r"^([-#+=]|\d+[.)])", r"\\\1", line)


def cell(text: str) -> str:
    """Return a text as a cell of a Markdown table."""
    return escaped(text) or "–"


def number(value: float | None) -> str:
    """Write a figure with four digits after the point; a count as it is, a missing one as a dash."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4f}"


def license_fields(license: str) -> tuple[str | None, str | None]:
    """Return a licence as front matter names it: an identifier of the hub's, or "other" and its name; None if blank."""
    name = inline(license)
    if not name:
        return None, None
    if re.fullmatch(r"[a-z0-9][a-z0-9.+-]{1,40}", name):
        return name, None
    return "other", name
