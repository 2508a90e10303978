"""From a row of any corpus to a Note: column names, their synonyms, and lenient value forms."""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from encoders.errors import CorpusError, NoteRejected, Reason
from encoders.images import locate
from encoders.note import Note

# In order of preference: where a row has several, the first fills the field and the others stay in `extra`.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "id": ("id", "note_id", "item_id", "item"),
    "title": ("title", "headline"),
    "body": ("body", "text", "content", "desc", "description"),
    "tags": ("tags", "hashtags", "topics"),
    "category": ("category", "channel"),
    "images": ("images", "image", "image_paths", "cover"),
    "author": ("author", "author_id", "user_id", "user"),
    "created_at": ("created_at", "published_at", "timestamp", "time", "date"),
    "lang": ("lang", "language"),
}

# Far from where Python's own recursion limit strikes, here or in whatever reads a stored note later.
MAX_DEPTH = 64


def parse_mapping(entries: list[str]) -> dict[str, str]:
    """Turn `field=column` entries (`body=plot`) into {column: field}; raises CorpusError."""
    mapping: dict[str, str] = {}
    for entry in entries:
        field, _, column = entry.partition("=")
        if field not in SYNONYMS or not column:
            raise CorpusError(
                f"mapping {entry!r} is not FIELD=COLUMN with a field of {', '.join(SYNONYMS)}; "
                f"for a column `plot` that holds the body write body=plot"
            )
        mapping[column] = field
    return mapping


class ColumnMap:
    """Assigns a row's columns to the fields of a note, by explicit mapping first, then by synonym."""

    def __init__(self, explicit: Mapping[str, str] | None = None) -> None:
        self.explicit = dict(explicit or {})
        self._plans: dict[tuple[str, ...], dict[str, str]] = {}

    def plan(self, columns: tuple[str, ...]) -> dict[str, str]:
        """Return {field: column} for a row with these columns."""
        if columns not in self._plans:
            if len(self._plans) > 1000:  # a corpus whose every row has other columns must not fill memory
                self._plans.clear()
            self._plans[columns] = self._make_plan(columns)
        return self._plans[columns]

    def _make_plan(self, columns: tuple[str, ...]) -> dict[str, str]:
        plan = {self.explicit[column]: column for column in columns if column in self.explicit}
        normal = {re.sub(r"[\s-]+", "_", column.strip().casefold()): column for column in reversed(columns)}
        for field, names in SYNONYMS.items():
            if field not in plan and field not in self.explicit.values():
                found = next((normal[name] for name in names if name in normal), None)
                if found is not None and found not in self.explicit:
                    plan[field] = found
        return plan

    def note(self, row: Mapping[str, Any], root: Path | None) -> Note:
        """Make a Note of a row; images are looked up under `root` (resolved; None: no images allowed).

        Raises NoteRejected with the reason.
        """
        try:
            note = self._make(row, root)
            json.dumps(note.payload(), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise NoteRejected(Reason.INVALID_UTF8, "text holds a lone surrogate, which no UTF-8 has") from error
        except RecursionError as error:
            raise NoteRejected(Reason.BAD_VALUE, "a value is nested too deeply") from error
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise NoteRejected(Reason.BAD_VALUE, f"{where}: {first['msg']}") from error
        if not note.has_text and not note.images:
            raise NoteRejected(Reason.EMPTY_NOTE, "the note has no title, body, tags or image")
        return note

    def _make(self, row: Mapping[str, Any], root: Path | None) -> Note:
        plan = self.plan(tuple(row))
        value = {field: _missing_to_none(row[column]) for field, column in plan.items()}
        used = set(plan.values())
        # A table has every column in every row; what is missing there is left out, as JSON leaves it out.
        extra = {column: _as_json(row[column]) for column in row if column not in used}
        names = _strings("images", value.get("images"), separators=r"[|;,]")
        if names and root is None:
            raise NoteRejected(Reason.UNSAFE_PATH, "a note outside a corpus folder cannot name image files")
        fields: dict[str, Any] = {
            "id": _scalar("id", value.get("id")),
            "title": _scalar("title", value.get("title")) or "",
            "body": _scalar("body", value.get("body")) or "",
            "tags": _tags(value.get("tags")),
            "category": _scalar("category", value.get("category")),
            "images": tuple(locate(root, name) for name in names) if root else (),
            "author": _scalar("author", value.get("author")),
            "created_at": parse_time(value.get("created_at")),
            "lang": _scalar("lang", value.get("lang")),
            "extra": {column: part for column, part in extra.items() if part not in (None, "")},
        }
        return Note(**fields)


def parse_time(value: object) -> datetime | None:
    """Read ISO 8601 (a date alone is its midnight), or Unix seconds or milliseconds; naive times are UTC."""
    if value is None:
        return None
    try:
        if isinstance(value, datetime):
            parsed = value
        elif isinstance(value, date):
            parsed = datetime(value.year, value.month, value.day)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            # Milliseconds from 1e11 on: as seconds that would be the year 5138.
            parsed = datetime.fromtimestamp(value / 1000 if abs(value) >= 1e11 else value, UTC)
        elif isinstance(value, str) and re.fullmatch(r"-?\d{9,}(\.\d+)?", value.strip()):
            return parse_time(float(value))
        elif isinstance(value, str):
            parsed = datetime.fromisoformat(value.strip().replace("/", "-"))
        else:
            raise TypeError(type(value).__name__)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError, OSError, TypeError) as error:
        raise NoteRejected(
            Reason.BAD_DATE,
            f"time {str(value)[:80]!r} is neither ISO 8601 (2024-05-31, 2024-05-31T18:00:00Z) nor Unix seconds",
        ) from error


def _missing_to_none(value: object) -> object:
    """Treat NaN, empty and blank values as missing, as tables of all sorts write them."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str) and not value.strip():
        return None
    return value


def _scalar(field: str, value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        value.encode()  # UnicodeEncodeError for a lone surrogate: see ColumnMap.note
        return value.strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise NoteRejected(Reason.BAD_VALUE, f"{field} must be text or a number, got {type(value).__name__}")


def _strings(field: str, value: object, separators: str) -> list[str]:
    """Read a list of strings: a list, a JSON list in a string, or a separated string."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        with suppress(ValueError):  # not a list after all: a tag may start with a bracket
            value = json.loads(value)
    if value is None:
        return []
    if isinstance(value, str):
        value = re.split(separators, value)
    if not isinstance(value, list | tuple):
        raise NoteRejected(Reason.BAD_VALUE, f"{field} must be a list of strings, got {type(value).__name__}")
    parts = [_scalar(field, _missing_to_none(part)) for part in value]
    return [part for part in parts if part]


def _tags(value: object) -> tuple[str, ...]:
    """Hashtags without their marks, once each, in order; `#a #b`, `#话题#` and `a, b` are all read."""
    separators = r"#" if isinstance(value, str) and "#" in value else r"[,;|，、；]"
    tags = (tag.strip().strip("#").strip(" ,，、;；") for tag in _strings("tags", value, separators))
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _as_json(value: object, depth: int = 0) -> object:
    """Reduce a value of any reader to JSON; raises NoteRejected below MAX_DEPTH."""
    if depth > MAX_DEPTH:
        raise NoteRejected(Reason.BAD_VALUE, f"a value is nested more than {MAX_DEPTH} deep")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, list | tuple):
        return [_as_json(part, depth + 1) for part in value]
    if isinstance(value, Mapping):
        return {str(key): _as_json(part, depth + 1) for key, part in value.items()}
    if isinstance(value, date):  # datetime too
        return value.isoformat()
    return str(value)
