"""What the benchmark asks of a system, and how a system says what it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .data import Corpus

Width: TypeAlias = dict[str, int]
"""Search settings by name, such as {"ef": 20}; empty where a system takes none."""
Found: TypeAlias = Sequence[Sequence[Any]]
"""Row numbers (int, or as text) a query, best first, in whatever sequence the system hands out."""
Ladders: TypeAlias = tuple[tuple[Width, ...], ...]
"""Settings to sweep. Along a ladder cost and recall rise; at the same step a later ladder finds no less."""
EFS = (10, 12, 14, 16, 20, 24, 32, 40, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 2048)
GRAPH: Ladders = (tuple({"ef": ef} for ef in EFS),)


@dataclass(frozen=True)
class Where:
    """The one filter of this benchmark: a text attribute equals a value."""

    column: str
    value: str


class Peer(ABC):
    """One system over one folder. Row numbers are its ids; vectors are unit float32 [N, dim].

    `threads` is what the process was given; a system that cannot be told has its CPU affinity set.
    """

    note = ""
    """How it was used, for the table."""
    packages: tuple[str, ...] = ()
    """The distributions whose versions are reported."""
    ladders: Ladders = (({},),)
    filtered_ladders: Ladders | None = None
    """The same for filtered searches, where they differ."""

    target = 0.95
    """The recall asked for, for systems that calibrate themselves; the worker sets it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    @abstractmethod
    def build(self, folder: Path, corpus: Corpus) -> None:
        """Everything on disk in `folder`, which does not exist yet, and searchable."""

    @abstractmethod
    def open(self, folder: Path, corpus: Corpus) -> None:
        """Open what build() left. The corpus gives the columns to systems that store no payload."""

    @abstractmethod
    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        """The k nearest rows of each query [Q, dim]."""

    @abstractmethod
    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        """Store rows of the corpus, returning once the system says (or a save in place says) that they are kept."""

    @abstractmethod
    def present(self, rows: Sequence[int]) -> int:
        """How many of these rows are stored."""

    def details(self) -> dict[str, Any]:
        """Anything worth recording of an open index, for the JSON and for pairing."""
        return {}

    def close(self) -> None:  # noqa: B027 -- most systems need nothing
        """Let go of the folder."""


@dataclass(frozen=True)
class System:
    """A line of the table: which class, of which file, in which variant, and what to install for it."""

    module: str
    cls: str
    variant: str = ""
    install: str = ""
    pair: str = ""
    """The raw faiss system of the same index type, for ratios."""

    def load(self, threads: int) -> Peer:
        """Make the peer. Raises ImportError where its library is missing."""
        made = getattr(import_module(f".{self.module}", __package__), self.cls)
        peer: Peer = made(threads, self.variant) if self.variant else made(threads)
        return peer


KINDS = ("flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq")
SYSTEMS: dict[str, System] = {}
for _kind in KINDS:  # pairs stand next to each other, so that they are measured within the same minute
    SYSTEMS[f"raw-{_kind}"] = System("raw_faiss", "RawFaiss", _kind, "faiss-cpu")
    SYSTEMS[f"notelens-{_kind}"] = System("notelens", "NoteLens", _kind, "notelens", f"raw-{_kind}")
SYSTEMS |= {
    "notelens-auto": System("notelens", "NoteLens", "auto", "notelens"),
    "hnswlib": System("graphs", "HnswLib", install="hnswlib"),
    "usearch": System("graphs", "USearch", install="usearch"),
    "lancedb": System("lance", "Lance", install="lancedb"),
    "milvus-lite": System("milvus", "MilvusLite", install="milvus-lite pymilvus"),
    "qdrant-edge": System("qdrant", "QdrantEdge", install="qdrant-edge-py"),
    "zvec": System("zvec_store", "Zvec", install="zvec"),
    "chromadb": System("chroma", "Chroma", install="chromadb"),
}
FAMILIES = {
    "raw": [name for name in SYSTEMS if name.startswith("raw-")],
    "notelens": [name for name in SYSTEMS if name.startswith("notelens-")],
    "all": list(SYSTEMS),
}


def chosen(text: str) -> list[str]:
    """The systems a comma-separated list names, in the table's order. Raises ValueError for an unknown name."""
    wanted: set[str] = set()
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name not in FAMILIES and name not in SYSTEMS:
            raise ValueError(f"system {name!r}: expected one of {', '.join([*FAMILIES, *SYSTEMS])}")
        wanted.update(FAMILIES.get(name, [name]))
    return [name for name in SYSTEMS if name in wanted]
