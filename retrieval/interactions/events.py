"""An interactions file as arrays: who looked at which note, when."""

import hashlib
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from retrieval.interactions.columns import InteractionsError, read_batches, unix_seconds

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class EventFilter(BaseModel):
    """Which interactions count: those of some kinds (all, unless named), and from a rating on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kinds: tuple[str, ...] = ()
    min_rating: float | None = None


@dataclass(frozen=True, slots=True)
class Events:
    """E interactions of U users with N notes, in the file's order.

    user: int32 [E], codes into users. note: int32 [E], positions among the ids they were read with. time: float64
    [E], Unix seconds, None where the file has no times. Not among the E, and counted: unknown, interactions with other
    notes; broken, those without user, note, or a time that can be read; filtered, those that the filter left out.
    """

    user: NDArray[np.int32]
    note: NDArray[np.int32]
    time: NDArray[np.float64] | None
    users: tuple[str, ...]
    notes: int
    unknown: int
    broken: int
    filtered: int

    def __len__(self) -> int:
        return len(self.user)

    def digest(self, ids: Sequence[str]) -> str:
        """Hex digest of who looked at what and when, whatever the order of the rows and of the notes.

        ids: of the N notes, in the order the interactions were read with.
        """
        when = np.zeros(len(self)) if self.time is None else self.time
        user, note = _ranks(self.users)[self.user], _ranks(ids)[self.note]
        order = np.lexsort((when, note, user))
        digest = hashlib.blake2b("\n".join(sorted(self.users)).encode(), digest_size=16)
        for column in (user, note, when):
            digest.update(np.ascontiguousarray(column[order]).tobytes())
        return digest.hexdigest()

    def matrix(self, chosen: NDArray[np.bool_] | None = None) -> "csr_matrix":
        """Who looked at what at least once among the chosen events, bool [E]: float32 [U, N] of zeros and ones."""
        from scipy.sparse import csr_matrix

        users, notes = (self.user, self.note) if chosen is None else (self.user[chosen], self.note[chosen])
        seen = csr_matrix((np.ones(len(users), np.float32), (users, notes)), shape=(len(self.users), self.notes))
        seen.sum_duplicates()
        seen.data[:] = 1
        return seen


def _ranks(names: Sequence[str]) -> NDArray[np.int64]:
    """The place of each name among all, sorted, int64."""
    ranks = np.empty(len(names), dtype=np.int64)
    ranks[sorted(range(len(names)), key=names.__getitem__)] = np.arange(len(names))
    return ranks


def read_events(
    path: Path,
    ids: Sequence[str],
    chosen: EventFilter = EventFilter(),
    on_progress: Callable[[int], None] | None = None,
) -> Events:
    """Read the interactions with some notes, whose order gives the positions; raises InteractionsError."""
    position = {note_id: i for i, note_id in enumerate(ids)}
    reader = _Reader(position, chosen)
    for batch in read_batches(path, reader.count_broken):
        reader.take(path, batch)
        if on_progress:
            on_progress(batch.num_rows)
    return reader.events()


class _Reader:
    """Collects batches; strings are looked up once a batch for each that is different."""

    def __init__(self, position: dict[str, int], chosen: EventFilter) -> None:
        self._position, self._chosen = position, chosen
        self._users: dict[str, int] = {}
        self._user, self._note, self._time = array("i"), array("i"), array("d")
        self._timed = True
        self._broken = self._unknown = self._filtered = 0

    def count_broken(self) -> None:
        self._broken += 1

    def take(self, path: Path, batch: Any) -> None:
        names = batch.schema.names
        keep = self._wanted(path, batch, names)
        note = self._codes(batch["note"], lambda name: self._position.get(name, -2), keep)
        self._timed = "time" in names
        time = unix_seconds(batch["time"]) if self._timed else np.zeros(len(note))
        known = keep & (note >= 0) & np.isfinite(time)
        # Only of those that count: others must leave no trace, not even as a user without interactions.
        user = self._codes(batch["user"], lambda name: self._users.setdefault(name, len(self._users)), known)
        good = known & (user >= 0)
        unknown = int((keep & (note == -2)).sum())
        self._unknown += unknown
        self._broken += int(keep.sum()) - int(good.sum()) - unknown
        self._filtered += int((~keep).sum())
        self._user.frombytes(user[good].tobytes())
        self._note.frombytes(note[good].tobytes())
        self._time.frombytes(time[good].tobytes())

    def _wanted(self, path: Path, batch: Any, names: list[str]) -> NDArray[np.bool_]:
        import pyarrow as pa
        import pyarrow.compute as pc

        keep = np.ones(batch.num_rows, dtype=np.bool_)
        wanted = {"event": bool(self._chosen.kinds), "rating": self._chosen.min_rating is not None}
        for role in (role for role, is_wanted in wanted.items() if is_wanted and role not in names):
            raise InteractionsError(f"{path} has no column for the {role}, so interactions cannot be chosen by it")
        if wanted["event"]:
            kinds = pa.array(self._chosen.kinds, pa.string())
            try:
                is_in = pc.is_in(batch["event"].cast(pa.string()), value_set=kinds)
            except pa.ArrowException as error:
                raise InteractionsError(f"{path}: a kind of event is no text ({error})") from error
            keep &= is_in.to_numpy(zero_copy_only=False)
        if wanted["rating"]:
            try:
                ratings = pc.cast(batch["rating"], pa.float64()).to_numpy(zero_copy_only=False)
            except pa.ArrowException as error:
                raise InteractionsError(f"{path}: a rating is no number ({error})") from error
            keep &= ratings >= self._chosen.min_rating  # NaN, a rating that is missing, is not
        return keep

    @staticmethod
    def _codes(column: Any, code: Callable[[str], int], keep: NDArray[np.bool_]) -> NDArray[np.int32]:
        """Codes of strings [E], -1 for null or blank; those not kept are not asked for, so that they get no code."""
        import pyarrow.compute as pc

        encoded = column.dictionary_encode()
        names = encoded.dictionary.to_pylist()
        places = pc.fill_null(encoded.indices, len(names)).to_numpy(zero_copy_only=False)
        used = np.zeros(len(names) + 1, dtype=np.bool_)
        used[places[keep]] = True
        codes: NDArray[np.int32] = np.full(len(names) + 1, -1, dtype=np.int32)
        for i in np.flatnonzero(used[:-1]):
            codes[i] = code(names[i]) if names[i].strip() else -1
        taken: NDArray[np.int32] = codes[places]
        return taken

    def events(self) -> Events:
        time = np.array(self._time)
        return Events(
            user=np.array(self._user, dtype=np.int32),
            note=np.array(self._note, dtype=np.int32),
            time=time if self._timed and len(time) else None,
            users=tuple(self._users),
            notes=len(self._position),
            unknown=self._unknown,
            broken=self._broken,
            filtered=self._filtered,
        )
