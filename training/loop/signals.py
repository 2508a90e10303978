"""SIGINT and SIGTERM end a stage between two steps."""

import signal
import threading
from types import FrameType, TracebackType

WATCHED = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Notes, inside its `with`, that a signal asked to stop; a second one does what it would have done without.

    Outside the main thread, where Python lets nobody handle signals, it notes nothing.
    """

    def __init__(self) -> None:
        self.caught: signal.Signals | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Signals":
        if threading.current_thread() is threading.main_thread():
            for each in WATCHED:
                self._before[each] = signal.signal(each, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.caught = signal.Signals(number)
        self._release()

    def _release(self) -> None:
        while self._before:
            each, handler = self._before.popitem()
            # None stands for a handler that was not set from Python, and cannot be set again.
            signal.signal(each, handler if callable(handler) or isinstance(handler, int) else signal.SIG_DFL)
