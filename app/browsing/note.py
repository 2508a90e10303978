"""The note page: one note whole, and the notes like it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

from app.browsing.cards import Card, explain_scores, grid, heading, how_many, labels
from app.browsing.engine import Site
from app.browsing.literal import literal
from app.browsing.pictures import large, no_picture
from app.browsing.sidebar import search_link, show_command
from retrieval.hit import image_paths

FROM_NOTE = "from-note"  # in the address of a link, and never longer than until it is followed


def show(site: Site) -> None:
    """Draw the note that `?id=` names, and its similar notes."""
    note_id = st.query_params.get("id", "")
    # Streamlit writes the address for a link between pages, but not for one from note to note; changing the
    # address from here makes it do so.
    st.query_params.pop(FROM_NOTE, None)
    search_link(site, "Back to search", ":material/arrow_back:")
    record = site.retriever.index.get([note_id], with_vectors=False)[0] if note_id else None
    if record is None:
        st.warning("There is no such note in this index. It may have been deleted.", icon=":material/search_off:")
        st.text(f"Asked for: {note_id}" if note_id else "No note was asked for: the address ends in ?id= and its id.")
        return
    st.set_page_config(page_title=f"{heading(record.payload)} · notelens")  # plain text, unlike st.Page's title
    with st.container(border=True):
        pictures, words = st.columns([2, 3], gap="large")
        with pictures:
            _show_pictures(site, record.payload)
        with words:
            _show_words(record.id, record.payload)
    row = st.columns([3, 1], vertical_alignment="bottom")
    row[0].subheader("Similar notes", anchor=False)
    with row[1]:
        k = how_many()
    hits = site.retriever.similar(ids=[note_id], k=k)
    if hits:
        explain_scores()
        grid(site, [Card.of_hit(hit) for hit in hits], {FROM_NOTE: "1"})
    else:
        st.info("This is the only note of the index.", icon=":material/search_off:")
    show_command(site, k, ("--id", note_id))


def _show_pictures(site: Site, payload: Mapping[str, Any]) -> None:
    paths = image_paths(payload)
    if not paths:
        st.image(no_picture(), width=240, alt="no picture")
    elif len(paths) == 1:
        st.image(large(paths[0], site.limits), width="stretch", alt=f"picture of {heading(payload)}")
    else:
        with st.container(key="nl-pictures", horizontal=True):
            for number, path in enumerate(paths, start=1):
                st.image(large(path, site.limits), width=220, alt=f"picture {number} of {heading(payload)}")


def _show_words(note_id: str, payload: Mapping[str, Any]) -> None:
    literal(heading(payload), "heading", "title")
    if line := labels(payload):
        literal(line, "quiet", "labels")
    if body := str(payload.get("body") or "").strip():
        literal(body, "body", "body")
    facts = [payload.get("author"), _day(payload.get("created_at")), payload.get("lang"), f"id {note_id}"]
    literal(" · ".join(str(fact) for fact in facts if fact), "quiet", "facts")


def _day(created_at: Any) -> str:
    """Write a stored time as a day for people; the time of day only where it says something."""
    if not created_at:
        return ""
    moment = datetime.fromisoformat(str(created_at))
    return f"{moment.day} {moment:%B %Y}" + (f", {moment:%H:%M} UTC" if moment.hour or moment.minute else "")
