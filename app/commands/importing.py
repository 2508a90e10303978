"""import: a public dataset in the layout it is published in, into a corpus folder."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import AsJson, Mapping
from app.console import print_json, print_note, progress, stdout
from app.errors import REJECTED

if TYPE_CHECKING:
    from app.console import Bar


def import_corpus(
    layout: Annotated[
        str,
        typer.Argument(
            metavar="LAYOUT", help="csv, movielens, amazon-reviews-2023, microlens, qilin or boardgamegeek; see above."
        ),
    ],
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", exists=True, help="Folder that the dataset was unpacked into.")
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, metavar="CORPUS", help="Corpus folder to make.")],
    images: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, metavar="FOLDER", help="Pictures, named after the ids of the notes."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, metavar="N", help="Import the first N good notes alone.")] = None,
    interactions: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Table of interactions; layout csv alone.")
    ] = None,
    mapping: Mapping = None,
    map_interactions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ROLE=COLUMN",
            help="Take user, note, timestamp, event or rating from this column; layout csv alone.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a corpus folder of a public dataset. Nothing is downloaded. Exits 3 where rows were bad.

    csv: notes.* or items.* and interactions.*, CSV, TSV, JSONL or Parquet, or one file; see --map.

    movielens: movies.csv, ratings.csv, tags.csv, links.csv; movies.dat, ratings.dat; or u.item, u.data.

    amazon-reviews-2023: meta_*.jsonl(.gz) (parent_asin, title, ...) and *.jsonl(.gz) (user_id, rating, timestamp).

    microlens: *_titles.csv or *_title_en.csv, *_pairs.csv or .tsv, tags_to_summary.csv, *_likes_and_views.txt.

    qilin: notes/*.parquet, recommendation_train/*.parquet, recommendation_test/*.parquet.

    boardgamegeek: games_detailed_info*.csv, games.csv or boardgames_ranks.csv; *reviews*.csv or user_ratings*.csv.
    """
    from app.importers.base import Job
    from app.importers.errors import ImportFailed
    from app.importers.layouts import LAYOUTS
    from app.importers.plain_tables import parse_roles
    from app.importers.run import run_import
    from encoders.columns import parse_mapping
    from encoders.errors import CorpusError

    if layout not in LAYOUTS:
        raise typer.BadParameter(f"{layout!r} is none of {', '.join(LAYOUTS)}", param_hint="LAYOUT")
    if layout != "csv" and (mapping or map_interactions or interactions):
        raise typer.BadParameter(f"the columns of {layout} are known; --map and --interactions go with csv alone")
    try:
        columns, roles = parse_mapping(mapping or []), parse_roles(map_interactions or [])
    except (CorpusError, ImportFailed) as error:
        raise typer.BadParameter(str(error)) from error
    with _Bars() as bars:
        job = Job(source, images, columns, roles, interactions, bars.advance)
        summary = run_import(layout, job, out, limit)
    if as_json:
        print_json(summary.as_json())
    else:
        from app.tables import facts_table

        stdout().print(facts_table(summary.as_json()))
    if summary.bad_rows:
        total = sum(summary.bad_rows.values())
        print_note(
            f"{total:,} {'row was' if total == 1 else 'rows were'} bad and left out; the first stand with reasons "
            f"in {out / 'rejected.jsonl'}"
        )
        raise typer.Exit(REJECTED)


class _Bars(ExitStack):
    """A progress bar for the file that is being read; the next file gets one of its own."""

    _name: str | None = None
    _bar: "Bar | None" = None

    def advance(self, name: str, count: int) -> None:
        """Count rows of a file as read."""
        if name != self._name or self._bar is None:
            self.close()
            self._name, self._bar = name, self.enter_context(progress(name))
        self._bar.advance(count)
