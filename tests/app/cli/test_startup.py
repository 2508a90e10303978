"""What needs no encoder must not wait for one to be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HEAVY = ["torch", "transformers", "streamlit", "open_clip", "sentence_transformers", "pandas", "torchvision"]
CODE = f"""
import sys
from app.cli import main
try:
    main()
finally:
    sys.stderr.write("HEAVY " + " ".join(sorted(set({HEAVY}) & set(sys.modules))) + "\\n")
"""


def heavy_after(*arguments):
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return done.stderr.splitlines()[-1].split(" ")[1:]


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["query", "{index}", "--id", "ramen"],
        ["query", "{index}", "--id", "ramen", "--json"],
        ["show", "{index}", "ramen"],
        ["info", "{index}"],
        ["check", "{corpus}"],
    ],
    ids=" ".join,
)
def test_it_imports_nothing_heavy(shop, words):
    assert heavy_after(*(word.format(index=shop.index, corpus=shop.corpus) for word in words)) == [""]


def test_a_query_by_text_does_import_torch(shop):
    """The test above can fail."""
    assert heavy_after("query", shop.index, "--text", "ramen") == ["torch"]
