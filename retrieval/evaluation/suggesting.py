"""How well tags and categories are suggested for notes of the test, beside what any suggester must beat."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from encoders.corpus import Placed
from encoders.errors import EncoderError, NoteRejected
from encoders.note import Note
from encoders.note_encoder import NoteEncoder
from encoders.suggestion import Suggestion
from retrieval.evaluation.bootstrap import Bootstrap
from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.holdout import Holdout
from retrieval.evaluation.metrics.generation import GenerationMetrics, generation_metrics
from retrieval.evaluation.neighbour_labels import Known, by_neighbours, drawn_by_hash
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.results import Estimate, GenerationResult

if TYPE_CHECKING:
    from encoders.base import Encoder

TAGS = 5
CHUNK = 32
MOST_FREQUENT, NEIGHBOURS = "most frequent", "neighbours of {}"


def teachable(holdout: Holdout) -> NDArray[np.bool_]:
    """Notes whose hashtags and category may be learnt at a stage, bool [N]; training of heads sees these alone.

    All but those held out, and those that anyone has looked at by the end of the stage, but nobody in training: by
    time they are not there yet, and else they are asked for with the cold ones.
    """
    return ~holdout.hidden_notes & ~(holdout.cold & holdout.met)


class SuggestionTask:
    """Notes of the test with their own tags and category, and what the teachable notes tell of those.

    limit: so many of the notes that may not be learnt from, drawn with the seed; of all queries where each may be, as
    when only people are held out: then others may be learnt from. Raises NothingToEvaluate where none of them has tags
    or a category.
    """

    def __init__(self, protocol: Protocol, limit: int, seed: int = 0) -> None:
        pool = protocol.pool
        may_teach = teachable(protocol.holdout)
        hidden = np.flatnonzero(~may_teach[pool.order])
        asked = hidden if len(hidden) else pool.queries
        order = np.random.default_rng(seed).permutation(asked)[: 2 * limit]  # some have nothing to suggest
        ids = {pool.notes.ids[i] for i in order}
        facts = protocol.data.facts
        teach = {facts.ids[i] for i in np.flatnonzero(may_teach)} - ids
        near = drawn_by_hash(teach)
        labelled: dict[str, Note] = {}
        tags, categories = Counter[str](), Counter[str]()
        self._known: list[Note] = []
        for row in protocol.data.corpus:
            if not isinstance(row, Placed) or row.note.id is None:
                continue
            note = row.note
            if note.id in ids and (note.tags or note.category):
                labelled[row.note.id] = note
            elif note.id in teach:
                tags.update(note.tags)
                categories.update([note.category] if note.category else [])
                if note.id in near:
                    self._known.append(note)
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
        """The teachable notes' most frequent tags and category, for every note."""
        return self._judged(MOST_FREQUENT, [self._usual] * len(self.notes))

    def neighbours(
        self, name: str, encoder: "Encoder", on_progress: Callable[[int], None] | None = None
    ) -> GenerationResult:
        """What the nearest teachable notes vote for, near by title and body in an encoder's space (retrieval/votes.py).

        on_progress is told of notes encoded, `to_encode` in all.
        """
        known = Known.of(encoder, self._known, on_progress)
        return self._judged(NEIGHBOURS.format(name), by_neighbours(encoder, known, self.notes, TAGS, on_progress))

    @property
    def to_encode(self) -> int:
        """Notes that `neighbours` encodes."""
        return len(self._known) + len(self.notes)

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
            made = iter(encoder.suggest_tags(readable, TAGS, self._choice(encoder)))
        except NoteRejected:
            if len(notes) == 1:
                return [Suggestion((), None)]
            return [suggestion for note in notes for suggestion in self._suggested(encoder, [note])]
        return [next(made) if note.has_text or note.images else Suggestion((), None) for note in notes]

    def _choice(self, encoder: "Encoder") -> Sequence[str]:
        """The categories to choose from: heads know only those that they were trained on, and refuse others."""
        if isinstance(encoder, NoteEncoder) and encoder.heads is not None:
            return [name for name in self.categories if name in encoder.heads.config.categories]
        return self.categories

    def _chunks(self) -> Iterator[Sequence[Note]]:
        for start in range(0, len(self.notes), CHUNK):
            yield self.notes[start : start + CHUNK]

    def _judged(self, name: str, suggested: Sequence[Suggestion]) -> GenerationResult:
        found: GenerationMetrics = generation_metrics(self.notes, suggested, self.categories, TAGS)
        means = {metric: self._bootstrap.estimate(values) for metric, values in found.per_note.items()}
        whole = {metric: Estimate(value) for metric, value in found.corpus.items()}
        return GenerationResult(name, len(self.notes), means | whole, found.bleu)
