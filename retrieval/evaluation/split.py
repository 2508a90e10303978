"""Who may be seen in training, and what is held out: decided by hash or by time, so it can be decided again.

Whether a note or a user is held out follows from the SHA-1 of its id behind the split's seed, so it never changes when
others come or go, and needs no list. A split that is saved says how it was made, and digests of the data it was made
for: training reads the same file, and cannot see what is tested.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from encoders.columns import parse_time
from retrieval.evaluation.errors import EvaluationError, SplitMismatch
from retrieval.evaluation.facts import NoteFacts
from retrieval.interactions.events import EventFilter, Events

SplitBy = Literal["time", "items", "users", "items+users"]
Stage = Literal["validation", "test"]
ColdBy = Literal["interaction", "publication"]
Roles = NDArray[np.int8]


class Role(IntEnum):
    """What a note, a user or a moment is for; training at one stage sees only what comes before it."""

    TRAINING = 0
    VALIDATION = 1
    TEST = 2


class SplitConfig(BaseModel):
    """How interactions are split.

    by: `time` cuts all at two moments; `items` holds notes out (cold), `users` people, `items+users` both.
    seed: stands before every id that is hashed. cold: one note in so many is cold in the test. test_users: of so many
    groups of users all but the first are held out for the test, so 2 makes halves. validation_items, validation_users:
    of those not in the test, one in so many is held out for choices. test_from, validation_from: the two moments.
    cold_by: what makes a note cold in a split by time: its first interaction, or its publication, lies after the cut
    (then what was seen of it before is left out of training).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: SplitBy
    seed: str = ""
    cold: int = Field(5, ge=2)
    test_users: int = Field(2, ge=2)
    validation_items: int = Field(10, ge=2)
    validation_users: int = Field(5, ge=2)
    test_from: AwareDatetime | None = None
    validation_from: AwareDatetime | None = None
    cold_by: ColdBy = "interaction"

    @model_validator(mode="after")
    def _times_in_order(self) -> "SplitConfig":
        if self.by == "time":
            if self.test_from is None or self.validation_from is None:
                raise ValueError("a split by time needs test_from and validation_from")
            if self.validation_from >= self.test_from:
                raise ValueError(f"validation_from {self.validation_from} must be before test_from {self.test_from}")
        return self

    @property
    def holds_items(self) -> bool:
        """Whether notes are held out by hash."""
        return self.by in ("items", "items+users")

    @property
    def holds_users(self) -> bool:
        """Whether users are held out by hash."""
        return self.by in ("users", "items+users")

    def as_json(self) -> dict[str, object]:
        """What of the configuration is in force, as JSON values."""
        idle = set() if self.by == "time" else {"test_from", "validation_from", "cold_by"}
        idle |= set() if self.holds_items else {"cold", "validation_items"}
        idle |= set() if self.holds_users else {"test_users", "validation_users"}
        return self.model_dump(mode="json", exclude=idle)

    def item_roles(self, facts: NoteFacts) -> Roles:
        """What each note is for, int8 [N]."""
        if self.holds_items:
            test = ((note_id, self._bucket("item", note_id, self.cold) == 0) for note_id in facts.ids)
            return _roles(test, lambda note_id: self._bucket("validation-item", note_id, self.validation_items) == 0)
        roles = np.zeros(len(facts), dtype=np.int8)
        if self.by == "time" and self.cold_by == "publication":
            return self.time_roles(facts.created_at)  # NaN is before every cut
        return roles

    def user_roles(self, users: Iterable[str]) -> Roles:
        """What each user is for, int8 [U]."""
        if not self.holds_users:
            return np.zeros(len(list(users)), dtype=np.int8)
        test = ((user, self._bucket("user", user, self.test_users) != 0) for user in users)
        return _roles(test, lambda user: self._bucket("validation-user", user, self.validation_users) == 0)

    def time_roles(self, seconds: NDArray[np.float64] | None) -> Roles:
        """What each moment, float64 [E] Unix seconds, is for, int8 [E]. Raises EvaluationError without times."""
        if seconds is None:
            raise EvaluationError("a split by time needs interactions with times: add a column timestamp")
        assert self.test_from is not None
        assert self.validation_from is not None
        roles = np.zeros(len(seconds), dtype=np.int8)
        roles[seconds >= self.validation_from.timestamp()] = Role.VALIDATION
        roles[seconds >= self.test_from.timestamp()] = Role.TEST
        return roles

    def _bucket(self, kind: str, identity: str, modulus: int) -> int:
        return bucket(f"{self.seed}-{kind}-{identity}", modulus)


