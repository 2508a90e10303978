"""Recall by cutoff: one line a system over a logarithmic axis, with an HTML legend in the order of the lines."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from markupsafe import Markup

from app.report.figure import as_svg, canvas, style
from app.report.numbers import number
from app.report.reading import comparable
from app.report.series import Look
from retrieval.evaluation.results import SystemResult

WIDTH, HEIGHT = 560, 400
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """One line of a legend: a sample of the line, the system, and where its line ends."""

    sample: Markup
    name: str
    value: str
    baseline: bool


def recall_curves(systems: Sequence[SystemResult], looks: Mapping[str, Look]) -> Markup | None:
    """Draw mean recall at every cutoff; None where no system has a curve."""
    drawn = [each for each in systems if each.curve.size and np.isfinite(each.curve).any()]
    if not drawn:
        return None
    depth = max(each.curve.size for each in drawn)
    ticks = [each for each in TICKS if each <= depth]
    with style():
        figure, axes = canvas(WIDTH, HEIGHT, left=46, bottom=40, right=14, top=12)
        axes.grid(True)
        axes.set_axisbelow(True)
        # Baselines first, so that the lines the report is about lie on top.
        for system in sorted(drawn, key=lambda each: not looks[each.name].hollow):
            look = looks[system.name]
            cutoffs = np.arange(1, system.curve.size + 1)
            marked = [place - 1 for place in ticks if place <= system.curve.size]
            dashes = (0, look.dashes) if look.dashes else "-"
            axes.plot(
                cutoffs,
                system.curve,
                color=look.colour,
                linestyle=dashes,
                linewidth=1.4 if look.hollow else 2.0,
                marker=look.marker,
                markersize=5,
                markevery=marked,
                markerfacecolor="none" if look.hollow else look.colour,
                markeredgecolor=look.colour,
            )
        axes.set_xscale("log")
        axes.set_xlim(0.93, max(depth, 2) * 1.07)
        axes.set_ylim(0, _top(drawn))
        axes.set_xticks(ticks, [str(each) for each in ticks])
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _: short_rate(value))
        axes.tick_params(length=0)
        axes.set_xlabel("cutoff k")
        axes.spines["left"].set_visible(False)
        return as_svg(figure, "curves", "Recall by cutoff", _described(drawn))


def legend(systems: Sequence[SystemResult], looks: Mapping[str, Look]) -> list[LegendEntry]:
    """Return the legend, the best recall at the deepest cutoff first."""

    def end(system: SystemResult) -> float:
        return float(system.curve[-1]) if system.curve.size and math.isfinite(system.curve[-1]) else math.nan

    ordered = sorted(systems, key=lambda each: -math.inf if math.isnan(end(each)) else end(each), reverse=True)
    return [
        LegendEntry(sample(looks[each.name]), each.name, number(end(each)), looks[each.name].hollow) for each in ordered
    ]


@lru_cache(maxsize=256)
def sample(look: Look) -> Markup:
    """Draw a short piece of a system's line with its marker; without ids, as it stands in several keys."""
    with style():
        figure, axes = canvas(38, 14, left=0, bottom=0, right=0, top=0)
        axes.set_axis_off()
        axes.set_xlim(0, 38)
        axes.set_ylim(0, 14)
        dashes = (0, look.dashes) if look.dashes else "-"
        face = "none" if look.hollow else look.colour
        axes.plot([1, 37], [7, 7], color=look.colour, linestyle=dashes, linewidth=2, clip_on=False)
        axes.plot([19], [7], color=look.colour, marker=look.marker, markersize=6, markerfacecolor=face, clip_on=False)
        drawing = str(as_svg(figure, "key", "", ""))
    inside = drawing[drawing.index("</desc>") + len("</desc>") : -len("</svg>")]
    shape = re.search(r'<path id="[^"]*" d="([^"]*)"', inside)
    assert shape is not None
    inside = re.sub(r"<defs>.*?</defs>", "", inside)
    inside = re.sub(
        r'<use href="[^"]*" x="([^"]*)" y="([^"]*)"', rf'<path d="{shape[1]}" transform="translate(\1 \2)"', inside
    )
    # The name stands beside it: to a screen reader the sample says nothing.
    frame = '<svg class="sample" viewBox="0 0 38 14" width="38" height="14" aria-hidden="true">'
    return Markup(f"{frame}{inside}</svg>")  # noqa: S704 - nothing in it is anybody's text


def short_rate(value: float) -> str:
    """Return a rate for an axis: as few digits as it has, without the leading zero."""
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return text.replace("-", "−").replace("0.", ".", 1) if text not in ("-0", "") else "0"


def off_scale(systems: Sequence[SystemResult]) -> list[str]:
    """Return the names of the systems whose line leaves the figure at the top."""
    drawn = [each for each in systems if each.curve.size and np.isfinite(each.curve).any()]
    return [each.name for each in drawn if np.nanmax(each.curve) > _top(drawn)]


def _top(drawn: Sequence[SystemResult]) -> float:
    """Return where the axis of recall ends: a baseline that plays by other rules must not flatten all others."""
    fair = max(float(np.nanmax(each.curve)) for each in comparable(drawn))
    highest = max(float(np.nanmax(each.curve)) for each in drawn)
    return max((highest if highest < 1.5 * fair else 1.25 * fair) * 1.04, 1e-4)


def _described(drawn: Sequence[SystemResult]) -> str:
    ends = ", ".join(f"{each.name} {number(float(each.curve[-1]))} at {each.curve.size}" for each in drawn)
    return f"Mean recall over the queries by cutoff, one line a system: {ends}."
