"""The sidebar: what is being browsed, and how to ask the same in a terminal."""

import shlex
from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.browsing.engine import Site
from app.browsing.literal import literal

TOWERS = {
    "minilm": "all-MiniLM-L6-v2",
    "descriptor": "colours, layout and edges",
    "open_clip": "open_clip",
}

LAST_WORDS = "last words"  # in the session: what was searched with last


def show(site: Site) -> None:
    """Name the index, its size and its encoder in plain words."""
    index = site.retriever.index
    encoder = index.meta.get("encoder")
    with st.sidebar:
        st.header("notelens", anchor=False)
        st.caption("Finds notes that are alike, by their words and their pictures.")
        st.subheader("This index", anchor=False)
        lines = [site.folder.resolve().name, f"{index.count():,} notes"]
        if isinstance(encoder, Mapping):
            lines += [f"words: {_tower(encoder.get('text'))}", f"pictures: {_tower(encoder.get('image'))}"]
        literal("\n".join([*lines, f"{index.dim:,} numbers a note"]), "quiet", "index")


def search_link(site: Site, label: str, icon: str) -> None:
    """Link to the search page as it was left."""
    words = st.session_state.get(LAST_WORDS)
    st.page_link(site.search_page, label=label, icon=icon, query_params={"q": words} if words else None)


def show_command(site: Site, k: int, *options: tuple[str, str]) -> None:
    """Show the command that asks the same as the page, an option a line."""
    parts = [("notelens", "query", str(site.folder)), *options, ("-k", str(k))]
    with st.sidebar:
        st.subheader("The same in a terminal", anchor=False)
        st.code(" \\\n  ".join(shlex.join(part) for part in parts), language=None, wrap_lines=True)


def _tower(config: Any) -> str:
    if not isinstance(config, Mapping):
        return "an encoder of its own"
    name = str(config.get("tower"))
    model = config.get("model")
    return f"{TOWERS.get(name, name)} {model}" if model else TOWERS.get(name, name)
