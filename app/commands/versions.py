"""versions, rollback, compact, migrate, connect: what an index stands on, and moving it."""

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, ConfigFile, IndexPath
from app.console import print_json, print_note, progress, stdout
from app.errors import AppError

Name = Annotated[str, typer.Option(help="Name of the index in Milvus.")]


def versions(
    index: IndexPath,
    prune: Annotated[
        int | None, typer.Option(min=1, metavar="KEEP", help="Remove all but so many, the served one among them.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the versions of an index: which is served, which can be gone back to, which was never finished."""
    from app.opening import access_to
    from index.versions import list_versions, prune_versions

    access = access_to(index)
    removed = prune_versions(index, prune, access) if prune is not None else []
    found = list_versions(index, access)
    if as_json:
        print_json({"versions": [version.as_json() for version in found], "removed": removed})
        return
    from app.tables import versions_table

    stdout().print(versions_table(found))
    if removed:
        print_note(f"removed {', '.join(removed)}")


def rollback(
    index: IndexPath,
    to: Annotated[str | None, typer.Option(metavar="VERSION", help="Which one; without, the one before.")] = None,
    as_json: AsJson = False,
) -> None:
    """Serve the version that was served before, or the one named; the present one is kept."""
    from app.opening import access_to
    from index.versions import rollback as roll_back

    served = roll_back(index, to, access_to(index))
    if as_json:
        print_json({"served": served})
    else:
        print_note(f"{served} is served now")


def compact(index: IndexPath, as_json: AsJson = False) -> None:
    """Build the searchable files of an index anew, without what was deleted; others go on reading meanwhile."""
    from time import perf_counter

    from app.opening import open_note_index

    started = perf_counter()
    with open_note_index(index) as opened, progress("compacting", opened.count()) as bar:
        opened.compact(bar.advance)
        facts = opened.info()
    seconds = round(perf_counter() - started, 2)
    if as_json:
        print_json({"seconds": seconds, **facts})
    else:
        print_note(f"compacted {facts['rows']:,} notes in {seconds} s")


def migrate(
    index: IndexPath,
    out: Annotated[Path, typer.Option("--out", file_okay=False, metavar="INDEX", help="Index directory to make.")],
    backend: Annotated[str, typer.Option(metavar="faiss|milvus", help="What the copy stands in.")],
    uri: Annotated[
        str, typer.Option(metavar="http://HOST:PORT", help="Milvus server; without, a milvus-lite file in INDEX.")
    ] = "",
    name: Name = "notes",
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Copy an index into another back-end as it is, without encoding again; a copy that was cut short goes on."""
    from app.opening import BACKENDS, open_note_index
    from app.settings import load_settings
    from index import IndexNotFound, MilvusPlace, copy_index, create_index

    if backend not in BACKENDS:
        raise AppError(f"--backend {backend}: expected one of {', '.join(BACKENDS)}")
    if uri and backend != "milvus":
        raise AppError("--uri goes with --backend milvus")
    settings = load_settings(config)
    with open_note_index(index, settings=settings) as source:
        try:
            target = open_note_index(out, source.fingerprint, settings)
        except IndexNotFound:
            target = create_index(
                out,
                dim=source.dim,
                fingerprint=source.fingerprint,
                meta=source.meta,
                schema=source.schema,
                config=settings.index.config(),
                milvus=MilvusPlace(uri, name, settings.milvus.config()) if backend == "milvus" else None,
                access=settings.milvus.access() if backend == "milvus" else None,
            )
        with target, progress("copying", source.count()) as bar:
            written = copy_index(source, target, bar.advance)
            rows = target.count()
    if as_json:
        print_json({"index": str(out), "copied": written, "notes": rows})
    else:
        print_note(f"copied {written:,} notes; {out} holds {rows:,}")


def connect(
    out: Annotated[Path, typer.Argument(metavar="INDEX", file_okay=False, help="Index directory to make.")],
    uri: Annotated[str, typer.Option(metavar="http://HOST:PORT", help="Milvus server.")],
    name: Name = "notes",
    config: ConfigFile = None,
) -> None:
    """Make an index directory for an index that stands on a Milvus server already."""
    from app.settings import load_settings
    from index import MilvusPlace
    from index import connect as connect_to

    settings = load_settings(config)
    with connect_to(out, MilvusPlace(uri, name, settings.milvus.config()), settings.milvus.access()) as opened:
        print_note(f"{out} stands for {name} at {uri}: {opened.count():,} notes")
