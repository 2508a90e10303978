"""Notes as a grid of cards: cover, title, category and tags, and why it is there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import streamlit as st

from app.browsing.engine import Site
from app.browsing.literal import literal
from app.browsing.pictures import cover
from app.tables import explain
from index import Record
from retrieval.hit import Hit, image_paths

SHOWN_TAGS = 3


@dataclass(frozen=True, slots=True)
class Card:
    """A note as a card shows it; score and why are absent where nothing was asked."""

    id: str
    payload: Mapping[str, Any]
    score: float | None = None
    why: str = ""

    @classmethod
    def of_hit(cls, hit: Hit) -> Self:
        """Show an answer, with its evidence."""
        return cls(hit.id, hit.payload, hit.score, explain(hit))

    @classmethod
    def of_record(cls, record: Record) -> Self:
        """Show a stored note."""
        return cls(record.id, record.payload)


def heading(payload: Mapping[str, Any]) -> str:
    """Name a note in one line: its title, or else how its body begins."""
    text = str(payload.get("title") or "").strip() or str(payload.get("body") or "").strip()[:80]
    return " ".join(text.split()) or "(no words)"


def labels(payload: Mapping[str, Any], tags: int | None = None) -> str:
    """Write category and the first tags in one line; a tag that only repeats the category is left out."""
    category = payload.get("category")
    named = [tag for tag in payload.get("tags") or [] if tag != category][:tags]
    return " · ".join([*([category] if category else []), *(f"#{tag}" for tag in named)])


def how_many() -> int:
    """Ask how many notes to show; the answer holds for all pages of the visit."""
    return int(st.slider("How many notes", 4, 48, 12, step=4, key="k", persist_state="session"))


def explain_scores() -> None:
    """Say what the numbers on the cards are."""
    st.caption("The first number says how alike a note is: higher is better. After it, what text and image add to it.")


def grid(site: Site, cards: Sequence[Card], mark: Mapping[str, str] | None = None) -> None:
    """Draw the cards; each opens its note, by an address that carries `mark` too."""
    with st.container(key="nl-grid", horizontal=True):
        for place, card in enumerate(cards):
            _draw(site, card, place, mark or {})


def _draw(site: Site, card: Card, place: int, mark: Mapping[str, str]) -> None:
    paths = image_paths(card.payload)
    with st.container(key=f"nl-card-{place}", width=220, gap=None):
        st.image(
            cover(paths[0] if paths else None, site.limits), width="stretch", alt=f"cover of {heading(card.payload)}"
        )
        literal(heading(card.payload), "title", str(place))
        literal(labels(card.payload, SHOWN_TAGS) or " ", "quiet", f"labels-{place}", one_line=True)
        if card.score is not None:
            literal(f"{card.score:.3f}  =  {card.why}", "quiet", f"why-{place}", one_line=True)
        # The style sheet stretches this link over the whole card; without it the words alone are the link.
        query = {"id": card.id, **mark}
        st.page_link(site.note_page, label="Similar notes", icon=":material/arrow_forward:", query_params=query)
