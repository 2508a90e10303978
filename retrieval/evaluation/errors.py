"""Errors of the evaluation.

EvaluationError
├── NothingToEvaluate   no query has anything relevant, or no candidate is left
├── SplitMismatch       a saved split was made for other notes or interactions
└── LeakFound           what a system was trained on holds what it is tested on
"""

from retrieval.errors import RetrievalError


class EvaluationError(RetrievalError):
    """Base of all errors of the evaluation; the message says what was got, wanted, and how to mend it."""


class NothingToEvaluate(EvaluationError):
    """No query has anything relevant, or no candidate is left."""


class SplitMismatch(EvaluationError):
    """A saved split was made for other notes or interactions."""


class LeakFound(EvaluationError):
    """What a system was trained on holds what it is tested on."""
