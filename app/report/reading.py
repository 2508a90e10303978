"""How results are read: which systems are baselines, which is the main one, what beats what, which number is best."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from app.report.glossary import measure
from app.report.numbers import interval, number, p_value
from retrieval.evaluation.results import Comparison, Estimate, Evaluation, SystemResult

PRIMARY = "nDCG@10"
READS = ("text", "image", "both")
SIGNIFICANT = 0.05
FEW = 20
"""Slices of fewer queries say little and are marked."""

Outcome = Literal["better", "worse", "undecided"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One comparison in a sentence."""

    outcome: Outcome
    text: str


@dataclass(frozen=True, slots=True)
class Family:
    """The readings of one encoder: {"text": ..., "image": ..., "both": ...}, those that were evaluated."""

    name: str
    readings: dict[str, SystemResult]


def is_baseline(system: SystemResult) -> bool:
    """Whether a system stands beside the others for comparison only."""
    return system.kind in ("baseline", "ceiling")


def baselines_last(evaluation: Evaluation) -> Evaluation:
    """Put baselines and ceilings behind the systems they stand beside; otherwise the order stays."""
    return replace(evaluation, systems=tuple(sorted(evaluation.systems, key=is_baseline)))


def main_system(evaluation: Evaluation) -> SystemResult | None:
    """Return the first system that is no baseline, or else the first; None where there is none."""
    return next((each for each in evaluation.systems if not is_baseline(each)), next(iter(evaluation.systems), None))


def primary_metric(evaluation: Evaluation) -> str | None:
    """Return nDCG@10 where it was measured, or else the first accuracy metric; None where there is none."""
    names = accuracy_metrics(evaluation)
    return PRIMARY if PRIMARY in names else next(iter(names), None)


def accuracy_metrics(evaluation: Evaluation) -> list[str]:
    """Return the metrics of right answers, in the order they were first reported."""
    return _names(name for system in evaluation.systems for name in system.metrics if not measure(name).beyond)


def beyond_metrics(evaluation: Evaluation) -> list[str]:
    """Return the figures of rankings beyond accuracy, whole lists' first."""
    whole = (name for system in evaluation.systems for name in system.lists)
    each = (name for system in evaluation.systems for name in system.metrics if measure(name).beyond)
    return _names([*whole, *each])


def beyond_value(system: SystemResult, name: str) -> Estimate:
    """Return a figure beyond accuracy, NaN where the system has none."""
    if name in system.lists:
        return Estimate(system.lists[name])
    return system.metrics.get(name, Estimate(math.nan))


def best_of(systems: Sequence[SystemResult], name: str, value: Callable[[SystemResult], float]) -> set[str]:
    """Return the names of the systems with the best value of a metric as it is written; none for fewer than two.

    Ceilings compete under other conditions and are left out.
    """
    metric = measure(name)
    if metric.better == "neither":
        return set()
    able = [each for each in comparable(systems) if not math.isnan(value(each))]
    if len(able) < 2:
        return set()
    best = (max if metric.better == "higher" else min)(map(value, able))
    return {each.name for each in able if number(value(each), metric.rate) == number(best, metric.rate)}


def comparable(systems: Sequence[SystemResult]) -> list[SystemResult]:
    """Return the systems that compete, and that figures are scaled for: all but ceilings, or all if none is left."""
    return [each for each in systems if each.kind != "ceiling"] or list(systems)


def outcome(comparison: Comparison) -> Outcome:
    """Say whether a is better than b: the interval of the difference leaves out 0, and p is under .05."""
    difference = comparison.difference
    low, high = difference.low, difference.high
    apart = low is None or high is None or low > 0 or high < 0
    if not (apart and comparison.p_value < SIGNIFICANT):
        return "undecided"
    return "better" if (difference.value > 0) == (measure(comparison.metric).better != "lower") else "worse"


def headline_comparisons(evaluation: Evaluation) -> tuple[list[Comparison], list[Comparison]]:
    """Return the comparisons on the main metric, all where there are none on it, and the others."""
    metric = primary_metric(evaluation)
    first = [each for each in evaluation.comparisons if each.metric == metric] or list(evaluation.comparisons)
    return first, [each for each in evaluation.comparisons if each not in first]


def verdict(comparison: Comparison) -> Verdict:
    """Put a comparison into one line; the difference is always a's value less b's."""
    a, b, metric = comparison.a, comparison.b, comparison.metric
    found = outcome(comparison)
    rate = measure(metric).rate
    difference = _with_interval(comparison.difference, rate)
    # There is no ratio to a baseline that finds nothing.
    times = f"{_with_interval(comparison.ratio, False, ' ×')}, " if math.isfinite(comparison.ratio.value) else ""
    among = "" if comparison.queries is None else f", on {comparison.queries:,} queries"
    facts = times + p_value(comparison.p_value) + among
    if found == "better":
        size = Estimate(abs(comparison.difference.value), *_ordered(comparison.difference))
        return Verdict(found, f"{a} beats {b} on {metric} by {_with_interval(size, rate)}, {facts}")
    if found == "worse":
        size = Estimate(abs(comparison.difference.value), *_ordered(comparison.difference))
        return Verdict(found, f"{a} falls short of {b} on {metric} by {_with_interval(size, rate)}, {facts}")
    return Verdict(found, f"{a} and {b} cannot be told apart on {metric}: difference {difference}, {facts}")


def families(evaluation: Evaluation) -> list[Family]:
    """Group the systems of one encoder by what they read, those with at least two readings."""
    found: dict[str, Family] = {}
    for system in evaluation.systems:
        if system.reads in READS:
            name = system.family or system.name
            found.setdefault(name, Family(name, {})).readings.setdefault(system.reads, system)
    return [
        Family(each.name, {reads: each.readings[reads] for reads in READS if reads in each.readings})
        for each in found.values()
        if len(each.readings) > 1
    ]


def _ordered(estimate: Estimate) -> tuple[float | None, float | None]:
    """Return the interval of a difference's size: mirrored where the difference is negative."""
    if estimate.low is None or estimate.high is None or estimate.value >= 0:
        return estimate.low, estimate.high
    return -estimate.high, -estimate.low


def _with_interval(estimate: Estimate, rate: bool, unit: str = "") -> str:
    return " ".join(filter(None, (number(estimate.value, rate) + unit, interval(estimate, rate))))


def _names(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
