"""A small index with pleasant and with hostile notes, and the pages over it without a browser."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import app
from encoders.corpus import Corpus
from index import FaissIndex
from retrieval.build import build
from retrieval.retriever import index_meta

SCRIPT = Path(app.__file__).parent / "browser.py"

# Text that Markdown, HTML, LaTeX or Streamlit would take for something else, by the id of its note.
HOSTILE = {
    "script": "<script>window.ran = 1</script>",
    "handler": "<img src=x onerror='window.ran = 1'>",
    "remote": "![picture](http://192.0.2.1/pixel.png)",
    "link": "[press me](javascript:window.ran=1)",
    "latex": r"from $5 to $\frac{1}{2}$ and $$x^2$$",
    "directives": ":red[colour] :material/home: :material_home: :smile: :streamlit: :blue-badge[b]",
    "markdown": "# *one* **two** `three` ~~four~~ > five",
    "list": "1. first",
    "arrows": "a -> b <- c -- d >= e",
    "entities": r"&lt;b&gt; &amp; &#42; \* \$",
    "long": "Donaudampfschiff" * 25,
    "rtl": "مرحبا بالعالم (1)",
    "emoji": "👩‍👩‍👧 🏳️‍🌈 :+1:",
    "spaces and/slashes?&=#%+ü": "an id that is hard on addresses",
}
THINGS = [
    "ramen",
    "bicycle",
    "violin",
    "garden",
    "train",
    "kitten",
    "mountain hut",
    "sourdough bread",
    "camera",
    "boat",
]
MANNERS = ["in the rain", "for beginners", "on a Sunday", "with my grandmother"]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder, picture) -> Path:
    """An index of 40 pleasant notes, the hostile ones, one without a picture and one whose picture is gone."""
    corpus = tmp_path_factory.mktemp("browser") / "corpus"
    (corpus / "images").mkdir(parents=True)

    def draw(name: str, seed: int) -> str:
        picture(seed, (120, 160)).save(corpus / "images" / name)
        return name

    rows = [
        {
            "id": f"{thing.split()[0]}-{number}",
            "title": f"{thing} {manner}".capitalize(),
            "body": f"Notes about {thing}, {manner}.\n\nSecond paragraph.",
            "tags": [thing, "everyday"],
            "category": "hobby",
            "author": "ada",
            "created_at": "2024-02-29T00:00:00Z",
            "images": [draw(f"{place}-{number}-{i}.jpg", 100 * place + 10 * number + i) for i in range(1 + number % 2)],
        }
        for place, thing in enumerate(THINGS)
        for number, manner in enumerate(MANNERS)
    ]
    rows += [
        {
            "id": name,
            "title": text,
            "body": f"{text}\n{text}",
            "tags": [f"tag {text[:60]}"],
            "images": [draw(f"h{i}.png", i)],
        }
        for i, (name, text) in enumerate(HOSTILE.items())
    ]
    rows += [{"id": "wordless", "images": [draw("wordless.png", 7)]}]
    rows += [{"id": "bare", "title": "A note without any picture", "category": "hobby"}]
    rows += [{"id": "lost", "title": "A note whose picture was taken away", "images": [draw("lost.png", 8)]}]
    (corpus / "notes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    index_folder = corpus.parent / "index"
    meta = index_meta(encoder)
    with FaissIndex.create(index_folder, dim=encoder.dim, fingerprint=encoder.fingerprint, meta=meta) as index:
        report = build(Corpus(corpus), encoder, index, index_folder / "rejected.jsonl")
    assert report.good == len(rows)
    (corpus / "images" / "lost.png").unlink()
    return index_folder


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """AppTest leaves its script as `__main__`, where child processes of later tests would start from."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture
def visit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., AppTest]:
    """Open a page as an address would: visit("note", id="x"); nothing may have gone wrong."""

    def open_page(page: str = "", /, index: Path = folder, **query: str) -> AppTest:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(index)])
        at = AppTest.from_file(SCRIPT, default_timeout=120)
        if page:
            # AppTest switches to pages that are files only; ours are functions, known by their address.
            at._page_hash = calc_hash(page)
        for name, value in query.items():
            at.query_params[name] = value
        at.run()
        assert not at.exception
        return at

    return open_page


@pytest.fixture
def cards() -> Callable[[AppTest], list[str]]:
    """The ids of the notes that the cards of a page open, in order."""

    def read(at: AppTest) -> list[str]:
        queries = [parse_qs(link.proto.query_string) for link in at.page_link]
        return [query["id"][0] for query in queries if "id" in query]

    return read


@pytest.fixture(scope="session")
def hostile() -> dict[str, str]:
    """The titles of the hostile notes by their ids."""
    return HOSTILE
