"""What can go wrong when a dataset is imported.

AppError
└── ImportFailed      nothing was imported; the message says what to mend
    ├── FilesMissing  a file that the layout needs is not there
    └── ColumnsMissing  a file lacks a column that the layout needs
"""

from collections.abc import Iterable
from pathlib import Path

from app.errors import AppError


class ImportFailed(AppError):
    """The dataset cannot be imported; no corpus was made."""


class FilesMissing(ImportFailed):
    """A file that the layout needs is not there."""

    def __init__(self, source: Path, wanted: Iterable[str], found: Iterable[str]) -> None:
        names = sorted(found)
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12:,} more" if len(names) > 12 else "")
        super().__init__(
            f"{source} does not have {' or '.join(wanted)} (plain or .gz); "
            f"it has {shown or 'nothing'}. Name the folder that the dataset was unpacked into, or another layout"
        )


class ColumnsMissing(ImportFailed):
    """A file lacks a column that the layout needs."""

    def __init__(self, path: Path, columns: Iterable[str], role: str, wanted: Iterable[str], hint: str = "") -> None:
        super().__init__(
            f"{path} has no column for the {role}: it has {', '.join(columns) or 'none'}, "
            f"wanted one of {', '.join(wanted)}{hint}"
        )
