"""What `notelens evaluate` is given, made into systems: names told apart, encoders loaded, indexes opened."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np

from app.errors import AppError
from app.opening import open_note_index
from app.settings import Settings
from encoders.base import Encoder
from encoders.config_base import PartConfig
from encoders.load import load_encoder, resolve_config
from index import NoteIndex
from retrieval.evaluation.encoding import READINGS, EncodedNotes
from retrieval.evaluation.entries import CEILINGS, encoder_entries, stored_notes
from retrieval.evaluation.evaluate import Entry, EvaluationConfig
from retrieval.evaluation.index_recall import index_recall
from retrieval.evaluation.metrics.accuracy import accuracy
from retrieval.evaluation.metrics.lists import means
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.results import IndexRecall
from retrieval.evaluation.systems.base import Ranking
from retrieval.evaluation.systems.vectors import VectorSystem, read_layout, read_vectors
from retrieval.evaluation.text_view import TextView
from retrieval.evaluation.trained_on import check_trained_on
from retrieval.retriever import described_encoder

OnEncoding = Callable[[str, int], Callable[[int], None]]
ZERO_SHOT = "zero-shot"
DEFAULT = "minilm"
# What baselines are called in results, and how readings of a system are told apart.
RESERVED = {"random", "popularity", "BM25", "co-occurrence", *CEILINGS, f"{ZERO_SHOT} {DEFAULT}"}
READ = r" \((text|image)\)$"
# Rounding to float16, or to bytes, moves a length by less.
NOT_UNIT = 0.02


@dataclass(frozen=True, slots=True)
class Named:
    """A system as it was named: `movies.idx`, or `ours=movies.idx`."""

    name: str
    place: str

    @classmethod
    def all_of(cls, given: Sequence[str]) -> "list[Named]":
        """Tell names and places apart. Raises AppError where two systems are called the same."""
        named = []
        for text in given:
            name, equals, place = text.partition("=")
            # An equals sign may stand in a path, too: such a path wins.
            named.append(cls(name, place) if equals and not _is_there(text) else cls(_short(text), text))
        twice = {each.name for each in named if [other.name for other in named].count(each.name) > 1}
        taken = {each.name for each in named if each.name in RESERVED or not each.name or re.search(READ, each.name)}
        if taken:
            raise AppError(
                f"{', '.join(map(repr, sorted(taken)))}: a system cannot be called as a baseline is, nor nothing, "
                "nor end in (text) or (image); name it, as ours=PATH"
            )
        if twice:
            raise AppError(
                f"several systems are called {', '.join(sorted(twice))}: tell them apart by naming them, as "
                "first=PATH second=PATH"
            )
        return named

    def check(self, settings: Settings) -> None:
        """Raise AppError or EncodersError where there is nothing of that name, before anything is read."""
        if self.is_vectors and not Path(self.place).is_file():
            raise AppError(f"{self.place} is not there; `notelens export INDEX --out {self.place}` writes such a file")
        if not self.is_vectors and not self.is_index:
            resolve_config(self.place, settings.encoder)

    @property
    def is_index(self) -> bool:
        """Whether it is an index directory."""
        return (Path(self.place) / "index.json").is_file()

    @property
    def is_vectors(self) -> bool:
        """Whether it is a file of exported vectors."""
        return self.place.endswith(".npz")


def _short(place: str) -> str:
    return Path(place).name or place if _is_there(place) else place


def _is_there(place: str) -> bool:
    try:
        return Path(place).exists()
    except OSError:  # longer than any path can be
        return False


class Systems:
    """The systems of one evaluation; what they hold open is closed with the stack."""

    def __init__(
        self,
        protocol: Protocol,
        settings: Settings,
        stack: ExitStack,
        view: TextView | None,
        ablation: bool,
        on_encoding: OnEncoding,
    ) -> None:
        self._protocol, self._settings, self._stack, self._view = protocol, settings, stack, view
        self._readings = READINGS if ablation else READINGS[:1]
        self._on_encoding = on_encoding
        self._indexes: dict[str, tuple[NoteIndex, EncodedNotes]] = {}
        self._makers: dict[str, Callable[[], Encoder]] = {}
        self.fingerprints: set[str] = set()
        self.remarks: list[str] = []

    def of(self, named: Named) -> Iterator[Entry]:
        """Make the entries of one system. Raises AppError, EncodersError, EvaluationError, NoteIndexError."""
        if named.is_index:
            yield from self._index(named)
        elif named.is_vectors:
            yield from self._vectors(named)
        else:
            yield from self._encoder(named)

    def zero_shot(self) -> Iterator[Entry]:
        """The default encoder as it comes, unless a system is that already."""
        encoder = self._load(DEFAULT)
        if encoder.fingerprint in self.fingerprints:
            return
        made = encoder_entries(
            self._protocol,
            f"{ZERO_SHOT} {DEFAULT}",
            lambda: encoder,
            "baseline",
            self._readings[:1],
            self._view,
            self._on_encoding,
        )
        for entry in made:
            yield replace(entry, reads="")

    def index_recall(self, config: EvaluationConfig) -> Iterator[IndexRecall]:
        """Hold each index's own search against exact search over what it stores."""
        pool = self._protocol.pool

        def measure(ranking: Ranking) -> dict[str, float]:
            found = accuracy(ranking.padded(config.depth), pool.relevance, config.measures)
            return {name: means(values) for name, values in found.items()}

        deepest = min(config.depth, len(pool) - 1)
        for name, (index, stored) in self._indexes.items():
            yield index_recall(index, name, pool.notes.ids, stored.queries, pool.queries, deepest, measure)

    def encoders(self) -> dict[str, Encoder]:
        """The encoders of all systems that have one, by the system's name."""
        return {name: make() for name, make in self._makers.items()}

    def _index(self, named: Named) -> Iterator[Entry]:

        if self._view is not None:
            raise AppError(
                f"{named.place} was built from whole notes; --text is for encoders, which read notes as they are told"
            )
        index = self._stack.enter_context(open_note_index(Path(named.place), settings=self._settings))
        stored = stored_notes(self._protocol, index)
        self._indexes[named.name] = index, stored
        self.fingerprints.add(index.fingerprint)
        described = index.meta["encoder"]
        assert isinstance(described, dict)
        self._check_training(named, described)

        run = self._settings.run.precision, self._settings.images.limits()
        make = self._makers[named.name] = cache(lambda: described_encoder(index, *run))
        yield from encoder_entries(
            self._protocol, named.name, make, "index", self._readings, None, self._on_encoding, stored
        )

    def _vectors(self, named: Named) -> Iterator[Entry]:
        path = Path(named.place)
        if self._view is not None:
            raise AppError(f"{path} was made of whole notes; --text is for encoders, which read notes as they are told")
        vectors, layout = read_vectors(path, self._protocol.pool.notes.ids), read_layout(path)
        if layout is None:
            remark = "its file does not say how vectors are laid out: they ask as they are, and are not parted"
            lengths = np.linalg.norm(vectors, axis=1)
            if len(others := lengths[np.abs(lengths - 1) > NOT_UNIT]):
                remark += f"; {len(others):,} are not of unit length ({others.min():.3g} to {others.max():.3g})"
            yield Entry(VectorSystem(named.name, vectors), "vectors", remark=remark)
            return
        whole = EncodedNotes(vectors, layout)
        yield from encoder_entries(self._protocol, named.name, None, "vectors", self._readings, whole=whole)

    def _encoder(self, named: Named) -> Iterator[Entry]:

        encoder = self._load(named.place)
        make = self._makers[named.name] = lambda: encoder
        self.fingerprints.add(encoder.fingerprint)
        self._check_training(named, encoder.config)
        yield from encoder_entries(
            self._protocol, named.name, make, "encoder", self._readings, self._view, self._on_encoding
        )

    def _check_training(self, named: Named, config: PartConfig | Mapping[str, object]) -> None:
        """Refuse an encoder that learned from what is asked here. Raises LeakFound."""
        protocol = self._protocol
        self.remarks += check_trained_on(named.name, config, protocol.split, protocol.config.stage)

    def _load(self, place: str) -> Encoder:

        run = self._settings.run.precision, self._settings.images.limits()
        return load_encoder(resolve_config(place, self._settings.encoder), *run)
