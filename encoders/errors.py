"""Errors of the encoders room.

EncodersError
├── CorpusError          the corpus as a whole cannot be read (no notes file, unknown column, ...)
├── NoteRejected         one note is bad; carries the Reason it is quarantined with
└── EncoderError         an encoder cannot be made, loaded or saved
    └── WeightsError     weights are missing, or are not the ones that were asked for
"""

from enum import StrEnum


class EncodersError(Exception):
    """Base of all errors raised in this room; the message says what was got, wanted, and how to mend it."""


class CorpusError(EncodersError):
    """The corpus as a whole cannot be read."""


class EncoderError(EncodersError):
    """An encoder cannot be made, loaded or saved."""


class WeightsError(EncoderError):
    """Weights are missing, or are not the ones that were asked for."""


class Reason(StrEnum):
    """Why a note was quarantined; the value is what `rejected.jsonl` and reports show."""

    BROKEN_ROW = "broken row"
    INVALID_UTF8 = "invalid UTF-8"
    MISSING_ID = "missing id"
    DUPLICATE_ID = "duplicate id"
    EMPTY_NOTE = "neither text nor image"
    BAD_DATE = "unparsable date"
    BAD_VALUE = "bad value"
    MISSING_IMAGE = "missing image"
    NOT_AN_IMAGE = "not an image"
    BROKEN_IMAGE = "broken image"
    IMAGE_TOO_LARGE = "image too large"
    UNSAFE_PATH = "image path leaves the corpus"
    REMOTE_IMAGE = "remote image"
    NO_VECTOR = "no finite vector"


class NoteRejected(EncodersError):
    """One note is bad: `reason` is its class, the message the detail."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
