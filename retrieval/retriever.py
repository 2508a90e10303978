"""From a partial note to ranked notes. There is one path: everything that is asked becomes one query vector."""

from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self, cast

from encoders.blocks import Blocks, Vectors
from encoders.images import ImageLimits
from index import open_index
from retrieval.errors import EncoderChanged, UnknownNote
from retrieval.hit import Hit, Why
from retrieval.mix import Weights, mix

if TYPE_CHECKING:
    from encoders.base import Encoder
    from encoders.device import Precision
    from encoders.images import NoteImage
    from encoders.note import Note
    from index import JSON, Filter, NoteIndex, Record


def index_meta(encoder: "Encoder") -> "dict[str, JSON]":
    """Return what an index keeps of its encoder: enough to make it again, and to read a vector without it."""
    return cast("dict[str, JSON]", {"encoder": encoder.as_json(), "blocks": encoder.blocks.as_json()})


def described_encoder(
    index: "NoteIndex", precision: "Precision" = "auto", limits: ImageLimits = ImageLimits()
) -> "Encoder":
    """Make the encoder an index was built with; raises EncoderChanged where it gives other vectors now."""
    from encoders.load import load_encoder

    encoder = load_encoder(cast("dict[str, Any]", index.meta["encoder"]), precision, limits)
    if encoder.fingerprint != index.fingerprint:
        raise EncoderChanged(
            f"the index was built with encoder {index.fingerprint}, the one it names is now "
            f"{encoder.fingerprint}: put the old encoder back, or build the index again into a new folder"
        )
    return encoder


class Retriever:
    """Answers which notes of an index are like stored notes, a partial note, or a mix of them.

    encoder: makes the encoder the first time a query has text or pictures; a query by id never does, so it
    costs no import of torch.
    """

    def __init__(self, index: "NoteIndex", encoder: "Callable[[], Encoder]") -> None:
        self.index = index
        self.blocks = Blocks.from_json(cast("dict[str, object]", index.meta["blocks"]))
        self._make_encoder = encoder
        self._encoder: Encoder | None = None
        self._lock = Lock()

    @classmethod
    def open(cls, path: Path | str, precision: "Precision" = "auto", limits: ImageLimits = ImageLimits()) -> Self:
        """Open an index directory, with the encoder it was built with."""
        index = open_index(path)
        return cls(index, lambda: described_encoder(index, precision, limits))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.index.close()

    @property
    def encoder(self) -> "Encoder":
        """The index's encoder, made on first use; raises EncoderChanged where it is not the same any more."""
        with self._lock:  # a server asks from several threads; one encoder is enough for all
            if self._encoder is None:
                self._encoder = self._make_encoder()
            return self._encoder

    def similar(
        self,
        ids: Sequence[str] = (),
        notes: "Sequence[Note]" = (),
        k: int = 10,
        where: "Filter | None" = None,
        unlike: Sequence[str] = (),
        weights: Weights = Weights(),
    ) -> list[Hit]:
        """Return the k nearest notes to a mix of stored notes and partial notes, and far from those unlike, best first.

        A text and a picture in one partial note weigh as they do in a note; apart, they are two parts of the mix.
        A partial note of text alone weighs as a text, one of pictures alone as an image. The notes named by id are
        never among the answers. Raises UnknownNote, EmptyQuery, and NoteRejected for a picture that does not decode.
        """
        liked, unliked = self._records(ids), self._records(unlike)
        query = self._mix(liked, notes, unliked, weights)
        named = {*ids, *unlike}
        found = self.index.search(query[None], k + len(named), where)
        asked = [record.payload for record in liked] + [note.payload() for note in notes]
        ranked = [
            (hit_id, float(score))
            for hit_id, score in zip(found.ids[0], found.scores[0], strict=True)
            if hit_id not in named
        ][:k]
        return self._hits(ranked, query, asked)

    def encode_query(
        self,
        text: str | None = None,
        image: "NoteImage | Sequence[NoteImage] | None" = None,
        like: Sequence[str] = (),
        unlike: Sequence[str] = (),
        weights: Weights = Weights(),
    ) -> Vectors:
        """Return the unit vector, float32 [dim], that a mix asks the index with; every image is a part of its own.

        Raises UnknownNote, EmptyQuery, and NoteRejected for a picture that does not decode.
        """
        from encoders.images import NoteImage
        from encoders.note import Note

        images = [image] if isinstance(image, NoteImage) else list(image or ())
        notes = [Note(body=text)] if text and text.strip() else []
        notes += [Note(images=(one,)) for one in images]
        return self._mix(self._records(like), notes, self._records(unlike), weights)

    def keyword(self, text: str, k: int = 10, where: "Filter | None" = None) -> list[Hit]:
        """Return the k notes that best match the words of a text by BM25, best first; scores are BM25's.

        Raises MissingCapability where the index has no keyword search.
        """
        found = self.index.keyword(text, k, where)
        records = self.index.get(found.ids[0], with_vectors=False)
        return [
            Hit(record.id, float(score), cast("dict[str, Any]", record.payload), Why({"words": float(score)}))
            for record, score in zip(records, found.scores[0], strict=True)
            if record is not None
        ]

    def _mix(
        self, liked: "Sequence[Record]", notes: "Sequence[Note]", unliked: "Sequence[Record]", weights: Weights
    ) -> Vectors:
        parts = [record.vector for record in liked]
        shares = [weights.like] * len(parts)
        if notes:
            parts.extend(self.encoder.encode(notes))
            shares += [
                weights.note if note.has_text and note.images else weights.text if note.has_text else weights.image
                for note in notes
            ]
        return mix(parts, shares, [record.vector for record in unliked], weights.unlike, self.blocks)

    def _records(self, ids: Sequence[str]) -> "list[Record]":
        records = self.index.get(ids) if ids else []
        missing = [note_id for note_id, record in zip(ids, records, strict=True) if record is None]
        if missing:
            raise UnknownNote(f"the index has no note {', '.join(map(repr, missing))} (it has {self.index.count():,})")
        return [record for record in records if record is not None]

    def _hits(self, ranked: list[tuple[str, float]], query: Vectors, asked: Sequence[Any]) -> list[Hit]:
        tags = {str(tag).casefold() for payload in asked for tag in payload["tags"]}
        categories = {payload["category"] for payload in asked} - {None}
        hits = []
        records = self.index.get([hit_id for hit_id, _ in ranked])
        for (hit_id, score), record in zip(ranked, records, strict=True):
            if record is None:
                continue  # deleted by another process since the search
            payload = cast("dict[str, Any]", record.payload)
            why = Why(
                contributions=self.blocks.contributions(query, record.vector),
                shared_tags=tuple(tag for tag in payload["tags"] if tag.casefold() in tags),
                same_category=payload["category"] in categories,
            )
            hits.append(Hit(hit_id, score, payload, why))
        return hits
