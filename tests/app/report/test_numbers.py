from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.report.numbers import half_width, interval, number, p_value, seconds
from retrieval.evaluation.results import Estimate


@pytest.mark.parametrize(
    ("value", "rate", "written"),
    [
        (0.0492, True, ".0492"),
        (0.04925001, True, ".0493"),
        (1.0, True, "1.0000"),
        (0.99996, True, "1.0000"),
        (0.0, True, ".0000"),
        (-0.0102, True, "−.0102"),
        (-0.00001, True, ".0000"),
        (1.2, False, "1.20"),
        (12.345, False, "12.3"),
        (9.996, False, "10.0"),
        (999.6, False, "1,000"),
        (123_456.0, False, "123,456"),
        (0.8316, False, ".832"),
        (0.0123456, False, ".0123"),
        (-2.5, False, "−2.50"),
        (0.0, False, "0"),
        (0.0000123, False, "1.23e-05"),
        (None, True, "–"),
        (math.nan, False, "–"),
        (math.inf, True, "–"),
    ],
)
def test_numbers_as_people_read_them(value, rate, written):
    assert number(value, rate) == written


@given(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-4))
def test_a_written_number_reads_back_within_its_digits(value):
    read = float(number(value, rate=False).replace("−", "-").replace(",", ""))
    # Three digits that count; from 1,000 on all digits before the point are written.
    assert abs(read - value) <= abs(value) * 0.0051
    assert abs(float(number(value).replace("−", "-")) - value) <= 0.00005 * 1.0001


def test_intervals():
    assert interval(Estimate(0.05, 0.0431, 0.0553)) == "[.0431, .0553]"
    assert half_width(Estimate(0.05, 0.0431, 0.0553)) == "±.0061"  # (.0553 - .0431) / 2
    for missing in (Estimate(0.05), Estimate(0.05, None, 0.1), Estimate(math.nan, math.nan, math.nan)):
        assert interval(missing) == half_width(missing) == ""


def test_p_values_and_durations():
    assert [p_value(p) for p in (1.0, 0.0123, 1 / 1001, 0.0001, math.nan)] == [
        "p = 1.000",
        "p = .012",
        "p ≤ .002",
        "p ≤ .002",
        "p –",
    ]
    assert [seconds(s) for s in (3.21, 59.9, 250.0, math.nan)] == ["3.2 s", "59.9 s", "4 min 10 s", "–"]
