"""What outlives a click: the sample, the encoder that waits until it is needed, and many visitors at once."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import app
from app.browsing.engine import sample
from encoders.note import Note
from retrieval.retriever import Retriever

LOOK = """
import json, sys
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash
script, index, note_id = sys.argv[1:]
sys.argv = [script, index]
at = AppTest.from_file(script, default_timeout=120).run()
at._page_hash = calc_hash("note")
at.query_params["id"] = note_id
at.run()
shown = [element.value for element in at.main.text]
print(json.dumps({"errors": len(at.exception), "shown": shown[0], "torch": "torch" in sys.modules}))
"""


@pytest.fixture(scope="module")
def retriever(folder):
    with Retriever.open(folder, "float32") as opened:
        yield opened


def test_opening_notes_imports_no_torch(folder):
    script = Path(app.__file__).parent / "browser.py"
    command = [sys.executable, "-c", LOOK, str(script), str(folder), "boat-2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout) == {"errors": 0, "shown": "Boat on a sunday", "torch": False}


def test_a_sample_is_stable_spread_and_never_larger_than_the_index(retriever):
    first = [record.id for record in sample(retriever, 12, seed=0)]
    assert first == [record.id for record in sample(retriever, 12, seed=0)]
    assert len(set(first)) == 12
    assert first != [record.id for record in sample(retriever, 12, seed=1)]
    assert len(sample(retriever, 10_000, seed=0)) <= retriever.index.count()
    seen = {record.id for seed in range(40) for record in sample(retriever, 12, seed)}
    assert len(seen) > 0.8 * retriever.index.count()


def test_visitors_who_ask_at_once_get_what_each_would_alone(retriever):
    def ask(words: str) -> list[tuple[str, float]]:
        return [(hit.id, round(hit.score, 4)) for hit in retriever.similar(notes=[Note(body=words)], k=5)]

    questions = [f"{thing} {number}" for thing in ("ramen", "boat", "garden", "old train") for number in range(3)]
    alone = [ask(words) for words in questions]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, questions)) == alone
