"""Every error of the index room.

    NoteIndexError
    ├── IndexNotFound        no index stands in that folder
    ├── IndexExists          creating where an index, or something else, already stands
    ├── InvalidRecord        a record that cannot be stored; nothing of its call was stored
    ├── InvalidQuery         a query vector, k or batch size that means nothing
    ├── IndexLocked          another process holds the writer lock
    ├── IndexReadOnly        a write to a folder that this process may not write
    ├── IndexClosed          use after close()
    ├── FingerprintMismatch  the index was built with another encoder
    ├── UnsupportedFormat    written by a newer notelens, or by another program
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
