"""How well tags and categories are suggested for notes of the test, beside what suggests the same for every note."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from encoders.corpus import Placed
from encoders.errors import EncoderError, NoteRejected
from encoders.note import Note
from encoders.suggestion import Suggestion
from retrieval.evaluation.bootstrap import Bootstrap
from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.metrics.generation import GenerationMetrics, generation_metrics
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.results import Estimate, GenerationResult

if TYPE_CHECKING:
    from encoders.base import Encoder

TAGS = 5
CHUNK = 32
MOST_FREQUENT = "most frequent"


class SuggestionTask:
    """Notes of the test with their own tags and category, and what the warm notes of training tell of those.

    limit: so many of the cold notes, or of all queries where none is cold, drawn with the seed. Raises
    NothingToEvaluate where none of them has tags or a category.
    """

    def __init__(self, protocol: Protocol, limit: int, seed: int = 0) -> None:
        pool = protocol.pool
        asked = np.flatnonzero(pool.cold) if pool.cold.any() else pool.queries
        order = np.random.default_rng(seed).permutation(asked)[: 2 * limit]  # some have nothing to suggest
        ids = {pool.notes.ids[i] for i in order}
        warm = {pool.notes.ids[i] for i in np.flatnonzero(~pool.cold)} - ids
        labelled: dict[str, Note] = {}
        tags, categories = Counter[str](), Counter[str]()
        for row in protocol.data.corpus:
            if not isinstance(row, Placed) or row.note.id is None:
                continue
            note = row.note
            if note.id in ids and (note.tags or note.category):
                labelled[row.note.id] = note
            elif note.id in warm:
                tags.update(note.tags)
                categories.update([note.category] if note.category else [])
        drawn = [pool.notes.ids[i] for i in order if pool.notes.ids[i] in labelled][:limit]
        if not drawn:
            raise NothingToEvaluate(f"none of {len(ids):,} notes of the test has tags or a category to suggest")
        self.notes = [labelled[note_id] for note_id in drawn]
        self.categories = tuple(name for name, _ in categories.most_common())
        self._usual = Suggestion(
            tuple(name for name, _ in tags.most_common(TAGS)), self.categories[0] if self.categories else None
        )
        self._bootstrap = Bootstrap(len(self.notes), seed=seed)

    def most_frequent(self) -> GenerationResult:
        """The warm notes' most frequent tags and category, for every note."""
        return self._judged(MOST_FREQUENT, [self._usual] * len(self.notes))

    def of(
        self, name: str, encoder: "Encoder", on_progress: Callable[[int], None] | None = None
    ) -> GenerationResult | None:
        """What an encoder suggests for the notes without their tags and category; None where it suggests nothing.

        A note with nothing but tags, or with a broken picture, gets no suggestion, and counts.
        """
        suggested: list[Suggestion] = []
        for chunk in self._chunks():
            bare = [note.model_copy(update={"tags": (), "category": None}) for note in chunk]
            try:
                suggested += self._suggested(encoder, bare)
            except EncoderError:
                return None
            if on_progress:
                on_progress(len(chunk))
        return self._judged(name, suggested)

    def _suggested(self, encoder: "Encoder", notes: Sequence[Note]) -> list[Suggestion]:
        readable = [note for note in notes if note.has_text or note.images]
        try:
            made = iter(encoder.suggest_tags(readable, TAGS, self.categories))
        except NoteRejected:
            if len(notes) == 1:
                return [Suggestion((), None)]
            return [suggestion for note in notes for suggestion in self._suggested(encoder, [note])]
        return [next(made) if note.has_text or note.images else Suggestion((), None) for note in notes]

    def _chunks(self) -> Iterator[Sequence[Note]]:
        for start in range(0, len(self.notes), CHUNK):
            yield self.notes[start : start + CHUNK]

    def _judged(self, name: str, suggested: Sequence[Suggestion]) -> GenerationResult:
        found: GenerationMetrics = generation_metrics(self.notes, suggested, self.categories, TAGS)
        means = {metric: self._bootstrap.estimate(values) for metric, values in found.per_note.items()}
        whole = {metric: Estimate(value) for metric, value in found.corpus.items()}
        return GenerationResult(name, len(self.notes), means | whole, found.bleu)
