"""All figures of an evaluation, each with what must be said beside it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report.cells import Table, slice_table
from app.report.curves import sample
from app.report.dots import DotPlot, Row, dot_plot
from app.report.figure import PALETTE
from app.report.glossary import measure, slice_meaning
from app.report.histograms import histogram, separation
from app.report.numbers import count, number
from app.report.reading import FEW, Family, comparable, is_baseline
from app.report.series import Look
from retrieval.evaluation.results import Evaluation, SliceRow, SystemResult

MOST_SERIES = 8
MOST_ROWS = 14


@dataclass(frozen=True, slots=True)
class SlicePlot:
    """One group of slices: a figure, the systems in it, the same in numbers for all systems."""

    group: str
    meaning: str
    figure: Markup | None
    legend: Sequence[tuple[Markup, str]]
    remarks: Sequence[str]
    table: Table


@dataclass(frozen=True, slots=True)
class ScorePlot:
    """The scores of one system, and how well they tell relevant pairs from random ones."""

    name: str
    figure: Markup
    separation: str


def slice_plots(evaluation: Evaluation, looks: Mapping[str, Look], metric: str) -> list[SlicePlot]:
    """Draw one metric over every group of slices, in the order the groups are first met.

    Where a group was measured otherwise (parts of the right answers have recall alone), its first metric is drawn.
    """
    plots = []
    shown = _series(evaluation.systems, metric)
    wanted = metric
    for place, (group, names) in enumerate(_groups(evaluation).items()):
        metric = _measured(evaluation, group, wanted)
        found = {
            name: {each.name: row for each in evaluation.systems if (row := _row(each, group, name)) is not None}
            for name in names
        }
        sizes = {name: max(row.queries for row in rows.values()) for name, rows in found.items()}
        filled = [name for name in names if sizes[name]]
        kept = filled if len(filled) <= MOST_ROWS else sorted(filled, key=lambda each: -sizes[each])[:MOST_ROWS]
        rows = [
            Row(
                name=name,
                note=f"n = {count(sizes[name])}" + (", few" if sizes[name] < FEW else ""),
                faint=sizes[name] < FEW,
                values={each: row.metrics[metric] for each, row in found[name].items() if metric in row.metrics},
            )
            for name in kept
        ]
        figure = dot_plot(
            DotPlot(f"slice-{place}", f"{metric} by {group}", metric, measure(metric).rate, rows, _some(looks, shown))
        )
        remarks = []
        if len(kept) == 1 and _is_everything(evaluation.systems, found[kept[0]], metric):
            remarks.append(f"All {count(sizes[kept[0]])} queries are in “{kept[0]}”: there is nothing to tell apart.")
            figure = None
        elif figure is None:
            remarks.append("No query has a value here.")
        elif len(kept) < len(filled):
            remarks.append(f"The {len(kept)} largest of {len(filled)}; all are in the table.")
        if figure is not None and any(row.faint for row in rows):
            remarks.append(f"Pale: fewer than {FEW} queries.")
        plots.append(
            SlicePlot(
                group,
                slice_meaning(group),
                figure,
                [(sample(looks[each]), each) for each in shown],
                remarks,
                slice_table(evaluation.systems, group, metric, names, FEW),
            )
        )
    return plots


def ablation_plot(families: Sequence[Family], metric: str) -> Markup | None:
    """Draw what each encoder reaches with text, with pictures, and with both."""
    looks = {
        "text": Look(PALETTE[0], "s", (), False),
        "image": Look(PALETTE[1], "^", (), False),
        "both": Look(PALETTE[2], "o", (), False),
    }
    rows = [
        Row(
            family.name,
            "",
            False,
            {reads: each.metrics[metric] for reads, each in family.readings.items() if metric in each.metrics},
        )
        for family in families
    ]
    return dot_plot(DotPlot("ablation", f"{metric} by what is read", metric, measure(metric).rate, rows, looks))


def ablation_legend() -> list[tuple[Markup, str]]:
    """Return the legend of the ablation's figure."""
    looks = (("text", PALETTE[0], "s"), ("image", PALETTE[1], "^"), ("both", PALETTE[2], "o"))
    return [(sample(Look(colour, marker, (), False)), name) for name, colour, marker in looks]


def score_plots(evaluation: Evaluation, looks: Mapping[str, Look]) -> list[ScorePlot]:
    """Draw the score distributions of all systems that have them."""
    return [
        ScorePlot(
            each.name,
            histogram(each.histogram, looks[each.name], place, each.name),
            number(separation(each.histogram), rate=False),
        )
        for place, each in enumerate(evaluation.systems)
        if each.histogram is not None and each.histogram.edges.size > 1
    ]


def _groups(evaluation: Evaluation) -> dict[str, list[str]]:
    """Return the names of slices by group, in the order they are first met."""
    groups: dict[str, list[str]] = {}
    for system in evaluation.systems:
        for row in system.slices:
            names = groups.setdefault(row.group, [])
            if row.name not in names:
                names.append(row.name)
    return groups


def _measured(evaluation: Evaluation, group: str, wanted: str) -> str:
    rows = [row for each in evaluation.systems for row in each.slices if row.group == group]
    return wanted if any(wanted in row.metrics for row in rows) else next(iter(rows[0].metrics), wanted)


def _row(system: SystemResult, group: str, name: str) -> SliceRow | None:
    return next((each for each in system.slices if (each.group, each.name) == (group, name)), None)


def _is_everything(systems: Sequence[SystemResult], rows: Mapping[str, SliceRow], metric: str) -> bool:
    """Whether a slice says of every system what its mean says."""
    return all(
        each.name in rows
        and metric in rows[each.name].metrics
        and metric in each.metrics
        and number(rows[each.name].metrics[metric].value) == number(each.metrics[metric].value)
        for each in systems
        if each.slices
    )


def _series(systems: Sequence[SystemResult], metric: str) -> list[str]:
    """Choose the systems to be drawn, as many as a row can hold apart.

    Those that are no baselines come first, then the best baselines; ceilings would stretch the scale for all others.
    """

    def key(system: SystemResult) -> tuple[bool, float]:
        value = system.metrics[metric].value if metric in system.metrics else math.nan
        return is_baseline(system), -value if is_baseline(system) and math.isfinite(value) else -math.inf

    chosen = sorted((each for each in comparable(systems) if each.slices), key=key)[:MOST_SERIES]
    names = {each.name for each in chosen}
    return [each.name for each in systems if each.name in names]


def _some(looks: Mapping[str, Look], names: Sequence[str]) -> dict[str, Look]:
    return {name: looks[name] for name in names}
