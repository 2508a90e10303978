"""The notes of a pool as vectors: whole, by their text alone, by their pictures alone."""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from encoders.blocks import Blocks, Vectors
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected, Reason
from encoders.note import Note
from retrieval.evaluation.facts import NoteFacts

if TYPE_CHECKING:
    from encoders.base import Prepared

Reading = Literal["both", "text", "image"]
READINGS: tuple[Reading, ...] = ("both", "text", "image")
# Notes embedded at a time, and chunks prepared ahead of the model.
CHUNK = 256


@dataclass(slots=True)
class EncodedNotes:
    """Vectors float32 [N, dim] of a pool's notes in its order; rows of zeros for notes that have nothing to read.

    rejected counts notes that could not be encoded, by reason, those that merely lack what is read left out; missing,
    notes that an index does not have.
    """

    vectors: Vectors
    blocks: Blocks
    rejected: Counter[str] = field(default_factory=Counter)
    missing: int = 0

    @property
    def queries(self) -> Vectors:
        """The vectors as they ask: without the coordinates that say what a note lacks."""
        return self.blocks.as_query(self.vectors)

    def reading(self, reading: Reading) -> "EncodedNotes | None":
        """What an encoder of separate blocks would have made of one modality alone; None where that cannot be told.

        Equal, but for the scale of rows, to encoding notes without the other modality (see encoders.blocks).
        """
        if reading == "both":
            return self
        if self.rejected or reading not in dict(self.blocks.sizes):
            return None  # a note may be lost for a picture that is broken, whose words alone are fine
        return EncodedNotes(self.blocks.only(self.vectors, reading), self.blocks, missing=self.missing)


def reduced(note: Note, reading: Reading) -> Note:
    """The note as far as it is read: without its pictures, or without its words."""
    if reading == "text":
        return note.model_copy(update={"images": ()})
    if reading == "image":
        return note.model_copy(update={"title": "", "body": "", "tags": (), "category": None})
    return note


class Embedding(Protocol):
    """What of an encoder is needed to encode notes."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    @property
    def blocks(self) -> Blocks:
        """How a vector is laid out."""

    def prepare(self, note: Note) -> "Prepared":
        """See Encoder.prepare."""

    def embed(self, prepared: "Sequence[Prepared]") -> Vectors:
        """See Encoder.embed."""


def encode_notes(
    encoder: Embedding,
    rows: Iterable[Placed | Rejection],
    notes: NoteFacts,
    read: Callable[[Note], Note],
    on_progress: Callable[[int], None] | None = None,
) -> EncodedNotes:
    """Encode those notes of a corpus that are in a pool, in one pass; read says what of each is read.

    Pictures decode in threads ahead of the model. Memory beside the vectors: two chunks of notes.
    """
    position = {note_id: i for i, note_id in enumerate(notes.ids)}
    encoded = EncodedNotes(np.zeros((len(notes), encoder.dim), dtype=np.float32), encoder.blocks)
    wanted = (row.note for row in rows if isinstance(row, Placed) and row.note.id in position)
    with ThreadPoolExecutor() as pool:

        def submit(note: Note) -> "tuple[str, Future[Prepared]]":
            assert note.id is not None
            return note.id, pool.submit(encoder.prepare, read(note))

        for chunk in _ahead(map(submit, wanted)):
            good: dict[int, Prepared] = {}
            for note_id, future in chunk:
                try:
                    good[position[note_id]] = future.result()
                except NoteRejected as error:
                    if error.reason is not Reason.EMPTY_NOTE:
                        encoded.rejected[error.reason.value] += 1
            if good:
                rows_of = encoder.embed(list(good.values()))
                finite = np.asarray(np.isfinite(rows_of).all(axis=1))
                encoded.vectors[list(good)] = np.where(finite[:, None], rows_of, 0)
                encoded.rejected[Reason.NO_VECTOR.value] += int((~finite).sum())
            if on_progress:
                on_progress(len(chunk))
    encoded.rejected += Counter()  # drops reasons that never came up
    return encoded


def _ahead(futures: "Iterator[tuple[str, Future[Prepared]]]") -> "Iterator[list[tuple[str, Future[Prepared]]]]":
    """Chunks of what is being prepared, the next one already under way when one is handed out."""
    waiting: deque[tuple[str, Future[Prepared]]] = deque()
    for future in futures:
        waiting.append(future)
        if len(waiting) == 2 * CHUNK:
            yield [waiting.popleft() for _ in range(CHUNK)]
    while waiting:
        yield [waiting.popleft() for _ in range(min(CHUNK, len(waiting)))]
