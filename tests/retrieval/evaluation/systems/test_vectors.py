"""Vectors as a system, and read from exported files of every kind."""

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoders.blocks import Blocks, join, unit_rows
from encoders.quantize import Int8Ranges
from index import ExactIndex, Record
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.systems import vectors as module
from retrieval.evaluation.systems.vectors import VectorSystem, read_vectors
from retrieval.export import export_vectors

IDS = ["上海", "b", "c c", "d"]


def rows(count: int = 4, dim: int = 3) -> np.ndarray:
    return unit_rows(np.random.default_rng(0).standard_normal((count, dim)).astype(np.float32))


def test_notes_that_lack_the_same_thing_are_not_alike_for_it() -> None:
    text, image = rows(6, 4), rows(6, 5)
    image[:4] = 0
    blocks = Blocks((("text", 4), ("image", 5)), absent=2)
    stored = join(text, image, 0.5)
    system = VectorSystem("both", stored, blocks.as_query(stored))
    found = system.rank(np.array([0]), 5)
    scores = [float(text[0].astype(float) @ text[i].astype(float)) * np.sqrt(0.5) for i in range(6)]
    expected = sorted(range(1, 6), key=lambda i: -scores[i])
    assert found.positions[0].tolist() == expected
    np.testing.assert_allclose(found.scores[0], [scores[i] for i in expected], atol=1e-6)


@pytest.mark.parametrize(
    ("candidates", "queries"),
    [
        (rows().astype(np.float64), None),
        (rows()[0], None),
        (rows(), rows(5)),
        (rows(), rows(4, 2)),
        (np.where(np.eye(4, 3) > 0, np.nan, rows()).astype(np.float32), None),
        (rows(), np.full((4, 3), np.inf, dtype=np.float32)),
    ],
)
def test_vectors_that_do_not_fit_are_refused(candidates: Any, queries: Any) -> None:
    with pytest.raises(EvaluationError, match="mine"):
        VectorSystem("mine", candidates, queries)


@pytest.mark.parametrize("step", [1, 4, 1000])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_rows_come_in_the_order_of_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, save: Any, dtype: Any
) -> None:
    monkeypatch.setattr(module, "_CHUNK", step)
    for order in ("C", "F"):
        stored = np.array(rows(), dtype=dtype, order=order)
        save(tmp_path / "v.npz", ids=np.array(IDS), vectors=stored)
        got = read_vectors(tmp_path / "v.npz", ["d", "c c", "上海"])
        np.testing.assert_array_equal(got, stored[[3, 2, 0]].astype(np.float32))
        assert got.dtype == np.float32


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_exports_are_read_back(tmp_path: Path, precision: Any) -> None:
    index = ExactIndex(3)
    index.upsert(Record(name, row, {}, "") for name, row in zip(IDS, rows(), strict=True))
    export_vectors(index, tmp_path / "v.npz", precision=precision)
    got = read_vectors(tmp_path / "v.npz", IDS[::-1])
    if precision == "float32":
        np.testing.assert_array_equal(got, rows()[::-1])
    else:
        ranges = Int8Ranges.calibrate(rows())
        np.testing.assert_array_equal(got, ranges.dequantize(ranges.quantize(rows()))[::-1])
        assert np.abs(got - rows()[::-1]).max() < 0.005


def test_numbers_for_ids_are_taken_for_their_digits(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", ids=np.array([10, 7]), vectors=rows(2))
    np.testing.assert_array_equal(read_vectors(tmp_path / "v.npz", ["7", "10"]), rows(2)[::-1])


def test_the_file_is_never_in_memory_as_a_whole(tmp_path: Path) -> None:
    vectors = np.ones((40_000, 64), dtype=np.float32)  # 10 MB
    np.savez(tmp_path / "v.npz", ids=np.arange(40_000), vectors=vectors)
    monkey = module._CHUNK
    module._CHUNK = 1 << 16
    try:
        tracemalloc.start()
        read_vectors(tmp_path / "v.npz", ["5"])
        assert tracemalloc.get_traced_memory()[1] < 16e6  # ids as strings take 10 MB of it, twice the vectors would 20
    finally:
        tracemalloc.stop()
        module._CHUNK = monkey


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ids": np.array(IDS)}, "vectors"),
    ({"vectors": rows()}, "ids"),
    ({"ids": np.array(IDS), "vectors": rows(3)}, r"\[3, 3\]"),
    ({"ids": np.array(IDS), "vectors": rows()[0]}, r"\[3\]"),
    ({"ids": np.array(IDS), "vectors": np.ones((4, 3), dtype=np.int8)}, "int8"),
    ({"ids": np.array(IDS), "vectors": np.ones((4, 3), dtype=np.int64)}, "int64"),
    ({"ids": np.array(IDS), "vectors": np.full((4, 3), "x")}, "<U1"),
    (
        {"ids": np.array(IDS), "vectors": np.ones((4, 3), np.int8), "low": np.ones(2), "high": np.ones(2)},
        r"low and high are \[2\]",
    ),
    ({"ids": np.array([IDS]), "vectors": rows()}, "ids are"),
    ({"ids": np.array(IDS, dtype=object), "vectors": rows()}, "pickle"),
    ({"ids": np.array(["b", "上海", "上海", "b"]), "vectors": rows()}, "2 ids come more than once"),
    (
        {"ids": np.array(["b", "x", "y", "z"]), "vectors": rows()},
        "3 of 4 notes have no vector, first .'上海', 'c c', 'd'.",
    ),
    ({"ids": np.array(IDS), "vectors": np.where(np.eye(4, 3, k=-2) > 0, np.nan, rows())}, "row 2 has NaN or Inf"),
]


@pytest.mark.parametrize(("arrays", "said"), BAD)
def test_files_that_are_wrong_are_refused_by_name(tmp_path: Path, arrays: dict[str, Any], said: str) -> None:
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(EvaluationError, match=said) as caught:
        read_vectors(tmp_path / "v.npz", IDS)
    assert "v.npz" in str(caught.value)


def test_missing_ids_are_counted_and_five_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "v.npz", ids=np.array(IDS), vectors=rows())
    with pytest.raises(EvaluationError, match=r"7 of 8 .*'0', '1', '2', '3', '4'\]"):
        read_vectors(tmp_path / "v.npz", ["b", *map(str, range(7))])


def test_what_is_no_npz_is_refused(tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez_compressed(whole, ids=np.array(IDS), vectors=rows())
    damaged = bytearray(whole.getvalue())
    damaged[damaged.index(b"vectors.npy") + 40] ^= 0xFF
    np.save(tmp_path / "v.npy", rows())
    for name, content in {"text": b"id,vector\n", "none": b"", "cut": whole.getvalue()[:-30], "bits": damaged}.items():
        (tmp_path / name).write_bytes(content)
    short = io.BytesIO()
    np.save(short, rows())
    with zipfile.ZipFile(tmp_path / "short", "w") as archive:
        ids = io.BytesIO()
        np.save(ids, np.array(IDS))
        archive.writestr("ids.npy", ids.getvalue())
        archive.writestr("vectors.npy", short.getvalue()[:-4])
    for name in ("text", "none", "cut", "bits", "v.npy", "short", "absent", "."):
        with pytest.raises(EvaluationError, match="holds no exported vectors"):
            read_vectors(tmp_path / name, IDS)
