"""The page's numbers are the evaluation's, its text is text, and it needs nothing but itself."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from app.report import write_report
from app.report.write import report_html
from retrieval.evaluation.entries import CEILING
from retrieval.evaluation.results import Estimate, ScoreHistogram

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Tables by caption as {row: [cells]} of {text, interval, best}, texts, and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, dict[str, list[dict]]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self._cell: dict | None = None
        self.feed(html)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attributes):
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.ids += [value for name, value in attributes if name == "id"]
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "table":
            self.rows: list[list[dict]] = []
        elif tag == "tr":
            self.rows.append([])
        elif tag in ("th", "td"):
            self._cell = {"text": "", "small": "", "best": False, "scope": dict(attributes).get("scope", "")}
            self.rows[-1].append(self._cell)
        elif tag == "strong" and self._cell is not None:
            self._cell["best"] = True

    def handle_startendtag(self, tag, attributes):
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("th", "td"):
            self._cell = None
        elif tag == "table":
            self.tables[self.caption] = {row[0]["text"]: row[1:] for row in self.rows}

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        if inside == "caption":
            self.caption = data
        if self._cell is not None:
            self._cell["small" if inside == "small" else "text"] += data
        if inside not in ("style", "script"):
            self.text.append(data)


@pytest.fixture(scope="module")
def html(evaluation, notes_of) -> str:
    return report_html(evaluation, notes_of)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def written(value: float) -> str:
    """A rate, by another way than the code's."""
    return f"{value:.4f}".removeprefix("0").replace("-0.", "−.")


def test_the_main_table_holds_every_value_with_its_interval(page, evaluation):
    rows = page.tables["Systems and baselines, means over queries"]
    heads = [cell["text"].replace("\xa0↑", "") for cell in rows["system"]]
    assert heads == ["reads", "R@10", "R@50", "R@100", "nDCG@10", "RR@10", "measured in"]
    for system in evaluation.systems:
        cells = dict(zip(heads, rows[system.name], strict=True))
        assert cells["reads"]["text"] == system.reads
        for metric in heads[1:-1]:
            mean = np.mean(system.per_query[metric])
            assert cells[metric]["text"] == written(mean)
            found = system.metrics[metric]
            assert cells[metric]["small"] == f"[{written(found.low)}, {written(found.high)}]"
    for place in range(1, 6):
        best = {name for name, cells in rows.items() if len(cells) == 7 and cells[place]["best"]}
        comparable = [each for each in evaluation.systems if each.name != "co-occurrence"]
        top = max(each.metrics[heads[place]].value for each in comparable)
        assert best == {each.name for each in comparable if written(each.metrics[heads[place]].value) == written(top)}
    assert CEILING in page.text


def test_slices_ablation_and_figures_beyond_accuracy(page, evaluation):
    rows = page.tables["nDCG@10 by category"]
    names = [cell["text"] for cell in rows["category"]]
    assert names == ["queries", *(each.name for each in evaluation.systems)]
    category = evaluation.pool.notes.category[evaluation.pool.queries]
    for code, name in enumerate(evaluation.pool.notes.categories):
        assert rows[name][0]["text"] == str(int((category == code).sum()))
        for cell, system in zip(rows[name][1:], evaluation.systems, strict=True):
            values = system.per_query["nDCG@10"][category == code]
            assert cell["text"] == (written(values.mean()) if system.slices else "–")
    ablation = page.tables["What each encoder reaches with a part of a note"]
    for system in evaluation.systems[:3]:
        assert [cell["text"] for cell in ablation[system.reads]] == [
            written(system.metrics[name].value) for name in ("R@10", "R@50", "R@100", "nDCG@10", "RR@10")
        ]
    beyond = page.tables["Beyond accuracy"]
    for system in evaluation.systems:
        cells = [cell["text"] for cell in beyond[system.name]]
        assert cells[:3] == [written(value) for value in system.lists.values()]
        assert cells[3] == f"{system.per_query['novelty@10'].mean():.2f}"


def test_index_generation_protocol_and_verdicts(page, evaluation):
    row = page.tables["Served indexes against exact search over the same vectors"]["tower"]
    assert [cell["text"] for cell in row] == ["faiss ivf", "160", "60", ".9731", ".9912", ".3100", ".412", "1.93"]
    assert row[5]["small"] == "exact .3125"
    rows = page.tables["Suggested tags and categories against what the authors wrote"]
    assert (rows["category accuracy ↑"][0]["text"], rows["BLEU ↑"][0]["text"]) == (".6123", "12.3")
    text = " ".join(" ".join(page.text).split())
    for part in ("seed 7", "queries 60, ", "candidates 160, 60 of them cold", "hashes notes a1b2", "time 1 min 23 s"):
        assert part in text
    pair = evaluation.comparisons[1].difference
    size = f"{written(-pair.value)} [{written(-pair.high)}, {written(-pair.low)}]"
    assert f"tower (image) falls short of tower (both) on nDCG@10 by {size}" in text
    assert "tower (text) and tower (text) cannot be told apart" in text
    assert "not corrected for there being 3 comparisons" in text


