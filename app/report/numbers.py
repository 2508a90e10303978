"""Numbers as people read them: rates with four digits (.0492), everything else with three that count."""

import math

from retrieval.evaluation.results import Estimate

MISSING = "–"
MINUS = "−"


def number(value: float | None, rate: bool = True) -> str:
    """Return a rate as `.0492`, another number with three significant digits; `–` for None, NaN and infinity.

    Numbers under 1 are written without their leading zero, thousands with a comma.
    """
    if value is None or not math.isfinite(value):
        return MISSING
    if rate:
        return _signed(f"{abs(value):.4f}", value)
    if value == 0:
        return "0"
    # The exponent after rounding, as 9.996 has three digits as 10.0.
    exponent = int(f"{abs(value):.2e}".split("e")[1])
    if exponent < -4:
        return _signed(f"{abs(value):.2e}", value)
    return _signed(f"{abs(value):,.{max(0, 2 - exponent)}f}", value)


def interval(estimate: Estimate, rate: bool = True) -> str:
    """Return `[.0431, .0553]`, or nothing where there is no interval."""
    if estimate.low is None or estimate.high is None or math.isnan(estimate.low + estimate.high):
        return ""
    return f"[{number(estimate.low, rate)}, {number(estimate.high, rate)}]"


def half_width(estimate: Estimate, rate: bool = True) -> str:
    """Return half of the interval's width as `±.0061`, or nothing where there is no interval."""
    if not interval(estimate):
        return ""
    assert estimate.low is not None
    assert estimate.high is not None
    return f"±{number((estimate.high - estimate.low) / 2, rate)}"


def p_value(p: float) -> str:
    """Return `p = .012`, or `p ≤ .002`, below which a bootstrap of 1,000 rounds cannot tell."""
    if not math.isfinite(p):
        return f"p {MISSING}"
    return "p ≤ .002" if p <= 0.002 else f"p = {_signed(f'{p:.3f}', p)}"


def count(value: int) -> str:
    """Return a count with commas between thousands."""
    return f"{value:,}"


def seconds(value: float) -> str:
    """Return a duration as `3.2 s` or `4 min 10 s`."""
    if not math.isfinite(value):
        return MISSING
    if value < 60:
        return f"{value:.1f} s"
    return f"{int(value // 60)} min {int(value % 60)} s"


def _signed(digits: str, value: float) -> str:
    """Drop the leading zero, and set a minus where something is left of the number."""
    shown = digits[1:] if digits.startswith("0.") else digits
    return MINUS + shown if value < 0 and any(digit in "123456789" for digit in shown) else shown
