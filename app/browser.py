"""The web page: `notelens app INDEX` runs this file under Streamlit, with the index directory as its argument.

Addresses that may be shared: `/?q=TEXT` is a text search, `/note?id=ID` a note with its similar notes.
Streamlit runs the file anew for every click of every visitor; what must outlive a click is cached in
app/browsing/engine.py.
"""

import sys
from pathlib import Path

import streamlit as st

from app.browsing import note, search, sidebar
from app.browsing.engine import open_site
from app.browsing.literal import complain
from app.errors import AppError, known_errors


def main() -> None:
    """Draw the page that the address asks for; errors written for the user are shown, not raised."""
    st.set_page_config(page_title="notelens", page_icon="🔎", layout="wide")
    st.html(Path(__file__).parent / "browsing" / "style.css")
    search_page = st.Page(lambda: search.show(site), title="Search", url_path="search", default=True)
    note_page = st.Page(lambda: note.show(site), title="Note", url_path="note", visibility="hidden")
    page = st.navigation([search_page, note_page])
    try:
        site = open_site(_index_folder(), search_page, note_page)
        sidebar.show(site)
        page.run()
    except known_errors() as error:
        complain("That did not work.", str(error))


def _index_folder() -> Path:
    if len(sys.argv) != 2:
        raise AppError("which index? Start the page with: notelens app INDEX")
    return Path(sys.argv[1])


if __name__ == "__main__":
    main()
