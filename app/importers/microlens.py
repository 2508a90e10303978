"""Layout `microlens`: short videos with covers.

Documented at github.com/westlake-repl/MicroLens and in each release's readme (Ni et al., A Content-Driven Micro-Video
Recommendation Dataset at Scale, 2023). Read are, in SOURCE:

- *_titles.csv, *_title_en.csv or *_title.csv: item, title; with or without a header; a title's own commas may
  stand unquoted;
- *_pairs.csv: user, item, timestamp in milliseconds, with or without a header; else *_pairs.tsv: a user, a tab, and
  the user's items with spaces between in the order of time (then there is no timestamp), or user, item, timestamp
  with tabs between;
- where they are there: tags_to_summary.csv (item, category) and *_likes_and_views.txt (item, likes, views with tabs).

Extras: likes, views. Pictures: ITEM.jpg (.png, .webp) in --images, else in *_covers, covers or images of SOURCE. The
categories, likes and views of all items are held in memory.
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from app.importers.base import Interaction, Job, Reading
from app.importers.finding import list_files, one, optional
from app.importers.interactions import Roles, read_interactions
from app.importers.notes import Draft, good_rows, read_notes
from app.importers.pictures import Pictures, folder_of
from app.importers.reading import Lines, counted, read_split
from app.importers.values import as_number
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected, Reason

HEADERS = ("item", "itemid", "item_id", "videoid", "video_id", "user", "userid", "user_id")


def read(job: Job) -> Reading:
    """Find the files; raises ImportFailed."""
    files = list_files(job.source)
    titles = one(job.source, files, "*_titles.csv", "*_title_en.csv", "*_title.csv")
    pairs = one(job.source, files, "*_pairs.csv", "*_pairs.tsv")
    categories = optional(job.source, files, "tags_to_summary.csv")
    figures = optional(job.source, files, "*_likes_and_views.txt")
    pictures = Pictures(folder_of(job.source, job.images, "*_covers", "covers", "images"))
    roles, events = _events(pairs, job)
    notes = _notes(titles, categories, figures, pictures, job)
    return Reading(notes, events, roles.columns, lambda: pictures.missing)


def _notes(
    titles: Path, categories: Path | None, figures: Path | None, pictures: Pictures, job: Job
) -> Iterator[Placed | Rejection]:
    category_of: dict[str, str] = {}
    figures_of: dict[str, list[str]] = {}
    if categories:
        category_of = dict((yield from good_rows(categories.name, _halves(categories))))
    if figures:
        rows = yield from good_rows(figures.name, _split(figures, "\t"))
        figures_of = {cells[0].strip(): cells[1:] for cells in rows}

    def draft(cells: list[str]) -> Draft:
        key, title = cells
        extra = dict(zip(("likes", "views"), map(as_number, figures_of.get(key, [])), strict=False))
        fields = {"id": key, "title": title, "category": category_of.get(key) or None, "extra": extra}
        return fields, pictures.of_id(key)

    yield from read_notes(titles.name, counted(_halves(titles), titles.name, job.on_rows), draft)


def _events(pairs: Path, job: Job) -> tuple[Roles, Iterator[Interaction | Rejection]]:
    separator = "\t" if ".tsv" in pairs.name.lower() else ","
    first = next((cells for _, cells in _split(pairs, separator) if not isinstance(cells, NoteRejected)), [])
    roles = Roles(0, 1, 2) if len(first) > 2 else Roles(0, 1)
    rows = counted(_split(pairs, separator), pairs.name, job.on_rows)
    if separator == "\t" and len(first) == 2:
        rows = _one_an_item(rows)
    return roles, read_interactions(pairs.name, rows, roles)


def _one_an_item(rows: Lines[list[str]]) -> Lines[list[str]]:
    """Turn `user, items` into a row an item."""
    for line, cells in rows:
        if isinstance(cells, NoteRejected):
            yield line, cells
        elif len(cells) != 2 or not cells[1].split():
            yield (
                line,
                NoteRejected(Reason.BROKEN_ROW, "wanted a user, a tab, and the user's items with spaces between"),
            )
        else:
            for item in cells[1].split():
                yield line, [cells[0], item]


def _halves(path: Path) -> Lines[list[str]]:
    """Part each line at its first comma into key and text; quotes around the text are taken off."""
    for line, cells in _split(path, ","):
        if isinstance(cells, NoteRejected):
            yield line, cells
        elif len(cells) < 2:
            yield line, NoteRejected(Reason.BROKEN_ROW, "the line has no comma; wanted an id and a text")
        else:
            yield line, [cells[0].strip().strip('"'), _unquoted(",".join(cells[1:]).strip())]


def _unquoted(text: str) -> str:
    if len(text) > 1 and text.startswith('"') and text.endswith('"'):
        try:
            cells = next(csv.reader([text], strict=True), [])
        except csv.Error:
            return text
        return cells[0].strip() if len(cells) == 1 else text
    return text


def _split(path: Path, separator: str) -> Lines[list[str]]:
    """The cells of each line but a header, which is known by the name of its first column."""
    for line, cells in read_split(path, separator, encoding="utf-8"):
        if line == 1 and not isinstance(cells, NoteRejected):
            cells[0] = cells[0].removeprefix("\ufeff")
            if cells[0].strip().strip('"').casefold() in HEADERS:
                continue
        yield line, cells
