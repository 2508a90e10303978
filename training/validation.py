"""How good an encoder is on what its training holds out, before, while and after it is trained."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING

from encoders.base import Encoder, Prepared
from encoders.blocks import Blocks, Vectors
from encoders.device import Precision
from encoders.images import ImageLimits
from encoders.load import load_encoder
from encoders.note import Note
from retrieval.evaluation.encoding import Embedding, encode_notes
from retrieval.evaluation.metrics.accuracy import accuracy
from retrieval.evaluation.metrics.lists import means
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.systems.vectors import VectorSystem
from training.working_folder import writing

if TYPE_CHECKING:
    from training.trainees.base import Trainee

METRIC = "nDCG@10"
MEASURES = (METRIC, "R@10", "R@100")
DEPTH = 100
# Prepared notes that may be kept from one evaluation to the next; pictures decode once where they fit.
KEPT_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class Validation:
    """Measures encoders over the pool of a protocol; notes that cannot be encoded score 0 and count."""

    protocol: Protocol
    precision: Precision = "auto"
    limits: ImageLimits = ImageLimits()

    def measure(self, encoder: Embedding, on_progress: Callable[[int], None] | None = None) -> dict[str, float]:
        """Encode the pool's notes whole, rank them for every query, and return the mean of each measure."""
        pool = self.protocol.pool
        encoded = encode_notes(encoder, self.protocol.data.corpus, pool.notes, lambda note: note, on_progress)
        system = VectorSystem("encoder", encoded.vectors, encoded.queries)
        ranking = system.rank(pool.queries, min(DEPTH, len(pool) - 1)).padded(DEPTH)
        return {name: means(values) for name, values in accuracy(ranking, pool.relevance, MEASURES).items()}

    @property
    def described(self) -> str:
        """What is measured, in words."""
        pool, stage = self.protocol.pool, self.protocol.config.stage
        return (
            f"{len(pool.queries):,} {stage} queries over {len(pool):,} notes of {self.protocol.data.corpus.root.name}, "
            f"split by {self.protocol.split.config.by}"
        )


@dataclass(slots=True)
class StageEvaluator:
    """Measures a trainee as the encoder it would be saved as; texts and pictures are prepared once a stage.

    place: a folder to save it in for as long as it is measured.
    """

    validation: Validation
    place: Path
    metric: str = METRIC
    _prepared: "_Kept" = field(init=False)

    def __post_init__(self) -> None:
        self._prepared = _Kept()

    def __call__(self, trainee: "Trainee") -> dict[str, float]:
        """Return the measures by name. Raises TrainingError where it cannot be saved."""
        with writing(self.place):
            self.place.mkdir(parents=True, exist_ok=True)
            for left in self.place.glob("evaluated-*"):  # by a run that was killed
                shutil.rmtree(left, ignore_errors=True)
            folder = Path(mkdtemp(prefix="evaluated-", dir=self.place))
        try:
            with writing(folder):
                config = trainee.save(folder).located_in(folder)
            encoder = load_encoder(config, self.validation.precision, self.validation.limits)
            return self.validation.measure(_Remembering(encoder, self._prepared))
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@dataclass(slots=True)
class _Kept:
    """Prepared notes by id, as many as fit."""

    notes: dict[str, Prepared] = field(default_factory=dict)
    size: int = 0

    def keep(self, note_id: str, prepared: Prepared) -> None:
        self.size += 1024 + sum(image.nbytes for image in prepared.images)
        if self.size <= KEPT_BYTES:
            self.notes[note_id] = prepared


@dataclass(frozen=True, slots=True)
class _Remembering:
    """An encoder that prepares a note once: preprocessing decides what that gives, and training leaves it alone."""

    encoder: Encoder
    kept: _Kept

    @property
    def dim(self) -> int:
        return self.encoder.dim

    @property
    def blocks(self) -> Blocks:
        return self.encoder.blocks

    def prepare(self, note: Note) -> Prepared:
        found = self.kept.notes.get(note.id or "")
        if found is None:
            found = self.encoder.prepare(note)
            self.kept.keep(note.id or "", found)
        return found

    def embed(self, prepared: Sequence[Prepared]) -> Vectors:
        return self.encoder.embed(prepared)
