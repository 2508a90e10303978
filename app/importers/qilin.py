"""Layout `qilin`: notes and recommendation requests of Xiaohongshu.

Documented with the data set THUIR/Qilin on Hugging Face (Chen et al., Qilin: A Multimodal Information Retrieval
Dataset with APP-level User Sessions, 2025).

Read are, in SOURCE (the Parquet files of one folder one after the other):

- notes/*.parquet, or notes*.parquet: note_idx, note_title, note_content, and where they are there image_path (names
  relative to SOURCE), taxonomy1_id, taxonomy2_id, taxonomy3_id;
- recommendation_train/*.parquet and recommendation_test/*.parquet, or recommendation_*.parquet: user_idx, and
  rec_result_details_with_idx, a list of structs with note_idx, click and request_timestamp.

Each note that a request showed is an interaction: `click` where it was clicked, else `view`. The category is
taxonomy1_id; hashtags written `#name[话题]#` move from the content to the tags. Other single values of a
note are extras. Pictures are looked for in --images, else in SOURCE.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from app.importers.base import Interaction, Job, Reading
from app.importers.errors import ColumnsMissing, FilesMissing
from app.importers.finding import list_files
from app.importers.interactions import Roles, read_interactions
from app.importers.notes import Draft, read_notes
from app.importers.pictures import Pictures
from app.importers.reading import Lines, Row, columns_of, counted, read_rows
from app.importers.values import as_list, as_text, unique
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected, Reason

DETAILS = "rec_result_details_with_idx"
HASHTAG = re.compile(r"#([^#\[\]\n]+)\[话题\]#?")
USED = ("note_idx", "note_title", "note_content", "image_path", "taxonomy1_id")


def read(job: Job) -> Reading:
    """Find the notes and the requests; raises ImportFailed."""
    files = [path for path in list_files(job.source) if path.suffix.lower() == ".parquet"]
    tables = _of(job.source, files, "notes")
    if not tables:
        found = (path.relative_to(job.source).as_posix() for path in files)
        raise FilesMissing(job.source, ["notes/*.parquet", "notes*.parquet"], found)
    requests = [*_of(job.source, files, "recommendation_train"), *_of(job.source, files, "recommendation_test")]
    for path in tables:
        _require(path, USED[:3])
    for path in requests:
        _require(path, ("user_idx", DETAILS))
    pictures = Pictures(job.images or job.source)
    notes = chain.from_iterable(_notes(path, pictures, job) for path in tables)
    events = chain.from_iterable(_events(path, job) for path in requests) if requests else None
    return Reading(notes, events, ROLES.columns, lambda: pictures.missing)


def _of(source: Path, files: Sequence[Path], kind: str) -> list[Path]:
    """The files in a folder of this name, or with a name that begins so."""
    return [
        path for path in files if path.parent.name == kind or (path.parent == source and path.name.startswith(kind))
    ]


def _require(path: Path, wanted: Sequence[str]) -> None:
    columns = columns_of(path)
    for name in wanted:
        if name not in columns:
            raise ColumnsMissing(path, columns, name, [name])


def _notes(path: Path, pictures: Pictures, job: Job) -> Iterator[Placed | Rejection]:
    def draft(row: Row) -> Draft:
        body, tags = split_hashtags(as_text(row.get("note_content")))
        fields = {
            "id": as_text(row.get("note_idx")),
            "title": as_text(row.get("note_title")),
            "body": body,
            "tags": tags,
            "category": as_text(row.get("taxonomy1_id")) or None,
            "extra": {name: value for name, value in row.items() if name not in USED and _is_single(value)},
        }
        return fields, pictures.named(as_list(row.get("image_path")))

    return read_notes(path.name, counted(read_rows(path), path.name, job.on_rows), draft)


def split_hashtags(content: str) -> tuple[str, tuple[str, ...]]:
    """Part `text #名[话题]#` into the text and the names."""
    tags = unique(name.strip() for name in HASHTAG.findall(content))
    return HASHTAG.sub("", content).strip(), tags


def _is_single(value: object) -> bool:
    return isinstance(value, str | int | float | bool) and value == value  # not NaN


ROLES = Roles("user", "note", "timestamp", event="event")


def _events(path: Path, job: Job) -> Iterator[Interaction | Rejection]:
    rows = _shown(counted(read_rows(path), path.name, job.on_rows))
    return read_interactions(path.name, rows, ROLES)


def _shown(requests: Lines[Row]) -> Lines[dict[str, Any]]:
    """A row for each note that a request showed."""
    for line, request in requests:
        if isinstance(request, NoteRejected):
            yield line, request
            continue
        for detail in request.get(DETAILS) or ():
            if not isinstance(detail, dict):
                yield line, NoteRejected(Reason.BROKEN_ROW, f"{DETAILS} holds a {type(detail).__name__}, no struct")
                continue
            clicked = as_text(detail.get("click")) not in ("", "0")
            yield (
                line,
                {
                    "user": request.get("user_idx"),
                    "note": detail.get("note_idx"),
                    "timestamp": detail.get("request_timestamp", request.get("request_timestamp")),
                    "event": "click" if clicked else "view",
                },
            )
