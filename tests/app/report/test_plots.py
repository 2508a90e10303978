"""Which systems and which slices are drawn, and what is said of those that are not."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from app.report.plots import slice_plots
from app.report.series import looks
from app.report.write import report_html
from retrieval.evaluation.results import Estimate, SliceRow


def with_slices(evaluation, *rows: SliceRow, **by_name: tuple[SliceRow, ...]):
    """All systems with the same slices, or with their own where named."""
    systems = tuple(replace(each, slices=by_name.get(each.name, rows)) for each in evaluation.systems)
    return replace(evaluation, systems=systems)


def drawn(evaluation):
    return slice_plots(evaluation, looks(evaluation.systems), "nDCG@10")


def row(name: str, queries: int, group: str = "category", **metrics: float) -> SliceRow:
    return SliceRow(group, name, queries, {key.replace("_", "@"): Estimate(value) for key, value in metrics.items()})


def test_slices_of_few_queries_are_marked_and_empty_ones_not_drawn(evaluation):
    rows = (row("many", 20, nDCG_10=0.1), row("some", 19, nDCG_10=0.2), row("none", 0, nDCG_10=float("nan")))
    (plot,) = drawn(with_slices(evaluation, *rows))
    said = re.findall(r">(many|some|none|n = [^<]*)<", str(plot.figure))
    assert said == ["many", "n = 20", "some", "n = 19, few"]
    assert plot.remarks == ["Pale: fewer than 20 queries."]
    assert [(line.name, line.faint, line.remark) for line in plot.table.parts[0].lines] == [
        ("many", False, ""),
        ("some", True, "fewer than 20 queries"),
        ("none", True, "fewer than 20 queries"),
    ]


def test_a_slice_that_is_everything_is_said_not_drawn(evaluation):
    systems = tuple(
        replace(each, slices=(row("cold", 60, "temperature", nDCG_10=each.metrics["nDCG@10"].value),))
        for each in evaluation.systems
    )
    (plot,) = drawn(replace(evaluation, systems=systems))
    assert plot.figure is None
    assert plot.remarks == ["All 60 queries are in “cold”: there is nothing to tell apart."]
    (other,) = drawn(with_slices(evaluation, row("cold", 60, "answers' temperature", nDCG_10=0.9)))
    assert other.figure is not None


def test_what_was_measured_by_recall_alone_is_drawn_by_recall(evaluation):
    rows = (row("low", 30, "answers' exposure", R_10=0.1, R_50=0.2), row("high", 30, "answers' exposure", R_10=0.3))
    plots = drawn(with_slices(evaluation, row("a", 30, nDCG_10=0.1), row("b", 30, nDCG_10=0.3), *rows))
    assert [re.findall(r">(nDCG@10|R@10|R@50)<", str(each.figure)) for each in plots] == [["nDCG@10"], ["R@10"]]
    assert plots[1].table.caption == "R@10 by answers' exposure"
    assert "recall alone" in plots[1].meaning


def test_ceilings_are_in_the_table_only_and_many_systems_are_thinned(evaluation):
    rows = (row("a", 30, nDCG_10=0.1), row("b", 30, nDCG_10=0.3))
    (plot,) = drawn(with_slices(evaluation, *rows))
    names = [each.name for each in evaluation.systems]
    assert [name for _, name in plot.legend] == names[:-1]
    assert [each.name for each in plot.table.columns] == ["queries", *names]
    # Nine systems and a baseline: baselines give way, the better one last.
    many = tuple(replace(evaluation.systems[0], name=f"s{i}") for i in range(7)) + evaluation.systems[4:6]
    (plot,) = drawn(with_slices(replace(evaluation, systems=many), *rows))
    assert [name for _, name in plot.legend] == [*(f"s{i}" for i in range(7)), "BM25"]


def test_other_metrics_verdicts_are_folded_away(evaluation, notes_of):
    first = evaluation.comparisons[0]
    html = report_html(replace(evaluation, comparisons=(replace(first, metric="R@10"), first)), notes_of)
    shown, _, folded = html.partition("The same on other metrics")
    assert ("on nDCG@10" in shown, "on R@10" in shown.partition("<main>")[2]) == (True, False)
    assert "on R@10" in folded.partition("</details>")[0]
    only = report_html(replace(evaluation, comparisons=(replace(first, metric="R@10"),)), notes_of)
    assert "The same on other metrics" not in only
    assert "on R@10" in only


@pytest.mark.parametrize("count", [14, 15])
def test_the_largest_of_many_slices_are_drawn(evaluation, count):
    rows = [row(f"c{i}", 100 + i, nDCG_10=0.1) for i in range(count)]
    (plot,) = drawn(with_slices(evaluation, *rows))
    names = re.findall(r">(c\d+)<", str(plot.figure))
    assert len(names) == 14
    assert ("c0" in names) == (count == 14)
    assert plot.remarks == ([] if count == 14 else ["The 14 largest of 15; all are in the table."])
    assert len(plot.table.parts[0].lines) == count
