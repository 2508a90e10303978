"""Parts of the queries, and of the right answers, that are worth looking at apart."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.pool import Pool

# Of categories and languages the largest so many stand alone, if they have so many queries; the others together.
MOST_NAMES = 12
FEWEST = 20
THIRDS = ("low", "middle", "high")
LENGTHS = ("short", "medium", "long")


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the queries, bool [Q], or where answers is given, bool [N], of the right answers to all of them."""

    group: str
    name: str
    queries: NDArray[np.bool_]
    answers: NDArray[np.bool_] | None = None


def make_slices(pool: Pool) -> list[Slice]:
    """Every slice of a pool that is neither empty nor everything.

    Of queries: temperature (cold: no interaction in training), exposure (thirds by how many held-out users looked at
    them; NoteLLM, arXiv 2403.01744, section 5.4, reports low and high exposure), modality, text length (thirds of
    those with text, by characters), language, category. Of right answers: temperature and exposure.
    """
    relevant = np.zeros(len(pool), dtype=np.bool_)
    relevant[pool.relevance.positions] = True

    def divides(part: Slice) -> bool:
        mask, among = (part.queries, len(pool.queries)) if part.answers is None else (part.answers, relevant.sum())
        return bool(0 < (mask if part.answers is None else mask & relevant).sum() < among)

    return [part for part in (*_of_queries(pool), *_of_answers(pool, relevant)) if divides(part)]


def _of_queries(pool: Pool) -> Iterator[Slice]:
    notes, queries = pool.notes, pool.queries
    cold = pool.cold[queries]
    yield Slice("temperature", "cold", cold)
    yield Slice("temperature", "warm", ~cold)
    everything = np.ones(len(queries), dtype=np.bool_)
    for name, mask in _thirds(pool.exposure[queries], everything, THIRDS):
        yield Slice("exposure", name, mask)
    for name, of_notes in _modalities(notes):
        yield Slice("modality", name, of_notes[queries])
    for name, mask in _thirds(notes.text_length[queries], notes.has_text[queries], LENGTHS):
        yield Slice("text length", name, mask)
    for name, mask in _named(notes.language[queries], notes.languages):
        yield Slice("language", name, mask)
    for name, mask in _named(notes.category[queries], notes.categories):
        yield Slice("category", name, mask)


def _of_answers(pool: Pool, relevant: NDArray[np.bool_]) -> Iterator[Slice]:
    everything = np.ones(len(pool.queries), dtype=np.bool_)
    yield Slice("answers' temperature", "cold", everything, pool.cold)
    yield Slice("answers' temperature", "warm", everything, ~pool.cold)
    for name, mask in _thirds(pool.exposure, relevant, THIRDS):
        yield Slice("answers' exposure", name, everything, mask)


def _modalities(notes: NoteFacts) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    yield "text and image", notes.has_text & notes.has_image
    yield "text only", notes.has_text & ~notes.has_image
    yield "image only", ~notes.has_text & notes.has_image


def _thirds(
    values: NDArray[np.integer], among: NDArray[np.bool_], names: tuple[str, str, str]
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Cut the values among some at their terciles; the names say where. Nothing where all are equal."""
    if not among.any():
        return
    low, high = (int(cut) for cut in np.quantile(values[among], [1 / 3, 2 / 3], method="lower"))
    if values[among].min() == values[among].max():
        return
    yield f"{names[0]} (to {low:,})", among & (values <= low)
    if high > low:
        yield f"{names[1]} ({low + 1:,} to {high:,})", among & (values > low) & (values <= high)
    yield f"{names[2]} (from {high + 1:,})", among & (values > high)


def _named(codes: NDArray[np.int32], names: tuple[str, ...]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each of the most frequent names, the others together, and none."""
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    alone = [int(code) for code in np.argsort(-counts, kind="stable")[:MOST_NAMES] if counts[code] >= FEWEST]
    for code in alone:
        yield names[code], codes == code
    yield "(others)", (codes >= 0) & ~np.isin(codes, alone)
    yield "(none)", codes < 0
