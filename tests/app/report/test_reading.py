from __future__ import annotations

from dataclasses import replace

import pytest

from app.report.glossary import definitions, measure, slice_meaning
from app.report.reading import best_of, families, main_system, outcome, primary_metric, told_apart, verdict
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


@pytest.mark.parametrize(
    "names",
    [
        ("m, text only", "m, image only", "m"),
        ("m text", "m image", "m both"),
        ("m/text", "m/image", "m/both"),
        ("m [text]", "m [image]", "m [both]"),
    ],
)
def test_families_are_found_however_readings_are_written(evaluation, names):
    renamed = tuple(replace(each, name=name) for each, name in zip(evaluation.systems[:3], names, strict=True))
    (family,) = families(replace(evaluation, systems=renamed))
    assert (family.name, set(family.readings)) == ("m", {"text", "image", "both"})


def test_readings_of_one_name_are_told_apart(evaluation):
    systems = [replace(each, name="m") for each in evaluation.systems[:3]]
    systems += [replace(evaluation.systems[3], name="m"), evaluation.systems[5]]
    found = told_apart(
        replace(
            evaluation,
            systems=(systems[2], *systems[:2], *systems[3:]),
            comparisons=(Comparison("m", "BM25", "R@10", Estimate(0), Estimate(1), 1),),
        )
    )
    assert [(each.name, each.reads) for each in found.systems] == [
        ("m", "both"),
        ("m (text)", "text"),
        ("m (image)", "image"),
        ("m (2)", "both"),
        ("BM25", ""),
    ]
    assert (found.comparisons[0].a, found.comparisons[0].b) == ("m", "BM25")
    text_first = told_apart(replace(evaluation, systems=tuple(systems[:2]), comparisons=found.comparisons))
    assert text_first.comparisons[0].a == "m (text)", "it is the main system, which comparisons are of"
    main, text, both = (
        replace(each, name=name)
        for each, name in zip((systems[2], systems[0], systems[2]), ("main", "m", "m"), strict=True)
    )
    against = (Comparison("main", "m", "R@10", Estimate(0), Estimate(1), 1),)
    other = told_apart(replace(evaluation, systems=(main, text, both), comparisons=against))
    assert [each.name for each in other.systems] == ["main", "m (text)", "m"]
    assert other.comparisons[0].b == "m", "what is compared reads what the main system reads"
    reverse = told_apart(replace(evaluation, systems=evaluation.systems[::-1]))
    names = [each.name for each in evaluation.systems[::-1]]
    assert [each.name for each in reverse.systems] == names[3:] + names[:3], "baselines last"


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
