"""Local pictures of a dataset: found by a note's id or by name, and never outside their folder."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from encoders.errors import NoteRejected, Reason
from encoders.images import NoteImage, locate

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".gif")


@dataclass(frozen=True, slots=True)
class Found:
    """Pictures of one note; urls were named but are never fetched, unsafe says of names why they are not followed."""

    images: tuple[NoteImage, ...] = ()
    urls: tuple[str, ...] = ()
    unsafe: tuple[NoteRejected, ...] = ()


class Pictures:
    """One folder of pictures, or none; `missing` counts names that no file goes by."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder.resolve() if folder else None
        self.missing = 0

    def of_id(self, note_id: str) -> Found:
        """The pictures called after a note: ID.jpg (.jpeg, .png, .webp, .gif), else those in a folder ID, by name."""
        if self.folder is None or not note_id:
            return Found()
        for suffix in SUFFIXES:
            if os.path.isfile(os.path.join(self.folder, note_id + suffix)):  # noqa: PTH113, PTH118 (once a note: fast)
                return self._located([note_id + suffix])
        inside = self.folder / note_id
        if note_id in (".", "..") or "\0" in note_id or not inside.is_dir():
            return Found()
        if inside.resolve().parent != self.folder:
            unsafe = NoteRejected(Reason.UNSAFE_PATH, f"pictures of {note_id[:200]!r} lie outside {self.folder.name}")
            return Found(unsafe=(unsafe,))
        names = sorted(path.name for path in inside.iterdir() if path.suffix.lower() in SUFFIXES)
        return self._located([f"{note_id}/{name}" for name in names])

    def named(self, names: Iterable[str]) -> Found:
        """The pictures of these names, relative to the folder (or to its `images`); addresses are kept apart."""
        urls: list[str] = []
        local: list[str] = []
        for name in names:
            (urls if is_url(name) else local).append(name)
        found = self._located(local) if self.folder else Found()
        return Found(found.images, tuple(urls), found.unsafe)

    def _located(self, names: list[str]) -> Found:
        assert self.folder is not None
        images: list[NoteImage] = []
        unsafe: list[NoteRejected] = []
        for name in names:
            try:
                found = self._locate(name)
            except NoteRejected as error:
                if error.reason is Reason.MISSING_IMAGE:
                    self.missing += 1
                else:
                    unsafe.append(error)
            else:
                if found not in images:
                    images.append(found)
        return Found(tuple(images), (), tuple(unsafe))

    def _locate(self, name: str) -> NoteImage:
        """Find a file in the folder; a name that begins with the folder's own name is read as from its parent."""
        assert self.folder is not None
        try:
            return locate(self.folder, name)
        except NoteRejected as error:
            inside = name.removeprefix(f"{self.folder.name}/")
            if error.reason is not Reason.MISSING_IMAGE or inside == name:
                raise
            return locate(self.folder, inside)


def is_url(name: str) -> bool:
    """Whether a picture's name is an address."""
    return "://" in name or name.startswith(("//", "data:"))


def folder_of(source: Path, given: Path | None, *names: str) -> Path | None:
    """The folder of pictures: the given one, else the first folder of the source that one of the patterns matches."""
    if given is not None:
        return given
    for name in names:
        for path in sorted(source.glob(name)):
            if path.is_dir():
                return path
    return None
