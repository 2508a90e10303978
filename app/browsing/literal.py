"""Text that is not ours, shown as it is: no Markdown, no HTML, no LaTeX, no directives."""

from typing import Literal

import streamlit as st

Style = Literal["heading", "title", "quiet", "body"]


def literal(text: str, style: Style, key: str, one_line: bool = False) -> None:
    """Draw text by its characters alone; `style` is a rule of style.css, key is unique on the page.

    one_line: cut what does not fit, which then shows under the pointer.
    """
    # Streamlit has no other way to name an element for a style sheet than the key of a container.
    with st.container(key=f"nl-{style}-{key}"):
        st.text(text, width="stretch", wrap=not one_line)


def complain(summary: str, detail: str) -> None:
    """Say what went wrong: a summary of ours, and a detail that may quote anybody."""
    st.error(summary, icon=":material/error:")
    st.text(detail)
