from __future__ import annotations

from dataclasses import replace

import pytest

from app.report.glossary import definitions, measure, slice_meaning
from app.report.reading import baselines_last, best_of, families, main_system, outcome, primary_metric, verdict
from retrieval.evaluation.results import Comparison, Estimate


def comparison(value, low, high, p, metric="nDCG@10", ratio=(1.2, 1.11, 1.3)) -> Comparison:
    return Comparison("A", "B", metric, Estimate(value, low, high), Estimate(*ratio), p)


def test_verdicts_say_who_beats_whom_and_by_how_much():
    assert verdict(comparison(0.0102, 0.0061, 0.0143, 0.001)).text == (
        "A beats B on nDCG@10 by .0102 [.0061, .0143], 1.20 × [1.11, 1.30], p ≤ .002"
    )
    # The size of a loss is positive, and so its interval is mirrored.
    assert verdict(comparison(-0.0102, -0.0143, -0.0061, 0.02, ratio=(0.8, 0.7, 0.9))).text == (
        "A falls short of B on nDCG@10 by .0102 [.0061, .0143], .800 × [.700, .900], p = .020"
    )
    assert verdict(comparison(-0.0003, -0.0017, 0.0011, 0.6, ratio=(0.99, 0.9, 1.08))).text == (
        "A and B cannot be told apart on nDCG@10: difference −.0003 [−.0017, .0011], .990 × [.900, 1.08], p = .600"
    )
    assert verdict(comparison(0.0622, 0.05, 0.07, 0.002, ratio=(float("nan"), None, None))).text == (
        "A beats B on nDCG@10 by .0622 [.0500, .0700], p ≤ .002"
    )


@pytest.mark.parametrize(
    ("value", "low", "high", "p", "metric", "found"),
    [
        (0.1, 0.05, 0.15, 0.01, "R@10", "better"),
        (0.1, 0.05, 0.15, 0.2, "R@10", "undecided"),
        (0.1, -0.01, 0.2, 0.01, "R@10", "undecided"),
        (0.1, 0.0, 0.2, 0.01, "R@10", "undecided"),
        (0.1, None, None, 0.01, "R@10", "better"),
        (-0.1, -0.15, -0.05, 0.01, "R@10", "worse"),
        (-0.1, -0.15, -0.05, 0.01, "Gini@10", "better"),
        (0.1, 0.05, 0.15, 0.01, "Gini@10", "worse"),
    ],
)
def test_outcomes_need_the_interval_and_p_and_know_the_direction(value, low, high, p, metric, found):
    assert outcome(comparison(value, low, high, p, metric)) == found


def test_the_best_is_among_those_that_can_be_compared(evaluation):
    systems = evaluation.systems
    values = {each.name: value for each, value in zip(systems, (0.1, 0.2, 0.2, 0.1, 0.0, 0.15, 0.9), strict=True)}
    found = best_of(systems, "R@10", lambda each: values[each.name])
    assert found == {systems[1].name, systems[2].name}, "equal as written; co-occurrence left out"
    assert best_of(systems, "Gini@10", lambda each: values[each.name]) == {"random"}
    assert best_of(systems[:1], "R@10", lambda each: 0.5) == set()
    values["tower (both)"] = float("nan")
    assert best_of(systems, "R@10", lambda each: values[each.name]) == {systems[1].name}


def test_the_main_system_and_the_families(evaluation):
    assert main_system(evaluation).name == "tower (text)"
    assert main_system(replace(evaluation, systems=evaluation.systems[4:])).name == "random"
    assert main_system(replace(evaluation, systems=evaluation.systems[5:0:-1])).name == evaluation.systems[3].name
    assert main_system(replace(evaluation, systems=())) is None
    assert primary_metric(evaluation) == "nDCG@10"
    (family,) = families(replace(evaluation, systems=evaluation.systems[::-1]))
    assert family.name == "tower"
    assert [(reads, each.name) for reads, each in family.readings.items()] == [
        ("text", "tower (text)"),
        ("image", "tower (image)"),
        ("both", "tower (both)"),
    ]


def test_baselines_stand_last(evaluation):
    names = [each.name for each in evaluation.systems[::-1]]
    found = baselines_last(replace(evaluation, systems=evaluation.systems[::-1]))
    assert [each.name for each in found.systems] == names[3:] + names[:3]


def test_metrics_are_known_by_their_names():
    assert measure("R@10").meaning.endswith("among its first 10 answers.")
    assert (measure("Gini@10").better, measure("novelty@10").rate, measure("coverage@10").beyond) == (
        "lower",
        False,
        True,
    )
    assert (measure("R@10").beyond, measure("invented categories").better, measure("BLEU").rate) == (
        False,
        "lower",
        False,
    )
    assert measure("something new").meaning == ""
    merged = definitions(["R@10", "nDCG@10", "R@50", "R@10", "something new"])
    assert [each.name for each in merged] == ["R@10, R@50", "nDCG@10"]
    assert merged[0].meaning.endswith("among its first k answers.")
    assert "training" in slice_meaning("Temperature")
    assert slice_meaning("moon") == ""
