"""The settings of the dense side; kept in the version's manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from index.errors import NoteIndexError

Kind = Literal["flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq"]
KindChoice = Literal["auto", "flat", "hnsw", "ivf_sq8", "ivf_pq", "ivf_rabitq"]
Storage = Literal["float32", "float16", "int8"]
Device = Literal["cpu", "cuda"]


@dataclass(frozen=True, slots=True)
class FaissConfig:
    """How vectors are held and searched; none of it changes what is stored in the database.

    Raises NoteIndexError for values that mean nothing.
    """

    kind: KindChoice = "auto"
    """auto: flat while every row can be scored quickly, then ivf_pq, in the storage that fits the budget."""
    target_recall: float = 0.95
    """The recall@10 against exact search that the search width is calibrated to."""
    storage: Storage = "float32"
    """How the vectors that are scored at the end are held; scores are those of the held vectors."""
    truncate: int | None = None
    """Search among the first so many dimensions (Matryoshka), then score the best in all of them."""
    memory_budget: int | None = None
    """Bytes the derived vectors may take; auto then takes a smaller storage where float32 does not fit."""
    device: Device = "cpu"
    """cuda: search flat and ivf_sq8 bases on the first CUDA device (index/dense/gpu.py)."""
    m: int = 32
    """Links a node in the HNSW graph."""
    ef_construction: int = 64
    nlist: int | None = None
    """Lists of an inverted file; None: about 1.6 times the root of the rows, a power of two."""
    points_per_list: int = 64
    """Training vectors a list, at most."""
    flat_up_to: int = 20_000
    """With kind auto, the rows up to which every one is scored."""
    max_delta: int = 20_000
    """A snapshot rebuilds the base when more rows than this, or a tenth of it, were written since."""
    max_dead_share: float = 0.2
    """A snapshot rebuilds the base when a larger share of its rows is removed."""
    snapshot_after: int = 1000
    """Fewer changes than this never rebuild the base."""

    def __post_init__(self) -> None:
        choices = ((self.kind, KindChoice), (self.storage, Storage), (self.device, Device))
        faults = [
            f"{got!r}, expected one of {get_args(wanted)}" for got, wanted in choices if got not in get_args(wanted)
        ]
        if self.device == "cuda" and self.kind not in ("auto", "flat", "ivf_sq8"):
            faults.append(f"kind {self.kind!r} on a CUDA device, expected auto, flat or ivf_sq8")
        if not 0.5 <= self.target_recall <= 1:
            faults.append(f"target_recall {self.target_recall}, expected 0.5 to 1")
        counts = ("m", "ef_construction", "nlist", "points_per_list", "truncate", "memory_budget")
        for name in counts:
            value = getattr(self, name)
            if value is not None and value < 1:
                faults.append(f"{name} {value}, expected at least 1")
        if faults:
            raise NoteIndexError(f"settings of the index: got {'; '.join(faults)}. Mend the [index] settings.")
