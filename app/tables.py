"""Results as tables for people; every text of a note is shown as it is, never as markup."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from retrieval.hit import Hit

if TYPE_CHECKING:
    from index.versions import Version


def hits_table(hits: Sequence[Hit], title: str | None = None) -> Table:
    """Return ranked hits with what each block of the vectors adds to the score."""
    table = Table(title=Text(title, justify="left") if title else None, title_justify="left", box=None, pad_edge=False)
    table.add_column("score", justify="right")
    table.add_column("id", no_wrap=True)
    table.add_column("title", ratio=3)
    table.add_column("category", style="cyan")
    table.add_column("why", ratio=2, style="dim")
    for hit in hits:
        name = hit.title or str(hit.payload.get("body") or "")[:60] or "(picture only)"
        table.add_row(f"{hit.score:.3f}", Text(hit.id), Text(name), Text(hit.category or ""), Text(explain(hit)))
    return table


def explain(hit: Hit) -> str:
    """Return the evidence of a hit in words: `text .52 + image .08; shares #ramen`."""
    shares = " + ".join(f"{name} {value:.2f}" for name, value in hit.why.contributions.items() if abs(value) >= 0.005)
    tags = " ".join(f"#{tag}" for tag in hit.why.shared_tags[:3])
    return "; ".join(part for part in (shares, f"shares {tags}" if tags else "") if part)


def facts_table(facts: Mapping[str, Any], title: str | None = None) -> Table:
    """Return names and values, one a row; nested mappings are flattened with dots, empty values left out."""
    table = Table(
        title=Text(title) if title else None, title_justify="left", show_header=False, box=None, pad_edge=False
    )
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name, value in _flat(facts):
        table.add_row(Text(name), Text(f"{value:,}" if isinstance(value, int) and abs(value) > 9999 else str(value)))
    return table


def versions_table(versions: "Sequence[Version]") -> Table:
    """Return the versions of an index, one a row, the served one marked."""
    table = Table(box=None, pad_edge=False)
    for name in ("version", "state", "notes", "dim", "encoder", "created", "MB"):
        table.add_column(name, justify="right" if name in ("notes", "dim", "MB") else "left")
    for each in versions:
        style = "bold" if each.state == "served" else None
        size = f"{each.bytes_on_disk / 1e6:,.1f}" if each.bytes_on_disk else ""
        cells = (each.name, each.state, f"{each.rows:,}", str(each.dim), each.fingerprint, each.created_at, size)
        table.add_row(*map(Text, cells), style=style)
    return table


def _flat(facts: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for name, value in facts.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif value not in (None, "", [], ()):
            rows.append((prefix + name, ", ".join(map(str, value)) if isinstance(value, list) else value))
    return rows
