"""How a system scores relevant pairs against random ones."""

import numpy as np
from markupsafe import Markup

from app.report.figure import FAINT, INK, as_svg, canvas, style
from app.report.numbers import number
from app.report.series import Look
from retrieval.evaluation.results import ScoreHistogram

WIDTH, HEIGHT = 300, 150


def histogram(found: ScoreHistogram, look: Look, place: int, name: str) -> Markup:
    """Draw both distributions over the score: random pairs as a grey area, relevant ones in the system's colour.

    Those of baselines, which are grey elsewhere, are drawn in black here.
    """
    colour = INK if look.hollow else look.colour
    with style():
        figure, axes = canvas(WIDTH, HEIGHT, left=8, bottom=24, right=8, top=6)
        axes.stairs(found.random, found.edges, color=FAINT, fill=True, alpha=0.28, linewidth=0)
        axes.stairs(found.random, found.edges, color=FAINT, linewidth=1.0, linestyle=(0, (3, 1.5)))
        axes.stairs(found.relevant, found.edges, color=colour, fill=True, alpha=0.22, linewidth=0)
        axes.stairs(found.relevant, found.edges, color=colour, linewidth=1.8)
        axes.set_xlim(*_shown(found))
        axes.set_ylim(bottom=0)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=5)
        axes.tick_params(length=0)
        axes.spines["left"].set_visible(False)
        chance = number(separation(found), rate=False)
        described = (
            f"Distribution of the scores of {name}. Probability that a relevant pair scores higher than a random one: "
            f"{chance}."
        )
        return as_svg(figure, f"scores-{place}", f"Scores of {name}", described)


def separation(found: ScoreHistogram) -> float:
    """Return the probability that a relevant pair scores higher than a random one, as far as the bins tell.

    Pairs of one bin count half: this is the area under the ROC curve of the binned scores. NaN where a side is empty.
    """
    relevant, random = found.relevant, found.random
    total = float(relevant.sum() * random.sum())
    if not total > 0:
        return float("nan")
    below = np.concatenate([[0.0], np.cumsum(random)[:-1]])
    return float((relevant * (below + random / 2)).sum() / total)


def _shown(found: ScoreHistogram) -> tuple[float, float]:
    """Return the scores to be shown: from the first to the last bin that is not all but empty."""
    filled = np.flatnonzero(np.maximum(found.relevant, found.random) > 0.001)
    if not filled.size:
        return float(found.edges[0]), float(found.edges[-1])
    return float(found.edges[filled[0]]), float(found.edges[filled[-1] + 1])
