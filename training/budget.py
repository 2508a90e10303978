"""The time a training may take, shared between what is still to come."""

from collections.abc import Callable, Sequence
from time import monotonic

# A stage gets this much in any case: else it would end before its first step.
LEAST = 1.0


class Budget:
    """Seconds that may pass, from when it is made; None for no limit.

    reserve: seconds to be left when the last stage ends, for
    measuring and saving; set as soon as it is known what these take. clock: seconds, for tests.
    """

    def __init__(self, seconds: float | None, clock: Callable[[], float] = monotonic) -> None:
        self._seconds, self._spent, self._clock = seconds, 0.0, clock
        self._began = clock()
        self.reserve = 0.0

    def add(self, seconds: float) -> None:
        """Count seconds that passed unseen, in a run before."""
        self._spent += seconds

    @property
    def elapsed(self) -> float:
        """Seconds that passed, those of runs before included."""
        return self._spent + self._clock() - self._began

    def share(self, weights: Sequence[float], fixed: float = 0.0) -> float | None:
        """Seconds for the first of the stages still to come, by their weights; None without a limit.

        fixed: seconds that later ones take in any case.
        """
        if self._seconds is None:
            return None
        left = self._seconds - self.elapsed - self.reserve - fixed
        return max(LEAST, left * weights[0] / sum(weights))
