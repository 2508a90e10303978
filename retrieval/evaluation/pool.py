"""What is asked and what is ranked: the one setting in which all systems are compared."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import NothingToEvaluate
from retrieval.evaluation.facts import NoteFacts, Positions
from retrieval.evaluation.holdout import Holdout
from retrieval.evaluation.relevance import Relevance, RelevanceConfig, mine_relevance

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Candidates = Literal["interacted", "all"]
Asked = Literal["all", "cold", "warm"]
Ties = Literal["shuffled", "corpus"]


@dataclass(frozen=True, slots=True)
class Pool:
    """N candidate notes, Q of which are queries too, and what is relevant to those.

    notes: every ranking breaks ties by their position, so their order is random but fixed (a hash of their ids) unless
    told otherwise: corpora are often sorted by age or popularity, and ties must favour nobody. order: int64 [N], each
    note's place in the corpus. queries: int64 [Q], positions among the N; each has at least one relevant note, and
    never counts as its own answer. cold: bool [N], notes without any interaction in training. training: what systems
    may learn from, users by notes, float32 [U, N] of zeros and ones. exposure: int64 [N], users held out for relevance
    who looked at the note.
    """

    notes: NoteFacts
    order: Positions
    queries: Positions
    relevance: Relevance
    cold: NDArray[np.bool_]
    training: "csr_matrix"
    exposure: Positions

    def __len__(self) -> int:
        return len(self.notes)

    @property
    def popularity(self) -> Positions:
        """How many training users looked at each note, int64 [N]."""
        return np.asarray(self.training.sum(axis=0)).ravel().astype(np.int64)


def candidate_order(
    facts: NoteFacts, holdout: Holdout, candidates: Candidates, ties: Ties = "shuffled", seed: str = ""
) -> Positions:
    """The notes to rank, int64 [N], positions in the corpus in the order of the pool.

    candidates: `interacted`, notes that anyone looked at by the end of the stage, or `all` that are visible. ties: the
    order is `shuffled`, as the seed settles, or that of the `corpus`, to compare with scorers that keep it.
    """
    members = np.flatnonzero(holdout.met if candidates == "interacted" else holdout.visible)
    if ties == "corpus":
        return members
    shuffled = [_hashed(seed, "order", facts.ids[i]) for i in members]
    order: Positions = members[sorted(range(len(members)), key=shuffled.__getitem__)]
    return order


def make_pool(
    facts: NoteFacts,
    holdout: Holdout,
    order: Positions,
    relevance: RelevanceConfig = RelevanceConfig(),
    asked: Asked = "all",
) -> Pool:
    """Put together a pool whose right answers follow from what held-out users looked at. Raises NothingToEvaluate.

    asked: which of the split's queries, `cold`, `warm`, or `all`; those without right answers are left out.
    """
    queries = _asked(holdout, order, asked)
    held_out = holdout.events.matrix(holdout.held_out)[:, order]
    return _pool(facts, holdout, order, queries, mine_relevance(held_out, queries, relevance))


def judged_pool(
    facts: NoteFacts,
    holdout: Holdout,
    order: Positions,
    qrels: Mapping[str, Mapping[str, int]],
    asked: Asked = "all",
) -> Pool:
    """Put together a pool whose right answers were judged: grades by query's and note's id, 0 or less being wrong.

    Judgements of notes that are no candidates are left out. Raises NothingToEvaluate.
    """
    position = {facts.ids[place]: i for i, place in enumerate(order)}
    queries = _asked(holdout, order, asked)
    offsets, positions, grades = [0], [], []
    for query in queries:
        name = facts.ids[order[query]]
        judged = [(-grade, position[note], grade) for note, grade in qrels.get(name, {}).items() if note in position]
        for _, place, grade in sorted(each for each in judged if each[2] > 0 and each[1] != query):
            positions.append(place)
            grades.append(grade)
        offsets.append(len(positions))
    relevance = Relevance(np.array(offsets), np.array(positions, dtype=np.int64), np.array(grades, dtype=np.int32))
    return _pool(facts, holdout, order, queries, relevance)


def sampled(pool: Pool, most: int | None, seed: str = "") -> Pool:
    """The pool with at most so many queries, those whose hashed ids come first, whatever the order of the notes."""
    if most is None or len(pool.queries) <= most:
        return pool
    by_hash = sorted(
        range(len(pool.queries)), key=lambda row: _hashed(seed, "query", pool.notes.ids[pool.queries[row]])
    )
    rows = np.sort(np.array(by_hash[:most], dtype=np.int64))
    return replace(pool, queries=pool.queries[rows], relevance=pool.relevance.take(rows))


def _hashed(seed: str, kind: str, note_id: str) -> bytes:
    return hashlib.blake2b(f"{seed}-{kind}-{note_id}".encode(), digest_size=16).digest()


def _asked(holdout: Holdout, order: Positions, asked: Asked) -> Positions:
    cold = holdout.cold[order]
    return np.flatnonzero(holdout.asked[order] & {"all": np.ones_like(cold), "cold": cold, "warm": ~cold}[asked])


def _pool(facts: NoteFacts, holdout: Holdout, order: Positions, queries: Positions, relevance: Relevance) -> Pool:
    answered = np.flatnonzero(relevance.counts)
    if not len(answered):
        raise NothingToEvaluate(
            f"none of the {len(queries):,} notes that may be asked has a relevant one among {len(order):,} candidates: "
            f"{int(holdout.held_out.sum()):,} interactions are held out. Hold out more, ask for fewer common users "
            "(--min-users), or look with `notelens check` whether the interactions fit the notes"
        )
    held_out = holdout.events.matrix(holdout.held_out)[:, order]
    return Pool(
        notes=facts.take(order),
        order=order,
        queries=queries[answered],
        relevance=relevance.take(answered),
        cold=holdout.cold[order],
        training=holdout.events.matrix(holdout.training)[:, order].tocsr(),
        exposure=np.asarray(held_out.sum(axis=0)).ravel().astype(np.int64),
    )
