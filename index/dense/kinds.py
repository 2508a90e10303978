"""FAISS indexes by kind: made, trained, filled, read and written. With search.py, all that speaks to FAISS.

A base has two parts. `storage` holds every vector as it is scored in the end; `ann`, which a flat base lacks,
finds candidates. An HNSW graph walks over the storage itself; every other candidate is re-ranked there.
FAISS's own traps stay in here: it takes NaN without a word (callers give finite vectors), warns on stderr when
lists are short of training vectors, and cannot share one vector array between files (so a graph is written
without its storage).
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from math import log2, sqrt
from pathlib import Path
from typing import Any

from index.base import Vectors
from index.dense.config import FaissConfig, Kind, Storage

STORAGE = "storage.faiss"
ANN = "ann.faiss"
_SAMPLE = 65_536
"""Vectors that an 8-bit storage takes its ranges from, at most."""
_DEVICE_FLAT_UP_TO = 2_000_000
"""With kind auto, the rows up to which a CUDA device scores every one."""
_FEWEST = 32
"""Fewer rows than this have no inverted file: 16 centroids a code must be trained from something."""


@cache
def faiss() -> Any:
    """The module, loaded when an index is opened and not before. Untyped: its stubs import torch."""
    return import_module("faiss")


def kind_for(config: FaissConfig, rows: int) -> Kind:
    """The kind that so many rows call for."""
    if rows < _FEWEST:
        return "flat"
    if config.kind == "auto" and config.device == "cuda":
        return "flat" if rows <= _DEVICE_FLAT_UP_TO else "ivf_sq8"
    if config.kind == "auto":
        return "flat" if rows <= config.flat_up_to else "ivf_pq"
    return config.kind


def storage_for(config: FaissConfig, rows: int, dim: int) -> Storage:
    """The storage asked for; with a budget and float32, the widest that fits it, and int8 if none does."""
    if config.memory_budget is None or config.storage != "float32":
        return config.storage
    room = config.memory_budget / max(1, rows * dim)
    return "float32" if room >= 4 else "float16" if room >= 2 else "int8"


def lists_for(config: FaissConfig, rows: int) -> int:
    """The lists of an inverted file over so many rows."""
    return min(config.nlist or 2 ** round(log2(1.6 * sqrt(rows))), max(1, rows // 4))


def new_storage(storage: Storage, dim: int, sample: Vectors) -> Any:
    """An empty storage; an 8-bit one takes each dimension's range from the sample [N, dim]."""
    if storage == "float32":
        return faiss().IndexFlatIP(dim)
    quantizer = faiss().ScalarQuantizer
    code = quantizer.QT_fp16 if storage == "float16" else quantizer.QT_8bit
    made = faiss().IndexScalarQuantizer(dim, code, faiss().METRIC_INNER_PRODUCT)
    made.train(sample[:_SAMPLE])
    return made


def new_ann(kind: Kind, config: FaissConfig, sample: Vectors, rows: int, storage: Any) -> Any | None:
    """An empty, trained index that finds candidates among so many rows; None where scoring all is the way.

    sample: float32 [N, dim], the training vectors. storage: an empty one, which a graph takes for its own.
    """
    dim = sample.shape[1]
    inner = min(config.truncate or dim, dim)
    if kind == "flat" and inner == dim:
        return None
    if kind == "hnsw" and inner == dim:
        ann = faiss().IndexHNSW(storage, config.m)
        ann.hnsw.efConstruction = config.ef_construction
        return ann
    ann = _made(kind, config, inner, lists_for(config, rows))
    if inner < dim:
        whole = faiss().IndexPreTransform(ann)
        whole.prepend_transform(faiss().NormalizationTransform(inner, 2.0))
        whole.prepend_transform(faiss().RemapDimensionsTransform(dim, inner, False))
        ann = whole
    if not ann.is_trained:
        ann.train(sample)
    return ann


