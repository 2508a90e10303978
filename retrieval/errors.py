"""Errors of the retrieval room.

RetrievalError
├── UnknownNote      a query names an id the index does not have
├── EmptyQuery       a query has nothing to search with
└── EncoderChanged   the encoder named by the index does not give the vectors it was built with
"""


class RetrievalError(Exception):
    """Base of all errors raised in this room; the message says what was got, wanted, and how to mend it."""


class UnknownNote(RetrievalError):
    """A query names an id the index does not have."""


class EmptyQuery(RetrievalError):
    """A query has nothing to search with."""


class EncoderChanged(RetrievalError):
    """The encoder named by the index does not give the vectors it was built with."""
