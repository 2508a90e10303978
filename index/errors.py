"""Every error of the index room.

    NoteIndexError
    ├── IndexNotFound        no index stands in that folder
    ├── IndexExists          creating where an index, or something else, already stands
    ├── InvalidRecord        a record that cannot be stored; nothing of its call was stored
    ├── InvalidQuery         a query vector, k or batch size that means nothing
    │   └── InvalidFilter    a filter that cannot be read, or that does not fit the index's schema
    ├── MissingCapability    something this back-end, or the server behind it, cannot do
    ├── BackendUnavailable   the server behind the index does not answer, or refuses
    ├── InvalidVersion       a new version that failed its validation, or one that is not there
    ├── OutOfSpace           the disk is full; what was acknowledged before stands
    ├── IndexLocked          another process holds the writer lock
    ├── IndexReadOnly        a write to a folder that this process may not write
    ├── IndexClosed          use after close()
    ├── FingerprintMismatch  the index was built with another encoder
    ├── UnsupportedFormat    written by a newer notelens, or by another program
    ├── DamagedLexicalIndex  the words, which are derived, are damaged; their owner builds them again
    └── CorruptIndex         the truth itself (manifest or database) is damaged

Messages say what was got, what was expected and how to mend it. Derived files never raise: a bad
snapshot is logged and built again.
"""


class NoteIndexError(Exception):
    """The base of every error this room raises on purpose."""


class IndexNotFound(NoteIndexError):
    """No index stands in the folder."""


class IndexExists(NoteIndexError):
    """The folder to create an index in is already taken."""


class InvalidRecord(NoteIndexError):
    """A record cannot be stored; nothing of the call was stored."""


class InvalidQuery(NoteIndexError):
    """A query vector, k or batch size is out of its domain."""


class InvalidFilter(InvalidQuery):
    """A filter cannot be read, or does not fit the index's schema."""


class MissingCapability(NoteIndexError):
    """This back-end, or the server behind it, cannot do what was asked."""


class BackendUnavailable(NoteIndexError):
    """The server behind the index does not answer, or refuses."""


class InvalidVersion(NoteIndexError):
    """A new version failed its validation, or the version asked for is not there."""


class OutOfSpace(NoteIndexError):
    """The disk is full; what was acknowledged before stands."""


class IndexLocked(NoteIndexError):
    """Another writer holds the index."""


class IndexReadOnly(NoteIndexError):
    """The folder cannot be written by this process."""


class IndexClosed(NoteIndexError):
    """The index was used after close()."""


class FingerprintMismatch(NoteIndexError):
    """The index was built with another encoder than the one given."""


class UnsupportedFormat(NoteIndexError):
    """The files have a format this version does not know."""


class CorruptIndex(NoteIndexError):
    """The manifest or the database is damaged or does not fit the other."""
