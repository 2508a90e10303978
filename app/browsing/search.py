"""The search page: words, a picture, or both; before anything is asked, some notes to start from."""

import streamlit as st

from app.browsing.cards import Card, explain_scores, grid, how_many
from app.browsing.engine import Site, sample
from app.browsing.literal import complain
from app.browsing.pictures import preview
from app.browsing.sidebar import LAST_WORDS, show_command
from encoders.errors import NoteRejected
from encoders.images import NoteImage
from encoders.note import Note

# What a session remembers, by name.
WORDS, PICTURE, UPLOADS, SEED = "words", "picture", "uploads", "seed"
PICTURE_TYPES = ["jpg", "jpeg", "png", "webp", "gif"]


def show(site: Site) -> None:
    """Draw the search row, and what was found or a sample."""
    st.title("Find similar notes", anchor=False)
    st.caption("Ask with words, with a picture, or with both. Open a note to see which others are like it.")
    words, k = _ask(site)
    picture: NoteImage | None = st.session_state.get(PICTURE)
    if picture is not None and not _show_picture(site, picture):
        picture = None
    if words or picture:
        _show_answers(site, words, picture, k)
    else:
        _show_sample(site, k)


def _ask(site: Site) -> tuple[str, int]:
    """Draw the search row; return the words and how many notes are wanted."""
    row = st.columns([6, 3, 3], vertical_alignment="bottom", gap="medium")
    with row[0]:
        words = _ask_words()
    with row[1], st.popover("Add a picture", icon=":material/add_photo_alternate:", width="stretch"):
        # A picture once given is kept here and not in the uploader, which forgets it when a note is opened.
        # Another key makes another, empty uploader.
        st.file_uploader(
            "Find notes that look like a picture",
            PICTURE_TYPES,
            key=_uploader_key(),
            on_change=_take_upload,
            max_upload_size=max(1, site.limits.max_bytes // 2**20),
        )
    with row[2]:
        k = how_many()
    return words, k


def _ask_words() -> str:
    """Draw the box; what is typed goes into the address, what the address brings (a link, Back) into the box."""
    linked = st.query_params.get("q", "")
    if WORDS not in st.session_state or linked != st.session_state.get(LAST_WORDS):
        st.session_state[WORDS] = linked
    words = st.text_input(
        "What are you looking for?",
        key=WORDS,
        type="search",
        placeholder="a few words, a sentence, a title",
        icon=":material/search:",
    ).strip()
    if words and words != linked:
        st.query_params["q"] = words
    elif not words and linked:
        st.query_params.clear()
    st.session_state[LAST_WORDS] = words
    return words


def _uploader_key() -> str:
    return f"upload-{st.session_state.get(UPLOADS, 0)}"


def _take_upload() -> None:
    upload = st.session_state[_uploader_key()]
    if upload is None:
        st.session_state.pop(PICTURE, None)
    else:
        st.session_state[PICTURE] = NoteImage.from_bytes(upload.getvalue(), upload.name)


def _drop_picture() -> None:
    st.session_state.pop(PICTURE, None)
    st.session_state[UPLOADS] = st.session_state.get(UPLOADS, 0) + 1


def _show_picture(site: Site, picture: NoteImage) -> bool:
    """Show the picture asked by, with a way to drop it; returns whether it is one."""
    small = None
    try:
        small = preview(picture, site.limits)
    except NoteRejected as error:
        complain("This file is not a picture that can be read. Please choose another one.", error.detail)
    with st.container(horizontal=True, vertical_alignment="center"):
        if small:
            st.image(small, width=96, alt="the picture you search with")
        st.text(picture.name)
        st.button("Remove picture", icon=":material/close:", on_click=_drop_picture)
    return small is not None


def _show_answers(site: Site, words: str, picture: NoteImage | None, k: int) -> None:
    asked = [Note(body=words)] if words else []
    if picture:
        asked.append(Note(images=(picture,)))
    with st.spinner("Searching …"):
        hits = site.retriever.similar(notes=asked, k=k)
    if not hits:
        st.info("Nothing was found: the index has no notes yet.", icon=":material/search_off:")
        return
    by = " and ".join([*(["your words"] if words else []), *(["your picture"] if picture else [])])
    st.subheader(f"Most like {by}", anchor=False)
    explain_scores()
    grid(site, [Card.of_hit(hit) for hit in hits])
    options = [*([("--text", words)] if words else []), *([("--image", picture.name)] if picture else [])]
    show_command(site, k, *options)


def _show_sample(site: Site, k: int) -> None:
    seed = st.session_state.setdefault(SEED, 0)
    records = sample(site.retriever, k, seed)
    if not records:
        st.info("This index has no notes yet. Fill it with: `notelens add INDEX CORPUS`", icon=":material/inbox:")
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader("Some notes to start from", anchor=False)
        if st.button("Show others", icon=":material/shuffle:"):
            st.session_state[SEED] = seed + 1
            st.rerun()
    grid(site, [Card.of_record(record) for record in records])
