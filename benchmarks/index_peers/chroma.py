"""Chroma: a persistent client over hnswlib and SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .base import Found, Peer, Where, Width
from .data import Corpus

_CHUNK = 5000


class Chroma(Peer):
    """One collection; a change of ef takes effect when the client is opened anew."""

    packages = ("chromadb",)
    note = "PersistentClient, hnsw max_neighbors 32, ef_construction 64; a new ef needs the client opened anew"
    ladders = (tuple({"ef": ef} for ef in (10, 16, 20, 24, 32, 48, 64, 96, 128, 256)),)

    def build(self, folder: Path, corpus: Corpus) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        graph = {"space": "ip", "ef_construction": 64, "max_neighbors": 32, "num_threads": self.threads}
        self.rows = self._client().create_collection("rows", configuration={"hnsw": graph}, embedding_function=None)
        self.upsert(range(corpus.rows), corpus)

    def open(self, folder: Path, corpus: Corpus) -> None:  # noqa: ARG002 -- it stores its payloads itself
        self._folder = folder
        self._ef = 0
        self._collection()

    def search(self, queries: NDArray[np.float32], k: int, where: Where | None, width: Width) -> Found:
        if width and width["ef"] != self._ef:
            self._set(width["ef"])
        chosen: Any = {where.column: where.value} if where else None
        found: Found = self.rows.query(query_embeddings=queries, n_results=k, where=chosen, include=[])["ids"]
        return found

    def upsert(self, rows: Sequence[int], corpus: Corpus) -> None:
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            self.rows.upsert(
                ids=[str(row) for row in some],
                embeddings=np.asarray(corpus.vectors[some[0] : some[-1] + 1]),
                metadatas=[corpus.payload(row) for row in some],
            )

    def present(self, rows: Sequence[int]) -> int:
        found = 0
        for start in range(0, len(rows), _CHUNK):
            found += len(self.rows.get(ids=[str(row) for row in rows[start : start + _CHUNK]], include=[])["ids"])
        return found

    def _set(self, ef: int) -> None:
        from chromadb.api.shared_system_client import SharedSystemClient

        self.rows.modify(configuration={"hnsw": {"ef_search": ef}})
        SharedSystemClient.clear_system_cache()
        self._collection()
        self._ef = ef

    def _collection(self) -> None:
        self.rows = self._client().get_collection("rows", embedding_function=None)
        held: Any = self.rows.configuration_json.get("hnsw") or {}
        self._ef = held.get("ef_search", 0)

    def _client(self) -> Any:
        import chromadb
        from chromadb.config import Settings

        return chromadb.PersistentClient(str(self._folder), settings=Settings(anonymized_telemetry=False))
