"""Errors of mining.

MiningError
├── NothingMined    no pair is left; the message says which rule removed how many
└── StateMismatch   a folder of days mined before was made with other options
"""

from retrieval.errors import RetrievalError


class MiningError(RetrievalError):
    """Base of all errors of mining; the message says what was got, wanted, and how to mend it."""


class NothingMined(MiningError):
    """No pair is left; the message says which rule removed how many."""


class StateMismatch(MiningError):
    """A folder of days mined before was made with other options than those asked for now."""
