"""What a split leaves for mining: which users, notes and moments, decided for some at a time."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.split import DataDigests, Role, Split, Stage
from retrieval.interactions.events import Events
from training.mining.errors import MiningError

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Held:
    """What is held out of training at one stage; nothing where there is no split.

    facts: of the corpus' notes, which a split by publication needs. Raises MiningError where it lacks them.
    """

    split: Split | None = None
    stage: Stage = "validation"
    facts: NoteFacts | None = None

    def __post_init__(self) -> None:
        if self._by_publication and self.facts is None:
            raise MiningError("the split holds notes out by their publication, which the corpus knows: give --corpus")

    @property
    def digest(self) -> str | None:
        """Hex digest of the split; None without one."""
        if self.split is None:
            return None
        return hashlib.blake2b(self.split.model_dump_json().encode(), digest_size=16).hexdigest()

    def times(self, seconds: NDArray[np.float64]) -> Mask:
        """Which moments, Unix seconds float64 [E], are held out, bool [E]."""
        if self.split is None or self.split.config.by != "time":
            return np.zeros(len(seconds), dtype=np.bool_)
        return self.split.config.time_roles(seconds) >= self._target

    @property
    def by_time(self) -> bool:
        """Whether the split is by time."""
        return self.split is not None and self.split.config.by == "time"

    def users(self, users: Sequence[str]) -> Mask:
        """Which users are held out, bool [U]."""
        if self.split is None:
            return np.zeros(len(users), dtype=np.bool_)
        return self.split.config.user_roles(users) >= self._target

    def notes(self, ids: Sequence[str]) -> Mask:
        """Which notes are held out, bool [N]; one that the corpus does not have has no publication."""
        if self.split is None:
            return np.zeros(len(ids), dtype=np.bool_)
        created = np.full(len(ids), np.nan)
        if self._by_publication:
            created = np.array([self._published.get(note_id, np.nan) for note_id in ids], dtype=np.float64)
        return self.split.config.item_roles(_facts(ids, created)) >= self._target

    @cached_property
    def _published(self) -> dict[str, float]:
        assert self.facts is not None
        return dict(zip(self.facts.ids, self.facts.created_at.tolist(), strict=True))

    @property
    def _by_publication(self) -> bool:
        return self.split is not None and self.split.config.by == "time" and self.split.config.cold_by == "publication"

    @property
    def _target(self) -> Role:
        return Role.TEST if self.stage == "test" else Role.VALIDATION


def check_notes(split: Split, facts: NoteFacts) -> None:
    """Raise SplitMismatch unless the notes are those that the split was made for, whatever the interactions."""
    no_events = Events(*(np.zeros(0, dtype=np.int32),) * 2, None, (), len(facts), 0, 0, 0)
    found = DataDigests.of(facts, no_events, split.data.events)
    split.check(found.model_copy(update={"interactions": split.data.interactions}))


def _facts(ids: Sequence[str], created_at: NDArray[np.float64]) -> NoteFacts:
    """Notes of which nothing is known but these."""
    count = len(ids)
    no, none = np.zeros(count, dtype=np.bool_), np.full(count, -1, dtype=np.int32)
    return NoteFacts(
        ids=list(ids),
        has_text=no,
        has_image=no,
        text_length=np.zeros(count, dtype=np.int32),
        category=none,
        language=none,
        tags=np.zeros(0, dtype=np.int32),
        tag_offsets=np.zeros(count + 1, dtype=np.int64),
        created_at=created_at,
        categories=(),
        languages=(),
    )
