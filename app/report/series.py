"""How each system is drawn: a colour where it is no baseline, and a marker and a line style of its own anyway."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.report.figure import GREY, PALETTE
from app.report.reading import is_baseline
from retrieval.evaluation.results import SystemResult

Dashes = tuple[float, ...]

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h", "p")
DASHES: tuple[Dashes, ...] = ((), (6, 2), (2, 1.5), (7, 2, 1.5, 2), (10, 3), (4, 1.5, 1.5, 1.5, 1.5, 1.5))


@dataclass(frozen=True, slots=True)
class Look:
    """A colour of the page (a stand-in, see figure.py), a marker of matplotlib's, dashes in points; () is solid."""

    colour: str
    marker: str
    dashes: Dashes
    hollow: bool


def looks(systems: Sequence[SystemResult]) -> dict[str, Look]:
    """Give each system its look by name: colours of Okabe & Ito in order, baselines grey with hollow markers.

    Colours come round again after the palette's end, markers and dashes at other steps, so no two looks are equal
    for the first 66 systems of a sort.
    """
    found: dict[str, Look] = {}
    counts = [0, 0]
    for system in systems:
        grey = is_baseline(system)
        place = counts[grey]
        counts[grey] += 1
        # Baselines begin dashed: the solid lines are those that the report is about.
        dashes = DASHES[(place + 1) % len(DASHES)] if grey else DASHES[(place // len(PALETTE) + place) % len(DASHES)]
        colour = GREY if grey else PALETTE[place % len(PALETTE)]
        found[system.name] = Look(colour, MARKERS[place % len(MARKERS)], dashes, grey)
    return found
