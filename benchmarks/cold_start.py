"""The cold-start item-to-item protocol: who may be seen in training, what is relevant, and how a ranking is scored.

Items are the notes with interactions. A fifth of them is cold by hash, users fall into halves A (training) and B
(relevance) by hash. Relevant to a cold item are its ten strongest co-occurrences among users B; candidates are all
other items.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import scipy.sparse as sp

from encoders import Corpus, Note
from encoders.corpus import Placed

TOP, MIN_USERS, CUTOFFS = 10, 5, (10, 50, 100)


def bucket(key: str, modulus: int) -> int:
    """Hash a key into one of `modulus` buckets, the same on every machine."""
    return int(hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest(), 16) % modulus


def cooccurrence(users: np.ndarray, items: np.ndarray, count: int) -> np.ndarray:
    """Co-occurrence Σ_u 1/N_u (NoteLLM, arXiv 2403.01744) over √(n_i n_j), from MIN_USERS common users on, [I, I]."""
    _, rows = np.unique(users, return_inverse=True)
    seen = sp.csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=(rows.max() + 1, count))
    weight = 1 / np.asarray(seen.sum(axis=1)).ravel()
    scores = (seen.T @ sp.diags(weight) @ seen).toarray()
    mass = np.asarray(seen.multiply(weight[:, None]).sum(axis=0)).ravel()
    scores[(seen.T @ seen).toarray() < MIN_USERS] = 0
    np.fill_diagonal(scores, 0)
    return scores / np.sqrt(np.outer(mass, mass) + 1e-9)


@dataclass(frozen=True, slots=True)
class Protocol:
    """The items as notes [I], which of them are cold, and co-occurrence among users A (warm items only) and B."""

    notes: list[Note]
    cold: np.ndarray
    among_a: np.ndarray
    among_b: np.ndarray

    @classmethod
    def of(cls, corpus: Path, interactions: Path, name: str | None = None) -> "Protocol":
        """Read a corpus and a Parquet table with columns user and item; name prefixes the hash keys."""
        name = name or corpus.resolve().name
        table = pq.read_table(interactions, columns=["user", "item"])
        item_ids, users = table["item"].to_numpy(), table["user"].to_numpy()
        with_events = {str(item) for item in np.unique(item_ids)}
        notes = [row.note for row in Corpus(corpus) if isinstance(row, Placed) and row.note.id in with_events]
        notes = [note for note in notes if note.body or note.images]
        column = {note.id: i for i, note in enumerate(notes)}
        items = np.array([column.get(str(item), -1) for item in item_ids])
        in_a = np.array([bucket(f"{name}-user-{user}", 2) == 0 for user in users])
        cold = np.array([bucket(f"{name}-item-{note.id}", 5) == 0 for note in notes])
        known = items >= 0
        among_a = cooccurrence(users[known & in_a], items[known & in_a], len(notes))
        among_a[:, cold] = 0
        among_b = cooccurrence(users[known & ~in_a], items[known & ~in_a], len(notes))
        return cls(notes, cold, among_a, among_b)

    def on_warm_items(self, similarity: np.ndarray) -> dict[str, float]:
        """Score similarities [I, I] on warm items and users A: what choices are made by."""
        return score(similarity, self.among_a, np.flatnonzero(~self.cold), ~self.cold)

    def on_cold_items(self, similarity: np.ndarray) -> dict[str, float]:
        """Score similarities [I, I] on cold items and users B: what is reported."""
        return score(similarity, self.among_b, np.flatnonzero(self.cold), np.ones(len(self.cold), dtype=bool))


def score(
    similarity: np.ndarray, relevant: np.ndarray, queries: np.ndarray, candidates: np.ndarray
) -> dict[str, float]:
    """Recall and nDCG@10 of full ranking over the candidates, averaged over queries with relevant items."""
    recalls: dict[int, list[float]] = {k: [] for k in CUTOFFS}
    ndcgs = []
    for query in queries:
        order = np.argsort(-relevant[query], kind="stable")[:TOP]
        wanted = {item for item in order if relevant[query, item] > 0}
        if not wanted:
            continue
        scores = np.where(candidates, similarity[query], -np.inf)
        scores[query] = -np.inf
        hits = np.array([item in wanted for item in np.argsort(-scores, kind="stable")[: max(CUTOFFS)]])
        for k in CUTOFFS:
            recalls[k].append(hits[:k].sum() / len(wanted))
        discount = 1 / np.log2(np.arange(2, TOP + 2))
        ndcgs.append((hits[:TOP] * discount).sum() / discount[: len(wanted)].sum())
    return {
        **{f"R@{k}": float(np.mean(values)) for k, values in recalls.items()},
        "nDCG@10": float(np.mean(ndcgs)),
        "queries": len(ndcgs),
    }
