"""Keyword search with a note's whole text as the query: what words alone find."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import numpy as np

from index.lexical.bm25 import Changes, LexicalIndex
from retrieval.evaluation.facts import Positions
from retrieval.evaluation.ranking import in_parts, nothing
from retrieval.evaluation.systems.base import OnProgress, Ranking, Scores

_TOGETHER = 64


@dataclass(frozen=True, slots=True, eq=False)
class Bm25System:
    """Ranks by BM25 as the product's keyword search does; notes without any word of the query are not ranked.

    Use `build`, as a context manager or with `close`: the postings lie in a temporary folder. Of a text of more than
    256 different words only the rarest count as a query (index.lexical.best).
    """

    index: LexicalIndex
    texts: Mapping[int, str]
    folder: "TemporaryDirectory[str]"

    @classmethod
    def build(cls, texts: Iterable[str], queries: Positions | None = None) -> Self:
        """Index the texts of the pool's notes, in its order. Raises index.errors.OutOfSpace.

        texts: drawn once, so a generator will do. queries: the positions that will be asked for, whose texts are kept;
        None: all.
        """
        asked = None if queries is None else set(queries.tolist())
        kept: dict[int, str] = {}

        def rows() -> Iterable[tuple[int, str]]:
            for position, text in enumerate(texts):
                if asked is None or position in asked:
                    kept[position] = text
                yield position, text

        folder = TemporaryDirectory(prefix="notelens-bm25-")
        try:
            index = LexicalIndex.build(folder.name, lambda _: Changes(rows(), [], 1))
        except BaseException:
            folder.cleanup()
            raise
        return cls(index, kept, folder)

    @property
    def name(self) -> str:
        """What it is called in tables."""
        return "BM25"

    def rank(self, queries: Positions, depth: int, on_progress: OnProgress | None = None) -> Ranking:
        """See System.rank. The index makes scores equal that differ by less than a millionth."""

        def rank(part: slice) -> Ranking:
            ranking = nothing(part.stop - part.start, depth)
            for row, query in enumerate(queries[part].tolist()):
                keys, scores = self.index.search(self.texts[query], depth + 1)
                others = np.flatnonzero(keys != query)[:depth]
                ranking.positions[row, : len(others)] = keys[others]
                ranking.scores[row, : len(others)] = scores[others]
            return ranking

        return in_parts(len(queries), _TOGETHER, depth, rank, on_progress)

    def score_pairs(self, queries: Positions, candidates: Positions) -> Scores:
        """See System.score_pairs. 0 where no word is shared."""
        scores = np.zeros(len(queries), dtype=np.float32)
        order = np.argsort(queries, kind="stable")
        asked, first = np.unique(queries[order], return_index=True)
        for query, start, count in zip(asked.tolist(), first, np.diff(first, append=len(order)), strict=True):
            pairs = order[start : start + count]
            wanted = np.unique(candidates[pairs])
            keys, found = self.index.search(self.texts[query], len(wanted), wanted)
            among = np.zeros(len(wanted), dtype=np.float32)
            among[np.searchsorted(wanted, keys)] = found
            scores[pairs] = among[np.searchsorted(wanted, candidates[pairs])]
        return scores

    def close(self) -> None:
        """Let go of the postings and remove them; closing twice is fine."""
        self.index.close()
        self.folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
