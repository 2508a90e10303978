"""Layout `amazon-reviews-2023`: products and their reviews.

Documented at amazon-reviews-2023.github.io (Hou et al., Bridging Language and Items for Retrieval and
Recommendation, 2024).

Read are, in SOURCE or a folder in it, all files of a kind one after the other, plain or .gz:

- meta_CATEGORY.jsonl: parent_asin, title, features, description, main_category, categories, store, price,
  average_rating, rating_number, details, and images (a list of addresses by size, or lists by size of addresses);
- CATEGORY.jsonl: user_id, parent_asin, rating, timestamp (milliseconds); the text of reviews is not read. Where there
  are no such files, CSV files with these four columns (the rating-only and the benchmark releases).

A note is a parent_asin: the body is features and description without HTML, tags are the categories below the main one,
the author is the store. Extras: price, average_rating, rating_number, details, image_urls (never fetched). Pictures:
PARENT_ASIN.jpg (.png, .webp), or a folder of that name, in --images, else in `images` of SOURCE.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from app.importers.base import Interaction, Job, Reading
from app.importers.errors import ColumnsMissing, FilesMissing
from app.importers.finding import list_files, matching, plain_name
from app.importers.interactions import Roles, read_interactions
from app.importers.notes import Draft, read_notes
from app.importers.pictures import Found, Pictures, folder_of, is_url
from app.importers.reading import Row, columns_of, counted, read_jsonl, read_rows
from app.importers.values import as_list, as_number, as_text, clean, unique
from encoders.corpus import Placed, Rejection

ROLES = Roles("user_id", "parent_asin", "timestamp", rating="rating")
SIZES = ("hi_res", "large", "thumb")


def read(job: Job) -> Reading:
    """Find the products and the reviews; raises ImportFailed."""
    files = list_files(job.source)
    products = matching(files, "meta_*.jsonl")
    if not products:
        raise FilesMissing(job.source, ["meta_*.jsonl"], (path.name for path in files))
    reviews = [path for path in matching(files, "*.jsonl") if not plain_name(path).startswith("meta_")]
    reviews = reviews or matching(files, "*.csv")
    for path in products:
        _require(path, ("parent_asin", "title"))
    for path in reviews:
        _require(path, ("user_id", "parent_asin", "rating", "timestamp"))
    pictures = Pictures(folder_of(job.source, job.images, "images"))
    notes = chain.from_iterable(_notes(path, pictures, job) for path in products)
    events = chain.from_iterable(_events(path, job) for path in reviews) if reviews else None
    return Reading(notes, events, ROLES.columns, lambda: pictures.missing)


def _require(path: Path, wanted: Sequence[str]) -> None:
    columns = columns_of(path)
    for name in wanted:
        if name not in columns:
            raise ColumnsMissing(path, columns, name, [name])


def _events(path: Path, job: Job) -> Iterator[Interaction | Rejection]:
    return read_interactions(path.name, counted(read_rows(path), path.name, job.on_rows), ROLES)


def _notes(path: Path, pictures: Pictures, job: Job) -> Iterator[Placed | Rejection]:
    def draft(row: Row) -> Draft:
        key = as_text(row.get("parent_asin"))
        tree = [name for part in _strings(row.get("categories")) if (name := clean(part))]
        category = clean(row.get("main_category")) or (tree[0] if tree else "")
        body = [
            text for name in ("features", "description") for part in _strings(row.get(name)) if (text := clean(part))
        ]
        fields = {
            "id": key,
            "title": clean(row.get("title")),
            "body": " ".join(body),
            "tags": unique(tree, but=[category]),
            "category": category or None,
            "author": clean(row.get("store")) or None,
            "extra": {
                "price": _price(row.get("price")),
                "average_rating": as_number(row.get("average_rating")),
                "rating_number": as_number(row.get("rating_number")),
                "details": _details(row.get("details")) or None,
            },
        }
        found = pictures.of_id(key)
        return fields, Found(found.images, tuple(_urls(row.get("images"))), found.unsafe)

    return read_notes(path.name, counted(read_jsonl(path), path.name, job.on_rows), draft)


def _strings(value: object) -> list[str]:
    """A list of texts, or one text as a list; texts are not split, for they are prose."""
    return as_list(value) if isinstance(value, list) else [value] if isinstance(value, str) else []


def _price(value: object) -> int | float | str | None:
    """A number where it is one, else its text (`from 12.99`)."""
    text = clean(value)
    return as_number(value) if not text else as_number(text.lstrip("$")) or (None if text in ("None", "—") else text)


def _details(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        return {}
    return {str(name): part for name, part in value.items() if isinstance(part, str | int | float | bool)}


def _urls(value: object) -> Iterator[str]:
    """The addresses of the pictures, each in the largest size there is."""
    if isinstance(value, dict):
        sizes = [value.get(size) for size in SIZES]
        columns = [part for part in sizes if isinstance(part, list)]
        value = [dict(zip(SIZES, each, strict=False)) for each in zip(*columns, strict=False)]
    for each in value if isinstance(value, list) else []:
        address = next((each[size] for size in SIZES if each.get(size)), None) if isinstance(each, dict) else each
        if isinstance(address, str) and is_url(address):
            yield address