def bucket(key: str, modulus: int) -> int:
    """SHA-1 of a key as one of `modulus` buckets, the same on every machine."""
    return int.from_bytes(hashlib.sha1(key.encode(), usedforsecurity=False).digest(), "big") % modulus


def _roles(entries: Iterable[tuple[str, bool]], is_validation: Callable[[str], bool]) -> Roles:
    return np.array(
        [Role.TEST if test else Role.VALIDATION if is_validation(name) else Role.TRAINING for name, test in entries],
        dtype=np.int8,
    )


def cut_times(times: NDArray[np.float64], validation_share: float, test_share: float) -> tuple[datetime, datetime]:
    """The moments (validation_from, test_from) behind which the last shares of all interactions lie.

    times: float64 [E], Unix seconds. Raises EvaluationError where the shares leave nothing to train on.
    """
    if not (0 < test_share < 1 and 0 < validation_share < 1 and test_share + validation_share < 1):
        raise EvaluationError(
            f"test share {test_share:g} and validation share {validation_share:g} must be above 0, and below 1 together"
        )
    cuts = np.quantile(times, [1 - test_share - validation_share, 1 - test_share], method="higher")
    try:
        validation_from, test_from = (datetime.fromtimestamp(cut, UTC) for cut in cuts)
    except (ValueError, OverflowError, OSError) as error:
        raise EvaluationError(f"the interactions' times are no Unix seconds: {error}") from error
    if validation_from >= test_from or cuts[0] <= times.min():
        raise EvaluationError(
            f"the interactions' times do not part into training, validation and test at shares {validation_share:g} "
            f"and {test_share:g}: the cuts would be {validation_from} and {test_from}. Give --test-from and "
            "--validation-from"
        )
    return validation_from, test_from


class DataDigests(BaseModel):
    """What a split was made for: digests of the notes and of the interactions that count, and which those are.

    notes: of their ids. dates: of when they were published, which matters to a split by time alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    notes: str
    dates: str
    interactions: str
    events: EventFilter = EventFilter()

    @classmethod
    def of(cls, facts: NoteFacts, events: Events, chosen: EventFilter) -> "DataDigests":
        """Digest the data as it was read."""
        order = sorted(range(len(facts)), key=facts.ids.__getitem__)
        ids = hashlib.blake2b("\n".join(facts.ids[i] for i in order).encode(), digest_size=16)
        dates = hashlib.blake2b(facts.created_at[order].tobytes(), digest_size=16)
        return cls(
            notes=ids.hexdigest(),
            dates=dates.hexdigest(),
            interactions=events.digest(facts.ids),
            events=chosen,
        )


class Split(BaseModel):
    """A split and the data it was made for, as `split.json` holds them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    config: SplitConfig
    data: DataDigests

    def check(self, found: DataDigests) -> None:
        """Raise SplitMismatch unless the data is that of this split."""
        for name in ("notes", "interactions", "events", *(["dates"] if self.config.by == "time" else [])):
            wanted, got = getattr(self.data, name), getattr(found, name)
            if wanted != got:
                raise SplitMismatch(
                    f"the split was made for other {name} ({wanted}) than these ({got}): results would not compare. "
                    "Evaluate with the data it was made for, or make a new split"
                )

    def save(self, path: Path) -> None:
        """Write it as JSON. Raises EvaluationError where it cannot be written."""
        try:
            path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise EvaluationError(f"{path} cannot be written: {error.strerror or error}") from error

    @classmethod
    def load(cls, path: Path) -> "Split":
        """Read what `save` wrote. Raises EvaluationError."""
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            why: object = error
            if isinstance(error, ValidationError):
                first = error.errors()[0]
                why = f"{'.'.join(map(str, first['loc'])) or 'its values'}: {first['msg']}"
            raise EvaluationError(f"{path} is no split: {why}. `notelens evaluate` writes one as split.json") from error


def moment(text: str) -> datetime:
    """Read a moment as people write it (2017-01-01, Unix seconds). Raises NoteRejected."""
    time = parse_time(text)
    if time is None:
        raise EvaluationError("a moment is empty; give one such as 2017-01-01")
    return time
