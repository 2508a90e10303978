"""Values with their intervals as dots in rows: slices of queries, or the readings of encoders."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from app.report.curves import short_rate
from app.report.figure import FAINT, FONT, INK, RULE, as_svg, canvas, clip, stand_in, style, text_width
from app.report.numbers import number
from app.report.series import Look
from retrieval.evaluation.results import Estimate

WIDTH = 560
MOST_LABEL = 190.0
ON_A_PHONE = 1.3  # text is set larger where the figure is shrunk: labels leave room for that
STEP = 10.0  # pixels between two systems of a row


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, what stands under it, whether little is behind it, and values by series."""

    name: str
    note: str
    faint: bool
    values: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class DotPlot:
    """Rows of dots with intervals; name must be distinct within the page."""

    name: str
    title: str
    metric: str
    rate: bool
    rows: Sequence[Row]
    looks: Mapping[str, Look]


def dot_plot(plot: DotPlot) -> Markup | None:
    """Draw a dot and its interval for each series in each row; None where there is nothing to draw."""
    if not _drawn(plot, plot.rows):
        return None
    height_of_row = max(34.0, len(plot.looks) * STEP + 14)
    widest = max(text_width(text) for row in plot.rows for text in (row.name, row.note))
    label = min(MOST_LABEL, 14 + ON_A_PHONE * widest)
    texts: list[str] = []

    def written(text: str) -> str:
        texts.append(text)
        return stand_in(len(texts) - 1)

    with style():
        below, above = 40, 6
        height = below + above + height_of_row * len(plot.rows)
        figure, axes = canvas(WIDTH, height, left=label, bottom=below, right=16, top=above)
        axes.set_ylim(height_of_row * len(plot.rows), 0)
        axes.set_xlim(0, _furthest(plot))
        axes.grid(True, axis="x")
        axes.set_axisbelow(True)
        for place, row in enumerate(plot.rows):
            middle = (place + 0.5) * height_of_row
            if place:
                axes.axhline(place * height_of_row, color=RULE, linewidth=0.7)
            edge = axes.get_yaxis_transform()
            axes.text(
                -10 / (WIDTH - label - 16),
                middle - 1,
                written(clip(row.name, (label - 12) / ON_A_PHONE)),
                ha="right",
                va="baseline",
                transform=edge,
                color=FAINT if row.faint else INK,
            )
            axes.text(
                -10 / (WIDTH - label - 16),
                middle + FONT + 1,
                written(row.note),
                ha="right",
                va="baseline",
                fontsize=FONT - 1.5,
                color=FAINT,
                transform=edge,
            )
            for step, (name, look) in enumerate(plot.looks.items()):
                estimate = row.values.get(name)
                if estimate is None or not math.isfinite(estimate.value):
                    continue
                y = middle + (step - (len(plot.looks) - 1) / 2) * STEP
                alpha = 0.45 if row.faint else 1.0
                if estimate.low is not None and estimate.high is not None:
                    axes.plot([estimate.low, estimate.high], [y, y], color=look.colour, linewidth=1.5, alpha=alpha)
                axes.plot(
                    [estimate.value],
                    [y],
                    color=look.colour,
                    marker=look.marker,
                    markersize=5.5,
                    markerfacecolor="none" if look.hollow else look.colour,
                    linestyle="none",
                    alpha=alpha,
                    clip_on=False,  # a dot at 0 is whole
                )
        axes.set_yticks([])
        axes.xaxis.set_major_formatter(lambda value, _: short_rate(value) if plot.rate else f"{value:g}")
        axes.tick_params(length=0)
        axes.set_xlabel(written(plot.metric))
        axes.spines["left"].set_visible(False)
        return as_svg(figure, plot.name, plot.title, _described(plot), tuple(texts))


def _drawn(plot: DotPlot, rows: Sequence[Row]) -> list[Estimate]:
    found = [row.values[name] for row in rows for name in plot.looks if name in row.values]
    return [each for each in found if math.isfinite(each.value)]


def _furthest(plot: DotPlot) -> float:
    """Return where the axis ends: beyond every value, and beyond the intervals of rows with something behind them."""
    sure = _drawn(plot, [row for row in plot.rows if not row.faint])
    ends = [each.value for each in _drawn(plot, plot.rows)]
    ends += [each.high for each in sure if each.high is not None and math.isfinite(each.high)]
    return max(max(ends) * 1.03, 1e-4)


def _described(plot: DotPlot) -> str:
    rows = (
        f"{row.name} ({row.note}): "
        + ", ".join(f"{name} {number(row.values[name].value, plot.rate)}" for name in plot.looks if name in row.values)
        for row in plot.rows
    )
    return f"{plot.metric} by row. " + "; ".join(rows) + "."
