"""The search page without a browser: sample, words, pictures, both, and what is no picture."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from index import FaissIndex


def subheaders(at) -> list[str]:
    return [element.value for element in at.main.subheader]


def upload(at, content: bytes, name: str = "mine.jpg"):
    at.file_uploader[0].upload(name, content).run()
    assert not at.exception
    return at


def bytes_of(image: Image.Image, kind: str = "JPEG") -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def test_the_first_page_shows_a_sample_that_stays_until_others_are_asked_for(visit, cards):
    at = visit()
    first = cards(at)
    assert subheaders(at) == ["Some notes to start from"]
    assert len(set(first)) == 12
    assert len(at.image) == 12
    assert cards(at.run()) == first == cards(visit())
    next(button for button in at.button if button.label == "Show others").click().run()
    assert len(set(cards(at))) == 12
    assert cards(at) != first


def test_words_find_their_note_first_and_go_into_the_address(visit, cards):
    at = visit()
    at.text_input(key="words").input("  playing the violin in the rain ").run()
    assert not at.exception
    assert subheaders(at) == ["Most like your words"]
    assert cards(at)[0] == "violin-0"
    assert at.query_params == {"q": "playing the violin in the rain"}
    at.text_input(key="words").input("").run()
    assert at.query_params == {}
    assert subheaders(at) == ["Some notes to start from"]


def test_an_address_with_words_searches(visit, cards):
    at = visit(q="sourdough bread for beginners")
    assert at.text_input(key="words").value == "sourdough bread for beginners"
    assert cards(at)[0] == "sourdough-1"
    # The Back button brings another address to the same session.
    at.query_params["q"] = "kitten on a sunday"
    at.run()
    assert at.text_input(key="words").value == "kitten on a sunday"
    assert cards(at)[0] == "kitten-2"


def test_cards_carry_category_tags_and_evidence(visit):
    at = visit(q="ramen with my grandmother")
    quiet = [at.container(key=f"nl-quiet-{part}-0").text[0].value for part in ("labels", "why")]
    assert quiet[0] == "hobby · #ramen · #everyday"
    score, why = quiet[1].split("  =  ")
    assert 0.5 < float(score) <= 1
    assert why.startswith("text 0.")
    assert at.container(key="nl-title-0").text[0].value == "Ramen with my grandmother"


def test_the_slider_says_how_many(visit, cards):
    at = visit(q="boat")
    at.slider(key="k").set_value(24).run()
    assert len(cards(at)) == 24
    assert "-k 24" in at.sidebar.code[0].value


def test_the_same_search_is_written_as_a_command_that_a_shell_reads_back(visit, folder):
    import shlex

    at = visit(q="it's $HOME; `rm`")
    words = shlex.split(at.sidebar.code[0].value.replace("\\\n", ""))
    assert words == ["notelens", "query", str(folder), "--text", "it's $HOME; `rm`", "-k", "12"]


def test_a_picture_finds_itself_and_can_be_removed(visit, cards, folder):
    mine = (folder.parent / "corpus" / "images" / "3-1-0.jpg").read_bytes()
    at = upload(visit(), mine)
    assert subheaders(at) == ["Most like your picture"]
    assert cards(at)[0] == "garden-1"
    assert "--image mine.jpg" in at.sidebar.code[0].value
    next(button for button in at.button if button.label == "Remove picture").click().run()
    assert subheaders(at) == ["Some notes to start from"]


def test_words_and_a_picture_are_mixed(visit, cards, folder):
    mine = (folder.parent / "corpus" / "images" / "3-1-0.jpg").read_bytes()
    at = upload(visit(q="garden"), mine)
    assert subheaders(at) == ["Most like your words and your picture"]
    assert cards(at)[0] == "garden-1"
    assert "image" in at.container(key="nl-quiet-why-0").text[0].value


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGBA", "CMYK"])
def test_any_kind_of_picture_is_taken(visit, mode):
    kind = "JPEG" if mode == "CMYK" else "PNG"
    at = upload(visit(), bytes_of(Image.new("RGB", (40, 30), "teal").convert(mode), kind), f"a.{kind.lower()}")
    assert not at.error
    assert subheaders(at) == ["Most like your picture"]


@pytest.mark.parametrize("kind", ["text", "truncated", "empty", "huge"])
def test_what_is_no_picture_is_refused_in_words(visit, cards, picture, kind):
    whole = bytes_of(picture(1, (300, 300)))
    content = {
        "text": b"<svg onload=alert(1)>",
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "huge": bytes_of(Image.new("1", (20_000, 20_000)), "PNG"),
    }[kind]
    at = upload(visit(), content, "![x](http://192.0.2.1/x.png).jpg")
    assert [element.value for element in at.error] == [
        "This file is not a picture that can be read. Please choose another one."
    ]
    assert len(cards(at)) == 12  # the sample
    at.text_input(key="words").input("train").run()
    assert subheaders(at) == ["Most like your words"]
    next(button for button in at.button if button.label == "Remove picture").click().run()
    assert not at.error


def test_an_empty_index_says_how_to_fill_it(visit, encoder, tmp_path):
    from retrieval.retriever import index_meta

    empty = tmp_path / "empty"
    FaissIndex.create(empty, dim=encoder.dim, fingerprint=encoder.fingerprint, meta=index_meta(encoder)).close()
    assert "no notes yet" in visit(index=empty).info[0].value
    assert "no notes yet" in visit(index=empty, q="anything").info[0].value


def test_a_missing_index_is_a_message(visit, tmp_path):
    at = visit(index=tmp_path / "nowhere")
    assert at.error[0].value == "That did not work."
    assert "nowhere" in at.main.text[0].value


def test_complaints_quote_without_markup():
    from streamlit.testing.v1 import AppTest

    def script(detail: str) -> None:
        from app.browsing.literal import complain

        complain("Ours.", detail)

    at = AppTest.from_function(script, args=("**theirs** ![x](http://192.0.2.1/)",)).run()
    assert at.error[0].value == "Ours."
    assert at.text[0].value == "**theirs** ![x](http://192.0.2.1/)"
