"""check, build, add: from a corpus folder into an index."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson, Backend, ConfigFile, CorpusPath, IndexPath, Mapping, Uri
from app.console import print_json, print_note, progress, stdout
from app.errors import FAILED, REJECTED

if TYPE_CHECKING:
    from app.settings import Settings
    from encoders.base import Encoder
    from encoders.corpus import Corpus
    from index import NoteIndex
    from retrieval.build import BuildReport


def check(
    corpus: CorpusPath,
    as_json: AsJson = False,
    mapping: Mapping = None,
    config: ConfigFile = None,
    rejected: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write the bad rows to this JSONL file.")
    ] = None,
) -> None:
    """Validate a corpus and its interactions: counts, bad rows by reason, what is missing. Exits 3 on bad rows."""
    from app.settings import load_settings
    from encoders.check import check_corpus
    from encoders.id_set import IdSet
    from retrieval.interactions.check import check_interactions
    from retrieval.interactions.columns import find_interactions

    notes = open_corpus(corpus, mapping)
    limits = load_settings(config).images.limits()
    with IdSet() as ids:
        with progress("checking", notes.count()) as bar:
            report = check_corpus(notes, limits, rejected, bar.advance, ids)
        interactions = [check_interactions(path, ids) for path in find_interactions(notes.root)]
    _warn_unseen(notes)
    facts = {**report.as_json(), "interactions": {found.file: found.as_json() for found in interactions}}
    if as_json:
        print_json(facts)
    else:
        from app.tables import facts_table

        stdout().print(facts_table(facts, title=f"{corpus}"))
    if report.rejected:
        raise typer.Exit(REJECTED)


def build(
    corpus: CorpusPath,
    out: Annotated[Path, typer.Option("--out", file_okay=False, metavar="INDEX", help="Index directory to make.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="minilm (default), open_clip:MODEL:WEIGHTS, notellm:MODEL, st:MODEL, ..., or an encoder folder."
        ),
    ] = None,
    dim: Annotated[int | None, typer.Option(min=4, help="Keep only so many numbers of a vector (Matryoshka).")] = None,
    config: ConfigFile = None,
    mapping: Mapping = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:TYPE", help="Filter by this column of the corpus, too; text, number, time, bool or texts."
        ),
    ] = None,
    backend: Backend = None,
    uri: Uri = None,
    name: Annotated[str, typer.Option(help="Name of the index in Milvus.")] = "notes",
    rebuild: Annotated[
        bool, typer.Option(help="Build a new version beside the one that is served, check it, and swap it in.")
    ] = False,
    prune: Annotated[bool, typer.Option(help="Remove notes from the index that the corpus no longer has.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build an index of a corpus, or bring one up to date: only new and changed notes are encoded.

    A killed build goes on where it was. Bad notes are set aside in INDEX/rejected.jsonl; the exit code is then 3.
    """
    from app.building import Target, open_or_create, open_staged, publish_staged
    from app.settings import load_settings

    settings = load_settings(config)
    notes = open_corpus(corpus, mapping)
    target = Target.of(out, encoder, dim, settings, config is not None, attribute or [], backend, uri, name)
    if not rebuild:
        index, model = open_or_create(target)
        with index:
            _ingest(notes, model, index, out, settings, prune=prune, as_json=as_json)
        return
    staged, model = open_staged(target)
    with staged:
        _ingest(
            notes,
            model,
            staged,
            out,
            settings,
            prune=True,
            as_json=as_json,
            finish=lambda: publish_staged(target, staged, prune),
        )


def add(
    index: IndexPath,
    corpus: CorpusPath,
    config: ConfigFile = None,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Add a corpus to an index, with the index's own encoder; notes of a known id replace the old ones."""
    from app.opening import open_retriever
    from app.settings import load_settings

    settings = load_settings(config)
    notes = open_corpus(corpus, mapping)
    with open_retriever(index, settings) as retriever:
        _ingest(notes, retriever.encoder, retriever.index, index, settings, prune=None, as_json=as_json)


def open_corpus(path: Path, mapping: list[str] | None) -> "Corpus":
    """Open a corpus with the columns that --map names."""
    from encoders.columns import parse_mapping
    from encoders.corpus import Corpus
    from encoders.errors import CorpusError

    try:
        columns = parse_mapping(mapping or [])
    except CorpusError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    return Corpus(path, columns)


def _ingest(
    notes: "Corpus",
    model: "Encoder",
    index: "NoteIndex",
    folder: Path,
    settings: "Settings",
    *,
    prune: bool | None,
    as_json: bool,
    finish: Callable[[], None] | None = None,
) -> None:
    """Bring the notes in and report; prune is None where notes of other corpora are expected in the index.

    finish is called when all good notes are in, if there are any.
    """
    from time import perf_counter

    from retrieval.build import REJECTED_FILE
    from retrieval.build import build as build_index

    started = perf_counter()
    taken_in = 0
    with progress("encoding", notes.count()) as bar:

        def on_index(count: int) -> None:
            nonlocal taken_in
            if not taken_in:
                bar.restart("indexing", index.count())
            taken_in += count
            bar.advance(count)

        report = build_index(
            notes,
            model,
            index,
            folder / REJECTED_FILE,
            limits=settings.images.limits(),
            prune=bool(prune),
            on_progress=bar.advance,
            on_index=on_index,
        )
    _warn_unseen(notes)
    rows = index.count()
    if finish and report.good:
        finish()
    summary: dict[str, Any] = {
        "index": str(folder),
        **report.as_json(),
        "notes": rows,
        "seconds": round(perf_counter() - started, 1),
    }
    if as_json:
        print_json(summary)
    else:
        from app.tables import facts_table

        stdout().print(facts_table(summary))
    _remark(report, folder / REJECTED_FILE, prune)


def _remark(report: "BuildReport", rejected_file: Path, prune: bool | None) -> None:
    """Say what the numbers ask for, and choose the exit code."""
    if report.stale and prune is False:
        print_note(f"{report.stale:,} notes of the index are not in this corpus; they stay (--prune removes them)")
    if report.rejected:
        total = sum(report.rejected.values())
        print_note(f"{total:,} notes were rejected; each stands with its line and reason in {rejected_file}")
        raise typer.Exit(REJECTED if report.good else FAILED)


def _warn_unseen(notes: "Corpus") -> None:
    if notes.unseen_columns:
        names = ", ".join(repr(name) for name in notes.unseen_columns)
        print_note(f"--map names columns that no row has: {names}")
