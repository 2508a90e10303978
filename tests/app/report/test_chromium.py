"""The report in a real browser: it opens from disk, asks for nothing, and everything in it is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.report import write_report

pytestmark = pytest.mark.browser

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]

# Relative luminance and contrast as in WCAG 2.1, of every text against the paper it stands on.
CONTRAST = """() => {
    const parse = text => text.match(/[\\d.]+/g).map(Number);
    const channel = value => value / 255 <= .04045 ? value / 255 / 12.92 : ((value / 255 + .055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
    const paper = element => {
        for (let each = element; each; each = each.parentElement) {
            const colour = parse(getComputedStyle(each).backgroundColor);
            if (colour.length < 4 || colour[3] > 0) return colour;
        }
    };
    const poor = [];
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
        const element = texts.currentNode.parentElement;
        if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest("title, desc")) continue;
        const drawn = element.closest("svg");
        const style = getComputedStyle(element);
        const pair = [luminance(parse(drawn ? style.fill : style.color)), luminance(paper(element))].sort();
        const contrast = (Math.max(...pair) + .05) / (Math.min(...pair) + .05);
        if (contrast < 4.5) poor.push([texts.currentNode.data.trim().slice(0, 40), contrast]);
    }
    return poor;
}"""
# Whatever sticks out of the window, unless it scrolls inside a box of its own.
TOO_WIDE = """() => [...document.querySelectorAll("main *, nav *")]
    .filter(each => !each.closest(".scroll, svg, caption"))
    .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
    .map(each => each.outerHTML.slice(0, 100))"""
FIGURES = """() => [...document.querySelectorAll("svg[role=img]")].map(each => {
    const box = each.getBoundingClientRect();
    const coloured = [...each.querySelectorAll("path, use")].filter(path => path.style.stroke.startsWith("var("));
    const drawn = coloured.every(path => getComputedStyle(path).stroke.startsWith("rgb"));
    return [box.width, box.height, drawn && coloured.length > 0];
})"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, evaluation, notes_of) -> str:
    path = tmp_path_factory.mktemp("chromium") / "report.html"
    write_report(evaluation, notes_of, path)
    return path.as_uri()


def test_the_report_opens_from_disk_in_every_light_and_width(report):
    if not CHROMIUM.exists():  # a developer may lack a browser; under CI tests/conftest.py makes this a failure
        pytest.skip(f"{CHROMIUM} is missing: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        papers = set()
        for width, scheme in ((1400, "light"), (380, "dark")):
            context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
            asked: list[str] = []
            wrong: list[str] = []
            context.on("request", lambda request, asked=asked: asked.append(request.url))
            context.on("weberror", lambda error, wrong=wrong: wrong.append(str(error.error)))
            context.on("console", lambda line, wrong=wrong: wrong.append(line.text))
            page = context.new_page()
            page.goto(report)
            assert page.evaluate("window.ran ?? null") is None
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(TOO_WIDE) == []
            figures = page.evaluate(FIGURES)
            assert len(figures) >= 9
            assert all(w > 200 and h > 40 and drawn for w, h, drawn in figures), figures
            pictures = page.evaluate("[...document.images].map(each => [each.complete, each.naturalWidth])")
            assert pictures
            assert all(complete and size > 0 for complete, size in pictures)
            assert page.evaluate(CONTRAST) == []
            papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
            page.get_by_role("navigation").get_by_role("link", name="Worst queries").click()
            assert page.evaluate("location.hash") == "#worst"
            if width == 1400:
                page.get_by_text("In numbers, all systems").first.click()
                assert page.get_by_role("region", name="nDCG@10 by category").is_visible()
            assert wrong == []
            assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
            assert [url for url in asked if url.startswith("file")] == [report]
            context.close()
        browser.close()
    assert len(papers) == 2, "light and dark differ"
