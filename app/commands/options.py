"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

CorpusPath = Annotated[
    Path,
    typer.Argument(
        metavar="CORPUS", exists=True, help="Folder with notes.jsonl, .parquet or .csv and images/, or the notes file."
    ),
]
IndexPath = Annotated[
    Path, typer.Argument(metavar="INDEX", exists=True, file_okay=False, help="Index directory made by `build`.")
]
IndexPlace = Annotated[
    Path,
    typer.Argument(metavar="INDEX", help="Index directory made by `build`; with --uri, the index's name in Milvus."),
]
Backend = Annotated[str | None, typer.Option(metavar="faiss|milvus", help="Where the index stands.")]
Uri = Annotated[
    str | None,
    typer.Option(metavar="http://HOST:PORT", help="Milvus server; its token stands in NOTELENS_MILVUS_TOKEN."),
]
Where = Annotated[
    str | None,
    typer.Option(metavar="FILTER", help="""Only notes that match: category = "food" and not tags has "ramen"."""),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", dir_okay=False, exists=True, help="Settings as TOML (see app/settings.py).")
]
Mapping = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="FIELD=COLUMN", help="Take a note's field from this column. Repeat for more."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to stdout.")]
