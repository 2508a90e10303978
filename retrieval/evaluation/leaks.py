"""Refuses training data that holds what is tested: the checks that every number of the evaluation rests on."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import LeakFound
from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.holdout import Holdout
from retrieval.evaluation.pool import Pool

NAMED = 5  # of many leaks so many are named


class LeakCheck:
    """What may be trained on at one stage of a split; each check raises LeakFound, naming what leaked."""

    def __init__(self, facts: NoteFacts, holdout: Holdout) -> None:
        self._facts, self._holdout = facts, holdout
        self._position = {note_id: i for i, note_id in enumerate(facts.ids)}
        events = holdout.events
        # From what is hidden, not from what is said to be for training: a mistake there must not excuse itself.
        hidden = holdout.hidden_notes[events.note] | holdout.hidden_users[events.user] | holdout.hidden_events
        self._users_of = events.matrix(~hidden).T.tocsr()
        self._cold = np.diff(self._users_of.indptr) == 0
        self._trained_users = {events.users[i] for i in np.unique(events.user[~hidden])}

    def users(self, users: Iterable[str]) -> None:
        """No user may be learned from who is held out, or has no interaction in training."""
        _refuse("users are held out from training", sorted(set(users) - self._trained_users))

    def notes(self, ids: Iterable[str]) -> None:
        """No interaction may be learned from whose note is held out or has none in training; unknown notes pass."""
        found = [
            note_id for note_id in dict.fromkeys(ids) if self.knows(note_id) and self._cold[self._position[note_id]]
        ]
        _refuse("notes are cold, yet in the training data", found)

    def knows(self, note_id: str) -> bool:
        """Whether the corpus has a note of this id."""
        return note_id in self._position

    def pairs(self, pairs: Sequence[tuple[str, str]], users: NDArray[np.int64] | None = None) -> None:
        """Every training pair must be what people in training looked at together.

        Refused are pairs with a cold note, and pairs that only held-out people, or only later ones, looked at together.
        users: int64 [P], people that each pair is said to come from; it must be no more than training has. Without it
        a pair that the test's people and one of training agree on cannot be told from one mined in training. A note
        paired with itself (two views of it) says nothing of anybody; unknown notes pass.
        """
        self.notes(note_id for a, b in pairs if a != b for note_id in (a, b))
        known = [i for i, (a, b) in enumerate(pairs) if a != b and a in self._position and b in self._position]
        nobody, more = [], []
        for start in range(0, len(known), 65_536):
            rows = known[start : start + 65_536]
            left, right = (np.array([self._position[pairs[i][side]] for i in rows]) for side in (0, 1))
            together = np.asarray(self._users_of[left].multiply(self._users_of[right]).sum(axis=1)).ravel()
            for i, seen in zip(rows, together.astype(np.int64).tolist(), strict=True):
                name = f"{pairs[i][0]} with {pairs[i][1]}"
                if not seen:
                    nobody.append(name)
                elif users is not None and users[i] > seen:
                    more.append(f"{name} ({users[i]:,} people, {seen:,} in training)")
        _refuse("pairs were looked at together by nobody in training", nobody)
        _refuse("pairs come from more people than training has", more)

    def popularity(self, counts: dict[str, int]) -> None:
        """No note may be counted as looked at by more people than training has seen look at it."""
        seen = np.diff(self._users_of.indptr)
        leaks = [
            f"{note_id} ({count:,} people, {seen[self._position[note_id]]:,} in training)"
            for note_id, count in counts.items()
            if note_id in self._position and count > seen[self._position[note_id]]
        ]
        _refuse("notes are counted as more popular than training has seen", leaks)

    def pool(self, pool: Pool) -> None:
        """What the baselines of a pool learn from must be what training has seen, and nothing else."""
        more = (pool.training - self._users_of.T.tocsr()[:, pool.order] > 0).tocoo()
        users = self._holdout.events.users
        leaks = [f"{pool.notes.ids[note]} by {users[user]}" for user, note in zip(more.row, more.col, strict=True)]
        _refuse("notes were looked at, but not in training", leaks)


def _refuse(what: str, found: Sequence[str]) -> None:
    found = list(dict.fromkeys(found))
    if found:
        named = ", ".join(found[:NAMED]) + (", ..." if len(found) > NAMED else "")
        raise LeakFound(
            f"the training data holds what is tested: {len(found):,} {what} ({named}). Train on what this split "
            "leaves for training (split.json), or figures on it mean nothing"
        )
