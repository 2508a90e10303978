"""Layout `csv`: any table of notes, with or without one of interactions.

Reads, in SOURCE, a file notes.* or items.*, and interactions.*, ratings.* or events.* where there is one; or SOURCE is
the table of notes itself, and --interactions names the other. Both are CSV, TSV or JSONL (plain or .gz), or Parquet.

Columns of notes are found as in a corpus (encoders/columns.py: id, title, body or text, tags, category, images,
author, created_at, lang and their synonyms), those of interactions as retrieval/interactions/columns.py has them
(user, note or item, timestamp, event, rating). `--map title=name` and `--map-interactions user=who` say otherwise.
Columns of notes that are no field stay as extras. Pictures are names relative to SOURCE or to --images; notes that
name none have those called after their id in --images.
"""

from pathlib import Path
from typing import Any

from app.importers.base import Job, Reading
from app.importers.errors import ColumnsMissing, ImportFailed
from app.importers.finding import list_files, one, optional
from app.importers.interactions import Roles, read_interactions
from app.importers.notes import Draft, read_notes
from app.importers.pictures import Pictures
from app.importers.reading import TABLES, columns_of, counted, find_column, read_rows
from app.importers.values import as_list, as_text
from encoders.columns import SYNONYMS as FIELD_NAMES
from encoders.columns import ColumnMap
from retrieval.interactions.columns import SYNONYMS as ROLE_NAMES

ROLES = {"user": "user", "note": "note", "timestamp": "time", "event": "event", "rating": "rating"}


def read(job: Job) -> Reading:
    """Find the tables and their columns; raises ImportFailed."""
    notes_path, events_path = _tables(job)
    columns = columns_of(notes_path)
    map_of = ColumnMap(job.mapping)
    plan = map_of.plan(tuple(columns))
    for column, field in job.mapping.items():
        if column not in columns:
            raise ColumnsMissing(notes_path, columns, field, [column])
    if "id" not in plan:
        raise ColumnsMissing(notes_path, columns, "id", FIELD_NAMES["id"], "; --map id=COLUMN names another")
    pictures = Pictures(job.images or notes_path.parent)
    by_id = job.images is not None
    unplanned_tags = next((column for column, field in job.mapping.items() if field == "tags"), "tags")

    def draft(row: dict[str, Any]) -> Draft:
        plan = map_of.plan(tuple(row))
        rest = {column: value for column, value in row.items() if column != plan.get("images")}
        note_id = as_text(row.get(plan.get("id", "")))
        if "id" in plan:
            rest[plan["id"]] = note_id
        # A note of pictures alone would be refused as empty here, where those are not shown: a tag stands in.
        tags = plan.get("tags", unplanned_tags)
        untagged = row.get(tags) in (None, "", [])
        note = map_of.note(rest | {tags: ["-"]} if untagged else rest, None)
        fields = {name: getattr(note, name) for name in type(note).model_fields}
        names = as_list(row.get(plan.get("images", "")))
        found = pictures.named(names) if names or not by_id else pictures.of_id(note_id)
        return fields | ({"tags": ()} if untagged else {}), found

    rows = counted(read_rows(notes_path), notes_path.name, job.on_rows)
    notes = read_notes(notes_path.name, rows, draft)
    if events_path is None:
        return Reading(notes, None, (), lambda: pictures.missing)
    roles = _roles(job, events_path)
    events = counted(read_rows(events_path), events_path.name, job.on_rows)
    return Reading(notes, read_interactions(events_path.name, events, roles), roles.columns, lambda: pictures.missing)


def _tables(job: Job) -> tuple[Path, Path | None]:
    """The table of notes, and that of interactions."""
    if job.source.is_file():
        return job.source, job.interactions
    files = [path for path in list_files(job.source) if path.parent == job.source]
    notes = one(job.source, files, *(f"{name}{suffix}" for name in ("notes", "items") for suffix in TABLES))
    names = [f"{name}{suffix}" for name in ("interactions", "ratings", "events") for suffix in TABLES]
    return notes, job.interactions or optional(job.source, files, *names)


def _roles(job: Job, path: Path) -> Roles:
    columns = columns_of(path)
    found: dict[str, str] = {}
    for role, synonyms in ROLES.items():
        given = job.interaction_mapping.get(role)
        names = [given] if given else ROLE_NAMES[synonyms]
        column = given if given in columns else (None if given else find_column(columns, names))
        if column is not None:
            found[role] = column
        elif given or role in ("user", "note"):
            hint = "" if given else f"; --map-interactions {role}=COLUMN names another"
            raise ColumnsMissing(path, columns, role, names, hint)
    return Roles(**found)


def parse_roles(entries: list[str]) -> dict[str, str]:
    """Turn `role=column` entries (`user=who`) into {role: column}; raises ImportFailed."""
    mapping: dict[str, str] = {}
    for entry in entries:
        role, _, column = entry.partition("=")
        if role not in ROLES or not column:
            raise ImportFailed(f"mapping {entry!r} is not ROLE=COLUMN with a role of {', '.join(ROLES)}")
        mapping[role] = column
    return mapping
