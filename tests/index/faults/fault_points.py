"""Dying at the n-th thing a process does to files: a name made, replaced or removed, a sync, an SQL statement."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

_NAMES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Points:
    """Counts them from begin() on; at the point `die` the process kills itself. 0 only counts.

    Made before anything is opened, so that it hears of the statements of every connection.
    """

    def __init__(self, die: int) -> None:
        self.count = 0
        self._die = die
        self._last = ""
        self._counts = False
        sys.addaudithook(self._audited)
        self._wrap(os, "fsync", "after")
        import faiss

        self._wrap(faiss, "write_index", "around")
        connect = sqlite3.connect

        def connected(*arguments: Any, **named: Any) -> sqlite3.Connection:
            connection = connect(*arguments, **named)
            connection.set_trace_callback(self._stated)
            return connection

        sqlite3.connect = connected  # type: ignore[assignment]

    def begin(self) -> None:
        """Count from here."""
        self._counts = True

    def pause(self) -> None:
        """Count no more."""
        self._counts = False

    def _hit(self) -> None:
        if self._counts:
            self.count += 1
            if self.count == self._die:
                os.kill(os.getpid(), signal.SIGKILL)

    def _audited(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _NAMES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING):
            self._hit()

    def _stated(self, statement: str) -> None:
        start = statement[:16]
        if start != self._last:  # a statement that is run for each row is one point
            self._last = start
            self._hit()

    def _wrap(self, module: Any, name: str, when: str) -> None:
        whole: Callable[..., Any] = getattr(module, name)

        def wrapped(*arguments: Any) -> Any:
            if when == "around":
                self._hit()
            result = whole(*arguments)
            self._hit()
            return result

        setattr(module, name, wrapped)
