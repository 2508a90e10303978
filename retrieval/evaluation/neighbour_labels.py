"""Hashtags and categories from the nearest notes, as a baseline: what the vectors know without any head."""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from encoders.blocks import Vectors
from encoders.errors import NoteRejected
from encoders.note import Note
from encoders.suggestion import Suggestion
from retrieval.votes import NEIGHBOURS, Voter, vote

if TYPE_CHECKING:
    from encoders.base import Encoder

# Notes that are encoded to vote, at most: beyond them neighbours hardly get nearer, and encoding is all it costs.
MOST = 20_000
CHUNK = 256

OnProgress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Known:
    """N notes with hashtags and categories, and the vectors of their titles and bodies, float32 [N, dim]."""

    notes: Sequence[Note]
    vectors: Vectors

    @classmethod
    def of(cls, encoder: "Encoder", notes: Sequence[Note], on_progress: OnProgress | None = None) -> "Known":
        """Encode the notes as `words_of` reads them."""
        return cls(notes, words_of(encoder, notes, on_progress))


def drawn_by_hash(ids: Collection[str], most: int = MOST) -> set[str]:
    """Draw at most so many ids, those of the lowest hash, whatever their order."""
    if len(ids) <= most:
        return set(ids)
    return set(sorted(ids, key=lambda name: hashlib.blake2b(name.encode(), digest_size=16).digest())[:most])


def words_of(encoder: "Encoder", notes: Sequence[Note], on_progress: OnProgress | None = None) -> Vectors:
    """Encode title and body alone of N notes, float32 [N, dim]; rows of zeros for those that have neither."""
    vectors: Vectors = np.zeros((len(notes), encoder.dim), dtype=np.float32)
    for start in range(0, len(notes), CHUNK):
        some = {
            i: note.model_copy(update={"tags": (), "category": None, "images": ()})
            for i, note in enumerate(notes[start : start + CHUNK], start)
            if note.title.strip() or note.body.strip()
        }
        if some:
            try:
                vectors[list(some)] = encoder.encode(list(some.values()))
            except NoteRejected:  # words that the encoder cannot read, such as white space that only looks like some
                for i, note in some.items():
                    vectors[i] = _one(encoder, note)
        if on_progress:
            on_progress(min(CHUNK, len(notes) - start))
    return vectors


def _one(encoder: "Encoder", note: Note) -> Vectors:
    try:
        found: Vectors = encoder.encode([note])[0]
    except NoteRejected:
        return np.zeros(encoder.dim, dtype=np.float32)
    return found


def by_neighbours(
    encoder: "Encoder", known: Known, notes: Sequence[Note], max_tags: int, on_progress: OnProgress | None = None
) -> list[Suggestion]:
    """Let the NEIGHBOURS nearest known notes vote for each of some notes; equally near ones stand in their order.

    A note without title and body gets no suggestion.
    """
    asked = encoder.blocks.as_query(words_of(encoder, notes, on_progress))
    return voted(asked, known, max_tags)


def voted(asked: Vectors, known: Known, max_tags: int) -> list[Suggestion]:
    """Let the NEIGHBOURS nearest known notes vote for each of N rows, float32 [N, dim]; rows of zeros get nothing."""
    return [_voted(row, known, max_tags) for row in asked]


def _voted(asked: Vectors, known: Known, max_tags: int) -> Suggestion:
    if not asked.any() or not known.notes:
        return Suggestion((), None)
    scores = known.vectors @ asked
    nearest = np.argsort(-scores, kind="stable")[:NEIGHBOURS]
    voters = [Voter(known.notes[i].tags, known.notes[i].category, float(scores[i])) for i in nearest]
    return vote(voters, max_tags)
