"""The note page without a browser: a note whole, its similar notes, ids that are none."""

from __future__ import annotations

import pytest
from streamlit.util import calc_hash


def texts(at) -> list[str]:
    return [element.value for element in at.main.text]


def test_a_note_is_shown_whole_with_its_similar_notes_and_without_itself(visit, cards):
    at = visit("note", id="bicycle-1")
    assert at.container(key="nl-heading-title").text[0].value == "Bicycle for beginners"
    assert "hobby · #bicycle · #everyday" in texts(at)
    assert "Notes about bicycle, for beginners.\n\nSecond paragraph." in texts(at)
    assert "ada · 29 February 2024 · id bicycle-1" in texts(at)
    similar = cards(at)
    assert len(similar) == 12
    assert "bicycle-1" not in similar
    assert set(similar[:3]) == {"bicycle-0", "bicycle-2", "bicycle-3"}
    assert len(at.image) == 2 + 12  # both pictures of the note
    assert "--id bicycle-1" in at.sidebar.code[0].value


def test_links_between_notes_leave_no_mark_in_the_address(visit, cards):
    at = visit("note", id="boat-0")
    assert all("from-note" in link.proto.query_string for link in at.main.page_link if "id=" in link.proto.query_string)
    followed = visit("note", **{"id": "boat-1", "from-note": "1"})
    assert followed.query_params == {"id": "boat-1"}


@pytest.mark.parametrize("query", [{"id": "nobody ![x](http://192.0.2.1/x.png)"}, {}, {"id": ""}])
def test_an_unknown_note_is_a_message_with_a_way_back(visit, query):
    at = visit("note", **query)
    assert at.warning[0].value.startswith("There is no such note")
    assert [link.label for link in at.page_link] == ["Back to search"]
    if query.get("id"):
        assert f"Asked for: {query['id']}" in texts(at)


def test_the_way_back_leads_to_the_last_search(visit):
    at = visit(q="camera & boat")
    at._page_hash = calc_hash("note")
    at.query_params.clear()
    at.query_params["id"] = "camera-0"
    at.run()
    assert at.page_link[0].proto.query_string == "q=camera+%26+boat"


@pytest.mark.parametrize(
    ("note_id", "name"),
    [
        ("wordless", "(no words)"),
        ("bare", "A note without any picture"),
        ("lost", "A note whose picture was taken away"),
    ],
)
def test_notes_that_lack_something_are_shown(visit, note_id, name):
    at = visit("note", id=note_id)
    assert at.container(key="nl-heading-title").text[0].value == name
    assert len(at.image) == 1 + 12
