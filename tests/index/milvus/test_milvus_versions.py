"""Versions: staged beside the published one, checked, swapped by the alias, taken back, dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from index.base import Neighbours, Record
from index.errors import IndexNotFound, InvalidVersion
from index.milvus import MilvusConfig, MilvusIndex


def test_a_staged_version_is_unseen_until_published_and_can_be_taken_back(
    milvus: Any, notes: Callable[..., list[Record]]
) -> None:
    with milvus.create("shelf") as index, milvus.open("shelf") as reader:
        index.upsert(notes(10, prefix="old"))
        with index.stage(MilvusConfig(index_type="IVF_FLAT", lists=2, probes=2)) as staged:
            staged.upsert(notes(4, prefix="new"))
            assert (reader.count(), staged.count()) == (10, 4)
            assert [(each.number, each.rows, each.published) for each in index.versions()] == [
                (1, 10, True),
                (2, 4, False),
            ]
            with pytest.raises(InvalidVersion, match="it holds 4 records, expected 5"):
                staged.publish(rows=5)
            assert reader.count() == 10
            staged.publish(rows=4)
        # Handles that were open before read, and write, what is published now.
        assert reader.count() == index.count() == 4
        assert next(reader.scan()).id.startswith("new")
        assert reader.search(notes(1)[0].vector[None, :], 1).ids[0][0].startswith("new")
        assert reader.info()["index_type"] == "IVF_FLAT"
        index.upsert(notes(1, prefix="newest"))
        with milvus.open("shelf", "print-1") as fresh:
            assert fresh.count() == 5
            assert fresh.info()["collection"] == "shelf_v2"

        with pytest.raises(InvalidVersion, match="version 2 is the one that is read"):
            index.drop_version(2)
        back = index.rollback()
        assert (back.number, back.rows, back.published) == (1, 10, True)
        assert reader.count() == 10
        with pytest.raises(InvalidVersion, match="there is no version before 1"):
            index.rollback()
        index.drop_version(2)
        assert [each.number for each in index.versions()] == [1]
        with pytest.raises(InvalidVersion, match="there is no version 2, only 1"):
            index.drop_version(2)
        with pytest.raises(InvalidVersion, match="published already"):
            index.publish()


def test_a_version_that_does_not_find_its_own_records_is_not_published(
    lite: Any, notes: Callable[..., list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    index = lite.create("shelf")
    index.upsert(notes(3))
    staged = index.stage()
    staged.upsert(notes(5))

    def blind(self: MilvusIndex, vectors: Any, k: int, where: Any = None) -> Neighbours:
        return Neighbours([["x"]] * len(vectors), [np.array([0.9], dtype=np.float32)] * len(vectors))

    with monkeypatch.context() as patched:
        patched.setattr(MilvusIndex, "search", blind)
        with pytest.raises(InvalidVersion, match="does not find 'note 0000"):
            staged.publish()
    assert index.count() == 3
    staged.publish()
    assert index.count() == 5
    staged.close()


def test_a_collection_dropped_under_a_reader_is_named(lite: Any, notes: Callable[..., list[Record]]) -> None:
    index = lite.create("shelf")
    staged = index.stage()
    staged.upsert(notes(2))
    index.drop_version(2)
    with pytest.raises(IndexNotFound, match="Was it removed, or its version dropped"):
        staged.count()
    staged.close()
    assert index.count() == 0
