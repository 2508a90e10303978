"""The files of a dataset: looked for by patterns, plain or gzipped."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from app.importers.errors import FilesMissing, ImportFailed


def plain_name(path: Path) -> str:
    """The lower-case name of a file without .gz."""
    return path.name.lower().removesuffix(".gz")


def list_files(source: Path) -> list[Path]:
    """The files in a folder and in the folders of it, in the order of their paths; hidden ones are left out.

    Deeper ones are not looked at: pictures lie there, often millions. Raises ImportFailed where it is no folder.
    """
    if not source.is_dir():
        raise ImportFailed(f"{source} is not a folder; name the folder that the dataset was unpacked into")
    try:
        return sorted(_files(source, deeper=True))
    except OSError as error:
        raise ImportFailed(f"{source} cannot be read: {error.strerror or error}") from error


def _files(folder: Path, deeper: bool) -> list[Path]:
    found: list[Path] = []
    for path in folder.iterdir():
        if path.name.startswith("."):
            continue
        if path.is_file():
            found.append(path)
        elif deeper and path.is_dir() and not _pictures(path):
            found += _files(path, deeper=False)
    return found


def _pictures(folder: Path) -> bool:
    """Whether a folder is named as folders of pictures are."""
    name = folder.name.lower()
    return name in ("image", "images", "posters", "covers") or name.endswith("_covers")


def matching(files: Sequence[Path], *patterns: str) -> list[Path]:
    """The files that match the first pattern any file matches; patterns are in lower case and without .gz."""
    for pattern in patterns:
        if found := [path for path in files if fnmatchcase(plain_name(path), pattern)]:
            return found
    return []


def one(source: Path, files: Sequence[Path], *patterns: str) -> Path:
    """The one file that matches; raises FilesMissing for none and ImportFailed for several."""
    found = optional(source, files, *patterns)
    if found is None:
        raise FilesMissing(source, patterns, (path.name for path in files))
    return found


def optional(source: Path, files: Sequence[Path], *patterns: str) -> Path | None:
    """The one file that matches, None where none does; raises ImportFailed for several."""
    found = matching(files, *patterns)
    if len(found) > 1:
        names = ", ".join(str(path.relative_to(source)) for path in found)
        raise ImportFailed(f"{source} has several files of one kind ({names}); leave the one to import in it")
    return found[0] if found else None
