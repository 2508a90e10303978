"""Notes into an index, and partial notes into ranked notes.

build.py       a corpus into an index: only what changed is encoded, bad notes are set aside
retriever.py   a partial note, stored notes, or a mix of them -> ranked hits
mix.py         several parts, liked and unliked, as one query vector
hit.py         one answer with its evidence
export.py      an index as arrays
interactions/  who looked at what, and when
evaluation/    how good rankings are
"""

from retrieval.hit import Hit, Why
from retrieval.mix import Weights
from retrieval.retriever import Retriever

__all__ = ["Hit", "Retriever", "Weights", "Why"]
