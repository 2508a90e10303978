"""The worst and the best queries of a system, with what it answered and what should have come."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.report.glossary import measure
from app.report.numbers import number
from app.report.pictures import data_uri
from encoders.note import Note
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.pool import Pool
from retrieval.evaluation.results import SystemResult

NotesOf = Callable[[Sequence[str]], Mapping[str, Note]]

WORST, BEST, SHOWN = 10, 3, 5
QUERY_SIDE, ANSWER_SIDE = 160, 96
TITLE, EXCERPT, MOST_TAGS = 140, 240, 8


@dataclass(frozen=True, slots=True)
class NoteCard:
    """What is shown of a note; picture: a data URI, or nothing."""

    id: str
    title: str
    category: str
    tags: Sequence[str]
    excerpt: str
    picture: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A note with the rank it got, None beyond the ranking's end, and whether it is right."""

    note: NoteCard
    rank: int | None
    right: bool


@dataclass(frozen=True, slots=True)
class QueryCard:
    """A query, its figures, the first answers, and the best of the right answers with the ranks they got."""

    note: NoteCard
    metrics: Sequence[tuple[str, str]]
    relevant: int
    found: int
    depth: int
    answers: Sequence[Answer]
    wanted: Sequence[Answer]


def worst_and_best(per_query: np.ndarray, relevant: Positions) -> tuple[Positions, Positions]:
    """Return the places of the worst 10 queries, worst first, and of the best 3, best first; none is in both.

    per_query: float64 [Q], queries with NaN are not counted; relevant: int64 [Q], how many notes are relevant to each.
    Among equals those with more relevant notes come first, on either side, then those asked first.
    """
    counted = np.flatnonzero(~np.isnan(per_query))
    values, many = per_query[counted], -relevant[counted]
    ascending = counted[np.lexsort((counted, many, values))]
    descending = counted[np.lexsort((counted, many, -values))]
    worst = ascending[:WORST]
    return worst, descending[~np.isin(descending, worst)][:BEST]


def query_cards(
    pool: Pool, system: SystemResult, metric: str, notes_of: NotesOf
) -> tuple[list[QueryCard], list[QueryCard]]:
    """Return cards of a system's worst and best queries by one metric; notes are fetched at once."""
    worst, best = worst_and_best(system.per_query[metric], pool.relevance.counts)
    chosen = np.concatenate([worst, best])
    shown = {int(pool.queries[query]) for query in chosen}
    for query in chosen:
        first = system.ranking.positions[query, :SHOWN]
        shown.update(int(each) for each in first if each >= 0)
        shown.update(int(each) for each in pool.relevance.of(query)[:SHOWN])
    ids = [pool.notes.ids[position] for position in sorted(shown)]
    notes = notes_of(ids) if ids else {}
    pictures: dict[tuple[str, int], str] = {}

    def card(position: int, side: int) -> NoteCard:
        note_id = pool.notes.ids[position]
        note = notes.get(note_id)
        if note is not None and (note_id, side) not in pictures:
            pictures[note_id, side] = data_uri(note.images, side)
        return note_card(note_id, note, pictures.get((note_id, side), ""))

    def query_card(query: int) -> QueryCard:
        row = system.ranking.positions[query]
        right = pool.relevance.of(query)
        ranks = {int(position): rank for rank, position in enumerate(row, start=1) if position >= 0}
        answers = [
            Answer(card(int(each), ANSWER_SIDE), rank, bool(np.isin(each, right)))
            for rank, each in enumerate(row[:SHOWN], start=1)
            if each >= 0
        ]
        wanted = [Answer(card(int(each), ANSWER_SIDE), ranks.get(int(each)), True) for each in right[:SHOWN]]
        metrics = [
            (name, number(float(values[query]), measure(name).rate)) for name, values in system.per_query.items()
        ]
        found = sum(int(each) in ranks for each in right)
        query_note = card(int(pool.queries[query]), QUERY_SIDE)
        return QueryCard(query_note, metrics, len(right), found, len(row), answers, wanted)

    return [query_card(int(each)) for each in worst], [query_card(int(each)) for each in best]


def note_card(note_id: str, note: Note | None, picture: str) -> NoteCard:
    """Return what is shown of a note, cut to size; one that could not be fetched has its id only."""
    if note is None:
        return NoteCard(note_id, "(not in the corpus)", "", (), "", "")
    body = " ".join(note.body.split())
    title = " ".join(note.title.split()) or body or ("(picture only)" if note.images else "(empty)")
    tags = [_cut(each, 40) for each in note.tags[:MOST_TAGS]]
    return NoteCard(note_id, _cut(title, TITLE), note.category or "", tags, _cut(body, EXCERPT), picture)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