def test_text_of_people_is_text(html, page, evaluation):
    assert "<script" not in html
    assert "onerror='" not in html
    assert not [each for each in page.attributes if each[1].startswith("on")]
    text = "".join(page.text)
    assert "<script>window.ran = 1</script>" in text
    assert "{{ 7 * 7 }}" in text
    assert "地平线上的电影 & 茶" in text
    assert "مرحبا بالعالم (1)" in text
    assert "<i>category</i>" in text
    assert "body of many words " * 20 not in text, "long bodies are cut"


def test_nothing_outside_the_page_is_asked_for(html, page):
    for tag, name, value in page.attributes:
        if name in ("src", "href", "xlink:href", "data", "poster", "srcset", "action"):
            assert value.startswith(("data:image/jpeg;base64,", "#")), (tag, name, value[:60])
    assert not re.search(r"@import|url\((?!#)|//[a-z]+\.", re.sub(r"base64,[^\"]+", "", html))
    pointed = {value[1:] for _, name, value in page.attributes if name == "href" and value.startswith("#")}
    pointed |= set(re.findall(r"url\(#([^)]+)\)", html))
    assert pointed <= set(page.ids), "every link and clip path leads somewhere"
    labelled = {part for _, name, value in page.attributes if name == "aria-labelledby" for part in value.split()}
    assert labelled <= set(page.ids)
    figures = [i for i in page.ids if i.endswith("-t")]
    assert len(figures) == len(set(figures)) > 5
    assert len(page.ids) == len(set(page.ids))


def test_every_heading_cell_says_what_it_heads(page):
    scopes = [value for tag, name, value in page.attributes if tag == "th" and name == "scope"]
    assert set(scopes) == {"col", "row", "rowgroup"}
    assert len(scopes) == sum(tag == "th" for tag, name, _ in page.attributes if name == "scope")
    assert {"Systems and baselines, means over queries", "Beyond accuracy"} <= set(page.tables)


def test_the_same_evaluation_gives_the_same_file(evaluation, notes_of, html, tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    write_report(evaluation, notes_of, path)
    assert path.read_text(encoding="utf-8") == html
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert len(html.encode()) < 3_000_000


def bare(evaluation):
    """One system and nothing that can be missing."""
    system = replace(evaluation.systems[0], histogram=None, slices=(), lists={}, curve=np.zeros(0))
    return replace(
        evaluation, systems=(system,), comparisons=(), index_recall=(), generation=(), warnings=(), protocol={}
    )


def nan(evaluation):
    """All metrics NaN, in the curve and the histogram too."""
    hole = np.full(len(evaluation.pool.queries), math.nan)
    return replace(
        evaluation,
        systems=tuple(
            replace(
                each,
                metrics=dict.fromkeys(each.metrics, Estimate(math.nan, math.nan, math.nan)),
                per_query=dict.fromkeys(each.per_query, hole),
                lists=dict.fromkeys(each.lists, math.nan),
                slices=tuple(
                    replace(row, queries=0, metrics=dict.fromkeys(row.metrics, Estimate(math.nan)))
                    for row in each.slices
                ),
                curve=np.full(100, math.nan),
                histogram=ScoreHistogram(np.arange(3.0), np.zeros(2), np.zeros(2)),
            )
            for each in evaluation.systems
        ),
    )


def padded(evaluation):
    """Every ranking is cut short: -1 from the third place on, nothing at all in the first row."""
    changed = []
    for each in evaluation.systems:
        positions = each.ranking.positions.copy()
        positions[:, 2:] = -1
        positions[0] = -1
        changed.append(replace(each, ranking=replace(each.ranking, positions=positions)))
    return replace(evaluation, systems=tuple(changed))


def metricless(evaluation):
    return replace(
        evaluation, systems=tuple(replace(each, metrics={}, per_query={}, slices=()) for each in evaluation.systems)
    )


@pytest.mark.parametrize("made", [bare, nan, padded, metricless, lambda e: replace(e, systems=(), comparisons=())])
def test_what_is_missing_is_left_out(evaluation, notes_of, made):
    changed = made(evaluation)
    page = Page(report_html(changed, lambda ids: {}))
    text = " ".join(" ".join(page.text).split())
    assert not re.search(r"\bnan\b|\bNone\b(?! of these)|\binf\b", text)
    targets = [value[1:] for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert set(targets) <= set(page.ids)
    assert ("index" in targets) == bool(changed.index_recall)
    assert ("generation" in targets) == bool(changed.generation)
    if made is bare:
        assert targets == ["result", "protocol", "systems", "beyond", "worst", "best", "terms"]
        assert "(not in the corpus)" in text
    if made is nan:
        assert "worst" not in targets
        rows = page.tables["Systems and baselines, means over queries"]
        assert [cell["text"] for cell in rows["BM25"][1:-1]] == ["–"] * 5
    if made is padded:
        assert "not in 100" in text
