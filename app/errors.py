"""Errors of the app room, and how any error of the project becomes a message and an exit code.

Exit codes: 0 fine, 1 could not be done, 2 used wrongly, 3 done, but some notes were rejected.
"""

OK, FAILED, USAGE, REJECTED = 0, 1, 2, 3


class AppError(Exception):
    """Something the user asked of the command cannot be done; the message says how to mend it."""


def known_errors() -> tuple[type[Exception], ...]:
    """Return the base errors of all rooms: those whose message is written for the user."""
    from encoders.errors import EncodersError
    from index.errors import NoteIndexError
    from retrieval.errors import RetrievalError
    from training.errors import TrainingError

    return (AppError, EncodersError, NoteIndexError, RetrievalError, TrainingError)