def add(storage: Any, ann: Any | None, vectors: Vectors) -> None:
    """Put rows [N, dim] at the end of both parts."""
    if ann is None or not _walks(ann):  # a graph hands its vectors on to the storage by itself
        storage.add(vectors)
    if ann is not None:
        ann.add(vectors)


def write(storage: Any, ann: Any | None, folder: Path) -> None:
    """Write both parts as storage.faiss and ann.faiss. Raises OSError."""
    _write(storage, folder / STORAGE, 0)
    if ann is not None:
        _write(ann, folder / ANN, faiss().IO_FLAG_SKIP_STORAGE if _walks(ann) else 0)


def _write(index: Any, path: Path, flags: int) -> None:
    """Through a file of Python's: FAISS's own leaves a file cut short, and says nothing, where closing it fails."""
    with path.open("wb") as file:
        faiss().write_index(index, faiss().PyCallbackIOWriter(file.write), flags)


def read(folder: Path) -> tuple[Any, Any | None]:
    """Map both parts into memory, so that opening costs nothing and processes share the pages.

    Raises ValueError where FAISS cannot read a file, or the parts do not fit each other.
    """
    mapped = faiss().IO_FLAG_MMAP_IFC
    try:
        storage = faiss().read_index(str(folder / STORAGE), mapped)
        if not (folder / ANN).exists():
            return storage, None
        ann = faiss().read_index(str(folder / ANN), mapped | faiss().IO_FLAG_SKIP_STORAGE)
    except RuntimeError as error:
        raise ValueError(f"FAISS cannot read it: {error}") from error
    if _walks(ann):
        ann.storage, ann.own_fields = storage, False  # who keeps the graph keeps the storage, too
    if ann.ntotal != storage.ntotal or ann.d != storage.d:
        raise ValueError("its two parts do not hold the same rows")
    return storage, ann


def inverted_file(ann: Any | None) -> Any | None:
    """The IndexIVF within, if there is one."""
    if ann is None:
        return None
    inner = faiss().downcast_index(ann.index) if is_reduced(ann) else ann
    return inner if isinstance(inner, faiss().IndexIVF) else None


def is_reduced(ann: Any | None) -> bool:
    """Whether candidates are searched in fewer dimensions."""
    return isinstance(ann, faiss().IndexPreTransform)


def is_graph(ann: Any | None) -> bool:
    """Whether candidates are found by walking a graph, in whatever dimensions."""
    inner = faiss().downcast_index(ann.index) if ann is not None and is_reduced(ann) else ann
    return isinstance(inner, faiss().IndexHNSW)


def _walks(ann: Any) -> bool:
    """Whether it is a graph over the storage itself."""
    return isinstance(ann, faiss().IndexHNSW)


def _made(kind: Kind, config: FaissConfig, dim: int, lists: int) -> Any:
    metric = faiss().METRIC_INNER_PRODUCT
    if kind == "flat":
        return faiss().IndexFlatIP(dim)
    if kind == "hnsw":
        graph = faiss().IndexHNSWFlat(dim, config.m, metric)
        graph.hnsw.efConstruction = config.ef_construction
        return graph
    code = {"ivf_sq8": "SQ8", "ivf_pq": f"PQ{_parts(dim)}x4fs", "ivf_rabitq": "RaBitQfs"}[kind]
    file = faiss().index_factory(dim, f"IVF{lists},{code}", metric)
    file.cp.min_points_per_centroid = 1  # or FAISS writes warnings to stderr
    file.cp.max_points_per_centroid = config.points_per_list
    if kind == "ivf_pq":
        file.pq.cp.min_points_per_centroid = 1
    return file


def _parts(dim: int) -> int:
    """Sub-vectors of a 4-bit code: of two dimensions each where the dimension allows, at worst of one."""
    return next((parts for parts in range(dim // 2, dim // 4, -1) if dim % parts == 0), dim)
