"""The app as people meet it: `notelens app` in a real browser."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CHROMIUM = Path("/usr/bin/chromium")
# Fewest features: the test asserts that nothing but the app itself is asked for anything.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Streamlit draws a page piece by piece: what is counted must be waited for.
COMPLETE = """count => {
    const all = [...document.querySelectorAll(".st-key-nl-grid img")];
    const links = document.querySelectorAll(".st-key-nl-grid [data-testid=stPageLink-NavLink]");
    const loaded = all.every(image => image.complete && image.naturalWidth > 0);
    return all.length === count && links.length === count && loaded;
}"""


@pytest.fixture(scope="module")
def site(folder: Path) -> Iterator[str]:
    """The address of the app, served by a child process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "app.cli", "app", str(folder), "--port", str(port)]
    with (folder.parent / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder.parent)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(server, address)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_healthy(server: subprocess.Popen[bytes], address: str) -> None:
    for _ in range(240):
        assert server.poll() is None, "the server ended"
        try:
            with urlopen(f"{address}/_stcore/health", timeout=5) as answer:
                if answer.read() == b"ok":
                    return
        except OSError:
            time.sleep(0.25)
    raise AssertionError("the server is not healthy after a minute")


@pytest.fixture
def browser():
    """A new visitor; at the end nothing may have left this machine, run in the page, or gone wrong."""
    if not CHROMIUM.exists():  # a developer may lack a browser; under CI tests/conftest.py makes this a failure
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = launched.new_context(viewport={"width": 1280, "height": 1000})
        context.set_default_timeout(60_000)
        asked: list[str] = []
        wrong: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
        context.on("response", lambda answer: wrong.append(answer.url) if answer.status >= 400 else None)
        yield context
        ran = [page.evaluate("window.ran") for page in context.pages]
        launched.close()
    assert ran == [None] * len(ran)
    away = {url for url in asked if urlsplit(url).scheme in ("http", "https", "ws")} - {
        url for url in asked if urlsplit(url).hostname == "127.0.0.1"
    }
    assert not away
    assert [line for line in wrong if not _of_streamlit(line)] == []


def _of_streamlit(line: str) -> bool:
    """On an address with a path Streamlit looks for its server below that path first, in vain, and says so."""
    return "/note/_stcore/" in line or line.startswith(
        "Failed to load resource: the server responded with a status of 404"
    )


def await_cards(page, count: int = 12) -> None:
    """Wait until exactly so many cards are there, each with its picture and its link."""
    page.wait_for_function(COMPLETE, arg=count)


def go(page, address: str) -> None:
    page.goto(address)
    await_cards(page)


def location(page) -> str:
    return page.evaluate("location.pathname + location.search")


def await_location(page, wanted: str) -> None:
    page.wait_for_function("wanted => location.pathname + location.search === wanted", arg=wanted)


def click_card(page, place: int, count: int = 12) -> str:
    """Click on the picture of a card, as people do; returns the title on it."""
    title = page.locator(f".st-key-nl-title-{place}").inner_text()
    box = page.locator(f".st-key-nl-card-{place} img").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("t => document.querySelector('.st-key-nl-heading-title')?.innerText === t", arg=title)
    await_cards(page, count)
    return title


def test_search_open_go_on_and_come_back(browser, site):
    page = browser.new_page()
    go(page, site)
    page.get_by_placeholder("a few words").fill("violin in the rain")
    page.keyboard.press("Enter")
    page.get_by_text("Most like your words").wait_for()
    page.wait_for_function("document.querySelector('.st-key-nl-title-0')?.innerText === 'Violin in the rain'")
    await_cards(page)
    assert location(page) == "/?q=violin+in+the+rain"
    heights = {
        round(box["height"])
        for card in page.locator("[class*=st-key-nl-card-]").all()[:4]
        if (box := card.bounding_box())
    }
    assert len(heights) == 1

    assert click_card(page, 0) == "Violin in the rain"
    await_location(page, "/note?id=violin-0")
    assert page.title() == "Violin in the rain · notelens"
    second = click_card(page, 1)
    page.wait_for_function("/^\\/note\\?id=violin-[123]$/.test(location.pathname + location.search)")
    assert second != "Violin in the rain"

    # Each page is left when its pictures have come: Streamlit drops those of a page that is gone, wherever they are.
    await_cards(page)
    page.go_back()
    page.locator(".st-key-nl-heading-title", has_text="Violin in the rain").wait_for()
    await_cards(page)
    page.go_back()
    page.get_by_text("Most like your words").wait_for()
    assert page.get_by_placeholder("a few words").input_value() == "violin in the rain"
    await_cards(page)
    page.go_back()
    page.get_by_text("Some notes to start from").wait_for()
    await_cards(page)
    assert location(page) == "/"


def test_ask_by_a_picture_and_keep_it_over_a_visit_to_a_note(browser, site, folder):
    page = browser.new_page()
    go(page, site)
    page.get_by_text("Add a picture").click()
    page.set_input_files("input[type=file]", folder.parent / "corpus" / "images" / "3-1-0.jpg")
    page.get_by_text("Most like your picture").wait_for()
    page.keyboard.press("Escape")
    await_cards(page)
    page.locator("[data-testid=stSlider] input").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    await_cards(page, 4)
    assert click_card(page, 0, count=4) == "Garden for beginners"
    page.get_by_text("Back to search").click()
    page.get_by_text("Most like your picture").wait_for()
    page.get_by_text("Remove picture").click()
    page.get_by_text("Some notes to start from").wait_for()


def test_a_file_that_is_no_picture_is_refused_in_words(browser, site, tmp_path):
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"<script>window.ran = 1</script>")
    page = browser.new_page()
    go(page, site)
    page.get_by_text("Add a picture").click()
    page.set_input_files("input[type=file]", bad)
    page.get_by_text("not a picture that can be read").wait_for()
    assert page.locator("[data-testid=stException]").count() == 0


def test_addresses_open_what_they_name_and_hostile_text_is_only_text(browser, site, hostile):
    page = browser.new_page()
    for note_id, text in hostile.items():
        go(page, f"{site}/note?{urlencode({'id': note_id})}")
        assert page.locator(".st-key-nl-heading-title").inner_text() == text
        assert page.locator(".st-key-nl-body-body [data-testid=stText]").inner_text() == f"{text}\n{text}"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.title() == f"{text} · notelens"
    # An id that is hard on addresses, by the link of a card.
    go(page, f"{site}/?{urlencode({'q': 'an id that is hard on addresses'})}")
    assert click_card(page, 0) == "an id that is hard on addresses"
    await_location(page, "/note?" + urlencode({"id": "spaces and/slashes?&=#%+ü"}))


def test_an_unknown_note_leads_back_to_the_search(browser, site):
    page = browser.new_page()
    page.goto(f"{site}/note?id=nobody")
    page.get_by_text("There is no such note").wait_for()
    page.get_by_text("Back to search").click()
    page.get_by_text("Some notes to start from").wait_for()
    await_cards(page)
    assert location(page) == "/"
