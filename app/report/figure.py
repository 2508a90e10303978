"""Drawings that follow the page's colours: matplotlib writes stand-ins, the page's style says what they look like."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, RULE, PAPER, GREY = "#0a00f0", "#0a00f1", "#0a00f2", "#0a00f3", "#0a00f4"
PALETTE = tuple(f"#0a000{place}" for place in range(1, 8))
"""Stand-ins for the seven colours of Okabe & Ito (2008); the page has them for light and for dark."""

_VARIABLES = {INK: "ink", FAINT: "faint", RULE: "rule", PAPER: "paper", GREY: "grey"} | {
    colour: f"s{place}" for place, colour in enumerate(PALETTE, start=1)
}
FONT = 11.0


@contextmanager
def style() -> Iterator[None]:
    """Within this, figures are made as the report wants them: text as text, thin lines, stand-ins for colours."""
    import matplotlib

    with matplotlib.rc_context(
        {
            "svg.fonttype": "none",
            "svg.hashsalt": "notelens",
            "text.parse_math": False,
            "font.family": "DejaVu Sans",
            "font.size": FONT,
            "text.color": INK,
            "axes.edgecolor": RULE,
            "axes.labelcolor": FAINT,
            "axes.linewidth": 1.0,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.unicode_minus": True,
            "xtick.color": RULE,
            "ytick.color": RULE,
            "xtick.labelcolor": FAINT,
            "ytick.labelcolor": FAINT,
            "xtick.minor.visible": False,
            "grid.color": RULE,
            "grid.linewidth": 0.7,
            "lines.scale_dashes": False,
        }
    ):
        yield


def canvas(width: float, height: float, left: float, bottom: float, right: float, top: float) -> "tuple[Figure, Axes]":
    """Return a figure of so many CSS pixels with one pair of axes inside margins given in pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72))
    box = (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    return figure, figure.add_axes(box)


def as_svg(figure: "Figure", name: str, title: str, description: str, texts: tuple[str, ...] = ()) -> Markup:
    """Return a figure as an `<svg>` element for inside a page.

    name: distinct within the page, letters, digits and dashes; its ids begin with it. texts: what is written where
    the figure says `stand_in(i)`: text of people, in any script, which matplotlib's fonts may lack.
    """
    written = io.StringIO()
    figure.savefig(written, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return Markup(_inline(written.getvalue(), name, title, description, texts))  # noqa: S704 - texts are escaped below


def stand_in(place: int) -> str:
    """Return what a figure says in place of a text of people."""
    return f"@{place}@"


def _inline(svg: str, name: str, title: str, description: str, texts: tuple[str, ...]) -> str:
    view = re.search(r'viewBox="([^"]+)"', svg)
    assert view is not None
    body = svg[svg.index(">", view.end()) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", body, flags=re.S)
    body = re.sub(r"font-family: [^;\"]+;?\s*", "", body)
    body = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", body)
    # Coordinates need no more than hundredths of a pixel; what the figure says stays as it is.
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), body)
    body = re.sub(r"\s*\n\s*", " ", body)
    # Groups are named by matplotlib for editors; only what is referred to keeps its id, under the figure's name.
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'(\sid="|url\(#|href="#)', rf"\1{name}-", body).replace("xlink:href", "href")
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    body = re.sub(r"@(\d+)@", lambda found: str(escape(_printable(texts[int(found[1])]))), body)
    width = view[1].split()[2]
    return (
        f'<svg viewBox="{view[1]}" style="max-width:{width}px" role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>{body}</svg>'
    )


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def text_width(text: str) -> float:
    """Estimate a text's width in pixels at the figures' size; wide scripts take twice the room of Latin."""
    return sum(FONT if each >= "\u2e80" else FONT * 0.6 for each in text)


def clip(text: str, width: float) -> str:
    """Cut a text to about so many pixels, with … where something was cut."""
    if text_width(text) <= width:
        return text
    kept = text
    while kept and text_width(kept) > width - FONT:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"
