"""Text of notes reaches the page as it is, and only through elements that know no markup."""

from __future__ import annotations

import pytest

# What Streamlit draws by its characters alone: text, code, the value of a box, the alternative text of a picture.
PLAIN = {"text", "code", "text_input", "imgs", "image", "page_link"}


def elements(block):
    for child in block.children.values():
        if hasattr(child, "children"):
            yield child.proto and type(child).__name__, str(child.proto)
            yield from elements(child)
        else:
            yield child.type, str(child.proto)


@pytest.fixture
def marked_up():
    """What a page has in elements that may read markup."""
    return lambda at: [text for block in (at.main, at.sidebar) for kind, text in elements(block) if kind not in PLAIN]


def test_every_hostile_note_is_shown_by_its_characters(visit, hostile, marked_up):
    for note_id, text in hostile.items():
        at = visit("note", id=note_id)
        shown = [element.value for element in at.main.text]
        assert at.container(key="nl-heading-title").text[0].value == text
        assert f"{text}\n{text}" in shown
        assert f"#tag {text[:60]}" in shown
        markup = "\n".join(marked_up(at))
        for other in hostile.values():
            assert other[:40] not in markup


def test_cards_and_searches_show_hostile_text_by_its_characters(visit, hostile, marked_up, cards):
    for note_id, text in hostile.items():
        at = visit(q=text)
        ids = cards(at)
        assert note_id in ids
        assert at.container(key=f"nl-title-{ids.index(note_id)}").text[0].value == text
        markup = "\n".join(marked_up(at))
        for other in hostile.values():
            assert other[:40] not in markup
