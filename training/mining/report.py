"""What came in, and what each rule of mining removed."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Removed:
    """Pairs that a bound removed, of those that the bounds before it had left."""

    not_in_corpus: int = 0
    min_users: int = 0
    at_least: int = 0
    at_most: int = 0
    top: int = 0


@dataclass(slots=True)
class MiningReport:
    """Counts of one run; of all days where days were folded together.

    Every event that was read is used, or counted under one of these, the first that holds: broken (without user, note
    or, in a file with times, a time that can be read), of a kind that does not count, below the rating, held out by
    time, note or user. meetings: different notes of each user, summed. capped: users with more notes than the cap.
    candidates: pairs, in order, that anyone met within the window.
    """

    read: int = 0
    broken: int = 0
    other_kinds: int = 0
    low_ratings: int = 0
    held_out_times: int = 0
    held_out_notes: int = 0
    held_out_users: int = 0
    used: int = 0
    users: int = 0
    notes: int = 0
    meetings: int = 0
    capped: int = 0
    candidates: int = 0
    removed: Removed = field(default_factory=Removed)
    pairs: int = 0
    notes_with_pairs: int = 0

    def count_broken(self) -> None:
        """Count a row that cannot be read."""
        self.read += 1
        self.broken += 1

    def as_json(self) -> dict[str, Any]:
        """Return the counts as JSON values."""
        return asdict(self)

    def why_nothing(self) -> str:
        """Say, for an error, what became of all that was read."""
        if not self.used:
            lost = {
                "broken": self.broken,
                "of kinds that do not count": self.other_kinds,
                "below the rating": self.low_ratings,
                "held out by time": self.held_out_times,
                "with notes held out": self.held_out_notes,
                "by users held out": self.held_out_users,
            }
            return f"no pairs: no event of {self.read:,} counts; " + _listed(lost)
        if not self.candidates:
            return (
                f"no pairs: none of {self.users:,} users met two notes within the window and in order "
                f"({self.used:,} events, {self.meetings:,} notes of users): widen --window, or take --mode together"
            )
        removed = {
            "with notes that the corpus does not have": self.removed.not_in_corpus,
            "below --min-users": self.removed.min_users,
            "below --at-least": self.removed.at_least,
            "above --at-most": self.removed.at_most,
        }
        return f"no pairs: of {self.candidates:,} that anyone met, none is left; " + _listed(removed)


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items() if count) or "the file has no rows"
