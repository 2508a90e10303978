"""Layout `movielens`: the rating data sets of GroupLens (Harper and Konstan, The MovieLens Datasets, 2015).

Documented in the README of each set at grouplens.org/datasets/movielens. Read are, in SOURCE or a folder in it:

- ml-latest, ml-latest-small, 20M, 25M, 32M (UTF-8): movies.csv (movieId, title, genres separated by `|`), ratings.csv
  (userId, movieId, rating, timestamp), and where they are there tags.csv (userId, movieId, tag, timestamp) and
  links.csv (movieId, imdbId, tmdbId);
- 1M, 10M: movies.dat (MovieID::Title::Genres; latin-1 unless it is UTF-8), ratings.dat
  (UserID::MovieID::Rating::Timestamp);
- 100K (latin-1): u.item (id|title|release date|video date|IMDb address|19 genre flags), u.data (user, item, rating,
  timestamp with tabs between).

A note's title is without year, the article back in front (`Shawshank Redemption, The (1994)`); the year is the extra
`year`. Tags are the genres and then users' tags, most used first; the category is the first genre; `created_at` is
the release date that only 100K has. Extras: year, imdbId, tmdbId. Pictures: MOVIEID.jpg (.png, .webp) in --images,
else in `posters` or `images` of SOURCE. The tags of all movies are held in memory.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from app.importers.base import Job, Reading
from app.importers.finding import list_files, one, optional
from app.importers.interactions import Roles, read_interactions
from app.importers.movielens_side import Links, Tags, column_at, most_used
from app.importers.notes import Draft, read_notes
from app.importers.pictures import Pictures, folder_of
from app.importers.reading import Lines, counted, open_bytes, read_cells, read_header, read_split
from app.importers.values import unique
from encoders.corpus import Placed, Rejection
from encoders.errors import NoteRejected, Reason

MAX_TAGS = 10
NO_GENRES = "(no genres listed)"
YEAR = re.compile(r"\s*\((\d{4})(?:[-–] ?(?:\d{4})?)?\)\s*$")
ARTICLE = re.compile(r"^(.+), (The|A|An|Il|La|Le|Les|L'|El|Los|Las|Der|Die|Das)((?: \(.*\))?)$")
GENRES_100K = (
    *(
        "unknown",
        "Action",
        "Adventure",
        "Animation",
        "Children's",
        "Comedy",
        "Crime",
        "Documentary",
        "Drama",
        "Fantasy",
    ),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def read(job: Job) -> Reading:
    """Find the files of whichever release it is; raises ImportFailed."""
    files = list_files(job.source)
    movies = one(job.source, files, "movies.csv", "movies.dat", "u.item")
    pictures = Pictures(folder_of(job.source, job.images, "posters", "images", "*/posters", "*/images"))
    siblings = [path for path in files if path.parent == movies.parent]
    read_release = _read_csv if ".csv" in movies.name else _read_dat if ".dat" in movies.name else _read_100k
    notes, ratings, lines, roles = read_release(job, movies, siblings, pictures)
    events = read_interactions(ratings.name, counted(lines, ratings.name, job.on_rows), roles)
    return Reading(notes, events, roles.columns, lambda: pictures.missing)


Release = tuple[Iterator[Placed | Rejection], Path, Lines[list[str]], Roles]


def _read_csv(job: Job, movies: Path, files: Sequence[Path], pictures: Pictures) -> Release:
    columns = read_header(movies)
    movie, title, genres = (column_at(movies, columns, name) for name in ("movieId", "title", "genres"))
    ratings = one(job.source, files, "ratings.csv")
    names = read_header(ratings)
    order = (column_at(ratings, names, name) for name in ("userId", "movieId", "timestamp", "rating"))
    user, rated, timestamp, rating = order
    tags_of, links_of = Tags(optional(job.source, files, "tags.csv")), Links(optional(job.source, files, "links.csv"))

    def notes() -> Iterator[Placed | Rejection]:
        tags = yield from tags_of.read(job.on_rows)
        links = yield from links_of.read(job.on_rows)

        def draft(cells: list[str]) -> Draft:
            key = cells[movie].strip()
            genres_of = cells[genres].split("|")
            return _draft(key, cells[title], genres_of, pictures, most_used(tags, key), links.get(key, {}))

        rows = counted(read_cells(movies, width=len(columns), skip=1), movies.name, job.on_rows)
        yield from read_notes(movies.name, rows, draft)

    lines = read_cells(ratings, width=len(names), skip=1)
    return notes(), ratings, lines, Roles(user, rated, timestamp, rating=rating)


def _read_dat(job: Job, movies: Path, files: Sequence[Path], pictures: Pictures) -> Release:
    ratings = one(job.source, files, "ratings.dat")

    def draft(cells: list[str]) -> Draft:
        return _draft(cells[0].strip(), "::".join(cells[1:-1]), cells[-1].split("|"), pictures)

    rows = counted(_at_least(read_split(movies, "::", encoding=_encoding(movies)), 3), movies.name, job.on_rows)
    lines = read_split(ratings, "::", encoding="latin-1", width=4)
    return read_notes(movies.name, rows, draft), ratings, lines, Roles(0, 1, 3, rating=2)


def _read_100k(job: Job, movies: Path, files: Sequence[Path], pictures: Pictures) -> Release:
    ratings = one(job.source, files, "u.data")

    def draft(cells: list[str]) -> Draft:
        genres = [name for name, flag in zip(GENRES_100K, cells[5:], strict=True) if flag.strip() == "1"]
        fields, found = _draft(cells[0].strip(), cells[1], genres, pictures)
        return {**fields, "created_at": _release_date(cells[2])}, found

    rows = counted(read_split(movies, "|", encoding="latin-1", width=5 + len(GENRES_100K)), movies.name, job.on_rows)
    lines = read_split(ratings, "\t", encoding="latin-1", width=4)
    return read_notes(movies.name, rows, draft), ratings, lines, Roles(0, 1, 3, rating=2)


def _draft(
    key: str,
    title: str,
    genres: list[str],
    pictures: Pictures,
    used: Sequence[str] = (),
    extra: Mapping[str, str] | None = None,
) -> Draft:
    name, year = split_title(title)
    genres = [genre.strip() for genre in genres if genre.strip() not in ("", NO_GENRES, "unknown")]
    fields = {
        "id": key,
        "title": name,
        "tags": unique([*genres, *used])[: max(MAX_TAGS, len(genres))],
        "category": genres[0] if genres else None,
        "extra": {"year": year, **(extra or {})},
    }
    return fields, pictures.of_id(key)


def split_title(title: str) -> tuple[str, int | None]:
    """Part `Title, The (1995)` into `The Title` and 1995, the year being None where there is none."""
    title = title.strip()
    found = YEAR.search(title)
    name = title[: found.start()] if found else title
    if moved := ARTICLE.match(name):
        rest, article, remark = moved.groups()
        name = f"{article}{'' if article.endswith(chr(39)) else ' '}{rest}{remark}"
    return name, int(found[1]) if found else None


def _at_least(rows: Lines[list[str]], width: int) -> Lines[list[str]]:
    for line, cells in rows:
        if not isinstance(cells, NoteRejected) and len(cells) < width:
            yield line, NoteRejected(Reason.BROKEN_ROW, f"{len(cells)} cells, wanted {width}")
        else:
            yield line, cells


def _encoding(path: Path) -> str:
    """UTF-8 where the whole file is that (10M), else latin-1 (1M)."""
    try:
        with open_bytes(path) as raw:
            raw.read().decode()
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _release_date(text: str) -> datetime | None:
    """Read 01-Jan-1995; None for anything else, for two films have none."""
    found = re.fullmatch(r"(\d{1,2})-([A-Z][a-z]{2})-(\d{4})", text.strip())
    if not found or found[2] not in MONTHS:
        return None
    return datetime(int(found[3]), MONTHS.index(found[2]) + 1, int(found[1]), tzinfo=UTC)
