"""What people name to be evaluated, made into systems: baselines, encoders, indexes, exported vectors."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal

import numpy as np

from encoders.blocks import Blocks, Vectors
from encoders.corpus import Placed
from encoders.note import Note
from retrieval.evaluation.cooccurrence import Cooccurrence
from retrieval.evaluation.encoding import READINGS, EncodedNotes, Reading, encode_notes, reduced
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.evaluate import Entry, Kind
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.systems.bm25 import Bm25System
from retrieval.evaluation.systems.cooccurrence import CooccurrenceSystem
from retrieval.evaluation.systems.popularity import PopularitySystem
from retrieval.evaluation.systems.random import RandomSystem
from retrieval.evaluation.systems.vectors import VectorSystem
from retrieval.evaluation.text_view import TextView, whole_text

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from encoders.base import Encoder
    from index import NoteIndex

Baseline = Literal["random", "popularity", "bm25", "cooccurrence", "popularity+cold", "cooccurrence+cold"]
BASELINES: tuple[Baseline, ...] = ("random", "popularity", "bm25", "cooccurrence")
# What could be had if cold notes were not cold: also learned from what training's people did with those.
CEILINGS: tuple[Baseline, ...] = ("popularity+cold", "cooccurrence+cold")
CEILING = "a ceiling: it sees the cold notes' own interactions, which nobody has when a note is new"
# Records read from an index at a time.
CHUNK = 4096
# A served index may lag behind a corpus; one that lacks more is another's.
MOST_MISSING = 0.2


def baselines(
    protocol: Protocol, names: Sequence[Baseline], stack: ExitStack, view: TextView | None = None
) -> Iterator[Entry]:
    """Systems that any other must beat; the stack closes what they hold open."""
    pool = protocol.pool
    for name in names:
        if name == "random":
            yield Entry(RandomSystem(pool.order), "baseline")
        elif name == "popularity":
            yield Entry(PopularitySystem(pool.popularity), "baseline")
        elif name == "popularity+cold":
            counts = np.asarray(_unblinded(protocol).sum(axis=0)).ravel().astype(np.int64)
            yield Entry(PopularitySystem(counts, name), "ceiling", remark=CEILING)
        elif name == "cooccurrence+cold":
            together = _together(protocol, _unblinded(protocol))
            yield Entry(CooccurrenceSystem(together, name), "ceiling", remark=CEILING)
        elif name == "cooccurrence":
            system = CooccurrenceSystem(_together(protocol, pool.training))
            yield Entry(system, "baseline", remark=system.remark, partial=True)
        elif pool.notes.has_text.any():
            bm25 = stack.enter_context(Bm25System.build(_texts(protocol, view), pool.queries))
            yield Entry(bm25, "baseline")


def _together(protocol: Protocol, seen: "csr_matrix") -> Cooccurrence:
    """Co-occurrence normalised as relevance is; pairs of fewer than five people come last, however that counts them."""
    return Cooccurrence(seen, normalize=protocol.config.relevance.normalize)


def _unblinded(protocol: Protocol) -> "csr_matrix":
    """What training's people looked at of the pool's notes, held-out ones included, [U, N]."""
    holdout = protocol.holdout
    return holdout.events.matrix(holdout.unblinded)[:, protocol.pool.order].tocsr()


def _texts(protocol: Protocol, view: TextView | None) -> list[str]:
    """The words of the pool's notes, in its order."""
    place = {note_id: i for i, note_id in enumerate(protocol.pool.notes.ids)}
    texts = [""] * len(place)
    for row in protocol.data.corpus:
        if isinstance(row, Placed) and row.note.id in place:
            texts[place[row.note.id]] = view.text(row.note) if view else whole_text(row.note)
    return texts


def encoder_entries(
    protocol: Protocol,
    name: str,
    make_encoder: "Callable[[], Encoder] | None",
    kind: Kind = "encoder",
    readings: Sequence[Reading] = READINGS,
    view: TextView | None = None,
    on_encoding: Callable[[str, int], Callable[[int], None]] | None = None,
    whole: EncodedNotes | None = None,
) -> Iterator[Entry]:
    """An encoder by what it reads of a note, queries and candidates alike: all of it, its text, its pictures.

    Notes that lack what is read score 0 against all others, and count all the same. whole: the notes' vectors where
    they are at hand; the encoder is made only if something is left to encode, which is left out
    without one. on_encoding is told what is encoded and
    of how many notes, and returns what is told of notes done.
    """
    from encoders.card import reads_pictures

    notes, encoder = protocol.pool.notes, None
    for reading in readings:
        if reading != "both" and not (notes.has_image if reading == "image" else notes.has_text).any():
            continue
        encoded = whole.reading(reading) if whole else None
        if encoded is None:
            if make_encoder is None:
                continue
            encoder = encoder or make_encoder()
            if reading == "image" and not reads_pictures(encoder):
                continue
            on_progress = on_encoding(f"{name} ({reading})", len(notes)) if on_encoding else None

            def read(note: Note, reading: Reading = reading) -> Note:
                return reduced(view.note(note) if view else note, reading)

            encoded = encode_notes(encoder, protocol.data.corpus, notes, read, on_progress)
        if reading == "both":
            whole = encoded
        yield Entry(VectorSystem(name, encoded.vectors, encoded.queries), kind, reading, _remark(encoded))


def _remark(encoded: EncodedNotes) -> str:
    said = [f"notes that are not in it score 0 ({encoded.missing:,})"] if encoded.missing else []
    if encoded.rejected:
        reasons = ", ".join(f"{reason}: {count:,}" for reason, count in encoded.rejected.most_common())
        said.append(f"notes it could not encode score 0 ({reasons})")
    return "; ".join(said)


def stored_notes(protocol: Protocol, index: "NoteIndex") -> EncodedNotes:
    """The vectors that an index holds of the pool's notes; those it lacks are zero, and counted.

    Raises EvaluationError where it lacks too many to be the index of this corpus.
    """
    ids = protocol.pool.notes.ids
    vectors: Vectors = np.zeros((len(ids), index.dim), dtype=np.float32)
    missing: list[str] = []
    for start in range(0, len(ids), CHUNK):
        some = ids[start : start + CHUNK]
        for i, record in enumerate(index.get(some), start):
            if record is None:
                missing.append(ids[i])
            else:
                vectors[i] = record.vector
    if len(missing) > MOST_MISSING * len(ids):
        raise EvaluationError(
            f"the index lacks {len(missing):,} of the {len(ids):,} candidates ({', '.join(missing[:5])}, ...): build "
            "it of the corpus that is evaluated on"
        )
    layout = index.meta["blocks"]
    assert isinstance(layout, dict)
    return EncodedNotes(vectors, Blocks.from_json(layout), missing=len(missing))
