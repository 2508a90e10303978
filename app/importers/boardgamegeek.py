"""Layout `boardgamegeek`: board games and their users' ratings.

Documented on boardgamegeek.com/data_dumps/bg_ranks and, of two public scrapes, on their Kaggle pages. Read are, in
SOURCE, CSV files (plain or .gz), the games from the first of these that is there:

- games_detailed_info*.csv (jvanelteren/boardgamegeek-reviews): id, primary, description, yearpublished,
  boardgamecategory, boardgamemechanic, boardgamedesigner, image, thumbnail; lists as Python writes them;
- games.csv (threnjen/board-games-database-from-boardgamegeek): BGGId, Name, Description, YearPublished, ImagePath, and
  flags such as Cat:Thematic; with it, where they are there, mechanics.csv, subcategories.csv and themes.csv: BGGId and
  a column of 0 and 1 a name;
- boardgames_ranks.csv (the site's own dump): id, name, yearpublished, average, usersrated, and columns such as
  strategygames_rank, of which a game has those it is ranked in.

Ratings are user_ratings*.csv (BGGId, Rating, Username), else *reviews*.csv (user, rating, ID), else *ratings.csv, one
file (later scrapes repeat the earlier ones), with a timestamp where there is a column timestamp or date. Empty ratings
stay empty.

Tags are categories, then mechanics; the category is the first category; the author is the first designer. Extras:
year, average, users_rated, image_urls (never fetched). Pictures: ID.jpg (.png, .webp) in --images, else in `images` of
SOURCE.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from app.importers.base import Interaction, Job, Reading
from app.importers.errors import ColumnsMissing
from app.importers.finding import list_files, matching, one, optional
from app.importers.interactions import Roles, read_interactions
from app.importers.notes import Draft, good_rows, read_notes
from app.importers.pictures import Found, Pictures, folder_of, is_url
from app.importers.reading import Row, counted, find_column, read_cells, read_header, read_rows
from app.importers.values import as_list, as_number, as_text, clean, unique
from encoders.corpus import Placed, Rejection

NAMES = {
    "id": ("BGGId", "id", "bgg_id", "game_id", "objectid"),
    "title": ("Name", "primary", "title"),
    "body": ("Description",),
    "year": ("YearPublished", "year"),
    "categories": ("boardgamecategory", "categories", "category"),
    "mechanics": ("boardgamemechanic", "mechanics", "mechanic"),
    "designers": ("boardgamedesigner", "designers", "designer"),
    "average": ("AvgRating", "average"),
    "users_rated": ("NumUserRatings", "usersrated"),
}
PICTURES = ("ImagePath", "image", "thumbnail")
RATING_NAMES = {
    "user": ("Username", "user", "user_id"),
    "note": ("BGGId", "ID", "bgg_id", "game_id", "objectid"),
    "rating": ("Rating",),
    "timestamp": ("timestamp", "date"),
}
SIDE_TABLES = ("subcategories.csv", "themes.csv", "mechanics.csv")


def read(job: Job) -> Reading:
    """Find the games and the ratings; raises ImportFailed."""
    files = list_files(job.source)
    games = one(job.source, files, "games_detailed_info*.csv", "games.csv", "boardgames_ranks.csv", "bgg_gameitem.csv")
    ratings = optional(job.source, files, "user_ratings*.csv", "*reviews*.csv", "*ratings.csv")
    sides = [path for name in SIDE_TABLES for path in matching(files, name) if path.parent == games.parent]
    columns = read_header(games)
    plan = {role: found for role, names in NAMES.items() if (found := find_column(columns, names)) is not None}
    for role in ("id", "title"):
        if role not in plan:
            raise ColumnsMissing(games, columns, role, NAMES[role])
    pictures = Pictures(folder_of(job.source, job.images, "images"))
    notes = _notes(games, plan, sides, pictures, job)
    if ratings is None:
        return Reading(notes, None, (), lambda: pictures.missing)
    roles = _roles(ratings)
    return Reading(notes, _events(ratings, roles, job), roles.columns, lambda: pictures.missing)


def _roles(path: Path) -> Roles:
    columns = read_header(path)
    found: dict[str, int] = {}
    for role, names in RATING_NAMES.items():
        column = find_column(columns, names)
        if column is not None:
            found[role] = columns.index(column)
        elif role != "timestamp":
            raise ColumnsMissing(path, columns, role, names)
    return Roles(**found)


def _events(path: Path, roles: Roles, job: Job) -> Iterator[Interaction | Rejection]:
    width = len(read_header(path))
    rows = counted(read_cells(path, width=width, skip=1), path.name, job.on_rows)
    return read_interactions(path.name, rows, roles)


def _notes(
    path: Path, plan: dict[str, str], sides: Sequence[Path], pictures: Pictures, job: Job
) -> Iterator[Placed | Rejection]:
    flags: dict[str, list[str]] = {}
    for side in sides:
        columns = read_header(side)
        rows = yield from good_rows(side.name, read_cells(side, width=len(columns), skip=1))
        _add_flags(side, columns, rows, flags)

    def draft(row: Row) -> Draft:
        key = as_text(row[plan["id"]])
        value: dict[str, Any] = {role: row[column] for role, column in plan.items()}
        categories = [*map(clean, as_list(value.get("categories"))), *_flagged(row)]
        tags = unique([*categories, *flags.get(key, []), *map(clean, as_list(value.get("mechanics")))])
        designers = list(map(clean, as_list(value.get("designers"), separators=r"[|;]")))
        fields = {
            "id": key,
            "title": clean(value["title"]),
            "body": clean(value.get("body")),
            "tags": tags,
            "category": next(iter(categories), None),
            "author": next(iter(designers), None),
            "extra": {name: as_number(value.get(name)) for name in ("year", "average", "users_rated")},
        }
        found = pictures.of_id(key)
        return fields, Found(found.images, _urls(row), found.unsafe)

    yield from read_notes(path.name, counted(read_rows(path), path.name, job.on_rows), draft)


def _flagged(row: Row) -> list[str]:
    """Categories that stand as columns: flags `Cat:Name`, and ranks `namegames_rank`, the best first."""
    flags = [name[4:] for name, value in row.items() if name.startswith("Cat:") and as_number(value)]
    ranks = [(rank, name[:-5]) for name, value in row.items() if name.endswith("_rank") and (rank := as_number(value))]
    return flags + [name for _, name in sorted(ranks)]


def _urls(row: Row) -> tuple[str, ...]:
    """The largest picture's address."""
    columns = [column for name in PICTURES if (column := find_column(list(row), [name])) is not None]
    names = (as_text(row[column]) for column in columns)
    return tuple(name for name in names if is_url(name))[:1]


def _add_flags(path: Path, columns: list[str], rows: list[list[str]], flags: dict[str, list[str]]) -> None:
    """Add to each game the names of the columns that have a 1."""
    key = find_column(columns, NAMES["id"])
    if key is None:
        raise ColumnsMissing(path, columns, "id", NAMES["id"])
    at = columns.index(key)
    for cells in rows:
        names = [name for name, cell in zip(columns, cells, strict=True) if cell.strip() == "1" and name != key]
        flags.setdefault(cells[at].strip(), []).extend(names)
