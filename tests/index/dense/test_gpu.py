"""A CUDA device gives the processor's answers; without one the message says what to install."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from index import Attribute, AttributeType, Eq, FaissConfig, FaissIndex, IndexSchema, MissingCapability, Record
from index.dense.kinds import faiss

SCHEMA = IndexSchema((Attribute("category", AttributeType.TEXT),))


def _has_device() -> bool:
    return bool(getattr(faiss(), "get_num_gpus", lambda: 0)())


def _filled(folder: Path, kind: str, device: str) -> FaissIndex:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((5000, 48)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    config = FaissConfig(kind=kind, device=device, target_recall=0.99)
    index = FaissIndex.create(folder, dim=48, fingerprint="print", schema=SCHEMA, config=config)
    index.upsert(Record(f"n{i}", row, {"category": f"c{i % 7}"}, "") for i, row in enumerate(rows))
    index.compact()
    return index


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["flat", "ivf_sq8", "auto"])
def test_device_and_processor_agree(tmp_path: Path, kind: str) -> None:
    if not _has_device():
        pytest.skip("no CUDA device, or faiss-cpu in the place of faiss-gpu")
    rng = np.random.default_rng(4)
    queries = rng.standard_normal((64, 48)).astype(np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    with _filled(tmp_path / "gpu", kind, "cuda") as ours, _filled(tmp_path / "cpu", "flat", "cpu") as exact:
        for where in (None, Eq("category", "c3")):
            found, wanted = ours.search(queries, 10, where), exact.search(queries, 10, where)
            hits = [len(set(a) & set(b)) / 10 for a, b in zip(found.ids, wanted.ids, strict=True)]
            assert np.mean(hits) >= (1.0 if kind != "ivf_sq8" else 0.98)
        ours.delete(["n0", "n1"])
        assert not {"n0", "n1"} & {name for ids in ours.search(queries, 50).ids for name in ids}


def test_without_a_device_the_message_says_what_to_install(tmp_path: Path) -> None:
    if _has_device():
        return  # the other test covers this machine
    index = FaissIndex.create(tmp_path / "index", dim=4, fingerprint="print", config=FaissConfig(device="cuda"))
    index.upsert([Record("a", np.eye(4, dtype=np.float32)[0], {}, "")])
    with pytest.raises(MissingCapability, match="faiss-gpu"):
        index.compact()
    assert index.search(np.eye(4, dtype=np.float32)[:1], 1).ids == [["a"]]
