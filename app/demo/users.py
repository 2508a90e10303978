"""The people of a demo corpus: what they looked at over a year, and what they clicked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.random import Generator, SeedSequence
from numpy.typing import NDArray

from app.demo.lifestyles import Lifestyle
from app.demo.notes import END, DemoNote

START = END - timedelta(days=365)
MIN_VIEWS, MAX_VIEWS = 5, 200  # of one user
NOISE = 0.15  # share of views that have nothing to do with the lifestyle
TWO_STYLES = 0.4  # share of users with a second lifestyle
FADING = 45.0  # days after which a note is shown much less

_FLOOR = 0.2  # how much of a note's reach never fades


@dataclass(frozen=True, slots=True)
class Event:
    """One row of interactions.csv; kind is "view" or "click"."""

    user: str
    note: str
    kind: str
    second: int  # Unix time

    @property
    def timestamp(self) -> str:
        """The time as ISO 8601 in UTC."""
        return datetime.fromtimestamp(self.second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Shelf:
    """The warm notes of one topic, or of all, oldest first."""

    def __init__(self, notes: Sequence[DemoNote]) -> None:
        self.notes = notes
        self._created = np.array([note.created_at.timestamp() for note in notes])
        self._quality = np.array([note.quality for note in notes])

    def draw(self, second: float, rng: Generator) -> DemoNote | None:
        """Return a note that is there at this time, good and new ones more often; None where there is none yet."""
        there = int(np.searchsorted(self._created, second))  # created strictly before
        if not there:
            return None
        age = (second - self._created[:there]) / 86_400
        reach: NDArray[np.float64] = np.cumsum(self._quality[:there] * (_FLOOR + np.exp(-age / FADING)))
        return self.notes[int(np.searchsorted(reach, rng.random() * reach[-1], side="right"))]


def make_events(
    notes: Sequence[DemoNote], styles: Sequence[Lifestyle], count: int, seed: SeedSequence
) -> tuple[Event, ...]:
    """Simulate `count` users; returns their events in order of time."""
    warm = [note for note in notes if not note.cold]
    everything = _Shelf(warm)
    by_topic: dict[str, list[DemoNote]] = {}
    for note in warm:
        by_topic.setdefault(note.topic.id, []).append(note)
    shelves = {topic: _Shelf(found) for topic, found in by_topic.items()}
    events: list[Event] = []
    for number, stream in enumerate(seed.spawn(count), start=1):
        rng = np.random.default_rng(stream)
        lived = rng.permutation(len(styles))[: 2 if rng.random() < TWO_STYLES else 1]
        topics = [topic for i in lived for topic in styles[i].topics if topic in shelves]
        events += _Reader(f"u{number:05d}", topics, shelves, everything, rng).events()
    return tuple(sorted(events, key=lambda event: (event.second, event.user, event.kind == "click")))


class _Reader:
    """One user: some topics, more or less of each, and sessions spread over the year."""

    def __init__(
        self, name: str, topics: list[str], shelves: dict[str, _Shelf], everything: _Shelf, rng: Generator
    ) -> None:
        self._name = name
        self._topics = topics
        self._shelves = shelves
        self._everything = everything
        self._rng = rng
        self._taste = np.cumsum(rng.dirichlet(np.full(len(topics), 3.0))) if topics else np.empty(0)
        self._eager = float(rng.uniform(0.6, 1.4))
        self._seen: set[str] = set()

    def events(self) -> list[Event]:
        """Return what this user does in the year, in order of time."""
        rng = self._rng
        left = int(np.clip(rng.lognormal(3.35, 0.85), MIN_VIEWS, MAX_VIEWS))
        starts = self._session_starts(left)
        found: list[Event] = []
        for i, start in enumerate(starts):
            share = left if i == len(starts) - 1 else min(left, int(rng.integers(3, 13)))
            found += self._session(start, share)
            left -= share
            if not left:
                break
        return found

    def _session_starts(self, views: int) -> list[int]:
        """Enough times for the views, between when the user joined and the end; evenings more than mornings."""
        rng = self._rng
        joined = float(rng.beta(1, 3))  # share of the year before the first visit
        days = np.sort(rng.uniform(365 * joined, 365, max(1, -(-views // 6))))
        hours = 6 + 16.5 * rng.beta(4, 1.6, len(days))
        midnight = START.timestamp() + np.floor(days) * 86_400
        return [int(second) for second in np.sort(midnight + hours * 3600)]

    def _session(self, second: int, views: int) -> list[Event]:
        rng = self._rng
        found: list[Event] = []
        for _ in range(views):
            noise = not self._topics or rng.random() < NOISE
            note = self._note(second, noise)
            if note is None:
                continue
            found.append(Event(self._name, note.id, "view", second))
            appeal = min(1.6, 0.6 + 0.4 * note.quality) * self._eager
            if rng.random() < (0.05 if noise else 0.27) * appeal:
                second += int(rng.integers(2, 15))
                found.append(Event(self._name, note.id, "click", second))
                second += int(rng.integers(10, 90))
            second += int(rng.integers(2, 20))
            if second >= END.timestamp() - 200:
                break
        return found

    def _note(self, second: int, noise: bool) -> DemoNote | None:
        """Return what is shown next: seldom something seen before."""
        for _ in range(4):
            shelf = self._everything
            if not noise:
                drawn = int(np.searchsorted(self._taste, self._rng.random() * self._taste[-1], side="right"))
                shelf = self._shelves[self._topics[drawn]]
            note = shelf.draw(second, self._rng)
            if note is not None and (note.id not in self._seen or self._rng.random() < 0.05):
                self._seen.add(note.id)
                return note
        return None
