"""Figures show the numbers: coordinates in the drawing are read back and held against the evaluation."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.report import curves, dots
from app.report.curves import legend, off_scale, recall_curves, short_rate
from app.report.dots import DotPlot, Row, dot_plot
from app.report.figure import PALETTE, clip, text_width
from app.report.histograms import separation
from app.report.series import Look, looks
from retrieval.evaluation.results import Estimate, ScoreHistogram

NUMBER = r"-?\d+(?:\.\d+)?"


def ticks(svg: str) -> list[tuple[float, float, str]]:
    """Where numbers stand in a drawing, as (x, y, text)."""
    found = re.findall(rf'<text[^>]* x="({NUMBER})" y="({NUMBER})"[^>]*>([^<]*)</text>', svg)
    return [(float(x), float(y), text) for x, y, text in found]


def test_curves_pass_through_the_recall_of_every_cutoff(evaluation):
    systems = evaluation.systems[:2]
    svg = str(recall_curves(systems, looks(systems)))
    assert off_scale(systems) == []
    top = max(each.curve.max() for each in systems) * 1.04
    height = curves.HEIGHT - 40 - 12
    for place, system in enumerate(systems, start=1):
        (path,) = re.findall(rf'<path d="([^"]*)"[^>]*stroke: var\(--s{place}\)[^>]*stroke-width: 2[^.\d]', svg)
        y = [float(each) for each in re.findall(rf"[ML] {NUMBER} ({NUMBER})", path)]
        # Matplotlib joins steps that lie on one line; ends are always there.
        expected = 12 + height * (1 - system.curve / top)
        assert y[0] == pytest.approx(expected[0], abs=0.06)
        assert y[-1] == pytest.approx(expected[-1], abs=0.06)
        assert all(np.abs(expected - each).min() < 0.6 for each in y)
    assert [text for _, _, text in ticks(svg)][:7] == ["1", "2", "5", "10", "20", "50", "100"]
    rates = [(y, float(f"0{text}")) for _, y, text in ticks(svg) if re.fullmatch(r"\.\d+", text)]
    slopes = [(b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(rates)]
    assert np.allclose(slopes, -height / top, rtol=0.02), "what the axis says is where it says it"


def test_a_baseline_that_plays_by_other_rules_does_not_flatten_the_rest(evaluation):
    assert off_scale(evaluation.systems) == []
    apart = [each if each.remark else replace(each, curve=each.curve / 4) for each in evaluation.systems]
    assert off_scale(apart) == ["co-occurrence"]
    labels = [float(f"0{text}") for _, _, text in ticks(str(recall_curves(apart, looks(apart)))) if text[0] == "."]
    assert max(labels) < 0.35, "others reach 1 / 4; the axis ends at 1.25 × 1.04 of that"
    names = [each.name for each in legend(evaluation.systems, looks(evaluation.systems))]
    assert names == [each.name for each in sorted(evaluation.systems, key=lambda each: -each.curve[-1])]


def test_dots_and_intervals_stand_at_their_values():
    shown = {"a": Look(PALETTE[0], "o", (), False), "b": Look(PALETTE[1], "s", (), False)}
    rows = [
        Row("one", "n = 50", False, {"a": Estimate(0.2, 0.1, 0.4), "b": Estimate(0.3)}),
        Row("<b>二</b>", "n = 3, few", True, {"a": Estimate(0.35, 0.0, 0.9), "b": Estimate(float("nan"))}),
    ]
    svg = str(dot_plot(DotPlot("p", "title", "R@10", True, rows, shown)))
    labels = [text for _, _, text in ticks(svg)]
    assert "&lt;b&gt;二&lt;/b&gt;" in labels
    scale = [(x, float(f"0{text}")) for x, _, text in ticks(svg) if re.fullmatch(r"0|\.\d+", text)]
    (x0, v0), (x1, v1) = scale[0], scale[-1]

    def at(x: str) -> float:
        return v0 + (float(x) - x0) * (v1 - v0) / (x1 - x0)

    lines = re.findall(rf'd="M ({NUMBER}) {NUMBER} L ({NUMBER}) {NUMBER} "[^>]*stroke: var\(--s1\)', svg)
    assert tuple(map(at, lines[0])) == pytest.approx((0.1, 0.4), abs=0.002)
    points = [(name, at(x)) for x, name in re.findall(rf'<use [^>]*x="({NUMBER})"[^>]*stroke: var\(--(s\d)\)', svg)]
    assert [name for name, _ in points] == ["s1", "s2", "s1"], "NaN has no dot"
    assert [value for _, value in points] == pytest.approx([0.2, 0.3, 0.35], abs=0.002)
    assert max(v for _, v in scale) <= 0.42, "the axis ends with what can be trusted, not with a long interval of few"
    assert dot_plot(DotPlot("p", "", "R@10", True, [], shown)) is None


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_separation_is_the_chance_that_a_relevant_pair_scores_higher(counts):
    relevant, other = np.array(counts, dtype=float).T / 50
    found = ScoreHistogram(np.arange(len(counts) + 1.0), relevant, other)
    total = relevant.sum() * other.sum()
    if not total > 0:
        assert np.isnan(separation(found))
        return
    pairs = sum(
        r * o * (1 if i > j else 0.5 if i == j else 0) for i, r in enumerate(relevant) for j, o in enumerate(other)
    )
    assert separation(found) == pytest.approx(pairs / total)


def test_looks_differ_for_many_systems(evaluation):
    many = [replace(evaluation.systems[0], name=f"s{i}") for i in range(40)]
    many += [replace(evaluation.systems[4], name=f"b{i}") for i in range(12)]
    found = looks(many)
    assert len({(each.colour, each.marker, each.dashes) for each in found.values()}) == 52
    # Neighbours must not differ by colour alone.
    for a, b in pairwise(many):
        assert found[a.name].marker != found[b.name].marker or found[a.name].hollow != found[b.name].hollow


def test_axis_numbers_and_clipped_labels():
    assert [short_rate(v) for v in (0, 0.05, 0.025, 0.1, 1, 0.175, -0.0)] == [
        "0",
        ".05",
        ".025",
        ".1",
        "1",
        ".175",
        "0",
    ]
    assert clip("short", 100) == "short"
    cut = clip("电" * 50, 110)
    assert cut.endswith("…")
    assert text_width(cut) <= 110
    assert dots.WIDTH > dots.MOST_LABEL * 2
