"""What outlives a click: the open index and the encoder, one of each for all visitors."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.opening import open_note_index
from app.settings import load_settings
from encoders.blocks import unit_rows
from encoders.images import ImageLimits
from index import Record
from index.manifest import NAME as MANIFEST
from retrieval.retriever import Retriever, described_encoder

if TYPE_CHECKING:
    from encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class Site:
    """What every page needs: the index, what it was opened with, and the pages to link to."""

    folder: Path
    retriever: Retriever
    limits: ImageLimits
    search_page: st.Page
    note_page: st.Page


def open_site(folder: Path, search_page: st.Page, note_page: st.Page) -> Site:
    """Open the index, or take the one that is open; raises NoteIndexError, AppError."""
    manifest = folder / MANIFEST
    # An index that was built anew in the same folder is opened again; the old one answers who still asks it.
    built = manifest.stat().st_mtime_ns if manifest.is_file() else 0
    retriever = _open_retriever(str(folder), built)
    return Site(folder, retriever, load_settings().images.limits(), search_page, note_page)


@st.cache_resource(show_spinner="Opening the index …", max_entries=2)
def _open_retriever(folder: str, built: int) -> Retriever:
    index = open_note_index(Path(folder))
    # The cache, and not the retriever, holds the encoder: of visitors who come at once, one loads and all wait.
    return Retriever(index, lambda: _load_encoder(folder, built))


@st.cache_resource(show_spinner="Loading the encoder, which happens once and takes some seconds …", max_entries=2)
def _load_encoder(folder: str, built: int) -> "Encoder":
    settings = load_settings()
    index = _open_retriever(folder, built).index
    return described_encoder(index, settings.run.precision, settings.images.limits())


def sample(retriever: Retriever, count: int, seed: int) -> list[Record]:
    """Return up to `count` notes from all over the index, the same ones for the same seed.

    They are the nearest to random directions, so that a large index need not be read through.
    """
    index = retriever.index
    directions = np.random.default_rng(seed).standard_normal((2 * count, index.dim), dtype=np.float32)
    found = index.search(retriever.blocks.as_query(unit_rows(directions)), 3)
    by_rank = (ids[rank] for rank in range(3) for ids in found.ids if rank < len(ids))
    chosen = list(dict.fromkeys(by_rank))[:count]
    return [record for record in index.get(chosen, with_vectors=False) if record is not None]
