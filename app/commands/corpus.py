"""check, build, add: from a corpus folder into an index."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson, ConfigFile, CorpusPath, IndexPath, Mapping
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
    from training.interactions import check_interactions, find_interactions

    notes = _open_corpus(corpus, mapping)
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
        str | None, typer.Option(help="minilm (default), open_clip:MODEL:WEIGHTS, or an encoder folder.")
    ] = None,
    config: ConfigFile = None,
    mapping: Mapping = None,
    prune: Annotated[bool, typer.Option(help="Remove notes from the index that the corpus no longer has.")] = False,
    as_json: AsJson = False,
) -> None:
    """Build an index of a corpus, or bring one up to date: only new and changed notes are encoded.

    A killed build goes on where it was. Bad notes are set aside in INDEX/rejected.jsonl; the exit code is then 3.
    """
    from app.settings import load_settings

    settings = load_settings(config)
    notes = _open_corpus(corpus, mapping)
    index, model = _open_or_create(out, encoder, settings, configured=config is not None)
    with index:
        _ingest(notes, model, index, out, settings, prune=prune, as_json=as_json)


def add(
    index: IndexPath,
    corpus: CorpusPath,
    config: ConfigFile = None,
    mapping: Mapping = None,
    as_json: AsJson = False,
) -> None:
    """Add a corpus to an index, with the index's own encoder; notes of a known id replace the old ones."""
    from app.settings import load_settings
    from retrieval.retriever import Retriever

    settings = load_settings(config)
    notes = _open_corpus(corpus, mapping)
    with Retriever.open(index, settings.run.precision, settings.images.limits()) as retriever:
        _ingest(notes, retriever.encoder, retriever.index, index, settings, prune=None, as_json=as_json)


def _open_corpus(path: Path, mapping: list[str] | None) -> "Corpus":
    from encoders.columns import parse_mapping
    from encoders.corpus import Corpus
    from encoders.errors import CorpusError

    try:
        columns = parse_mapping(mapping or [])
    except CorpusError as error:
        raise typer.BadParameter(str(error), param_hint="--map") from error
    return Corpus(path, columns)


def _open_or_create(out: Path, spec: str | None, settings: "Settings", configured: bool) -> "tuple[NoteIndex, Encoder]":
    """Open the index at `out` with its own encoder unless another is asked for, which it then refuses."""
    from encoders.load import load_encoder, resolve_config
    from index import FaissIndex, IndexNotFound, open_index
    from retrieval.retriever import described_encoder, index_meta

    try:
        existing = open_index(out)
    except IndexNotFound:
        existing = None
    if existing is not None and spec is None and not configured:
        return existing, described_encoder(existing, settings.run.precision, settings.images.limits())
    wanted = resolve_config(spec, settings.encoder) if spec else settings.encoder
    model = load_encoder(wanted, settings.run.precision, settings.images.limits())
    if existing is not None:
        existing.close()
        return open_index(out, fingerprint=model.fingerprint), model
    created = FaissIndex.create(
        out, dim=model.dim, fingerprint=model.fingerprint, meta=index_meta(model), kind=settings.index.kind
    )
    return created, model


def _ingest(
    notes: "Corpus",
    model: "Encoder",
    index: "NoteIndex",
    folder: Path,
    settings: "Settings",
    *,
    prune: bool | None,
    as_json: bool,
) -> None:
    """Bring the notes in and report; prune is None where notes of other corpora are expected in the index."""
    from time import perf_counter

    from retrieval.build import REJECTED_FILE
    from retrieval.build import build as build_index

    started = perf_counter()
    with progress("encoding", notes.count()) as bar:
        report = build_index(
            notes,
            model,
            index,
            folder / REJECTED_FILE,
            limits=settings.images.limits(),
            prune=bool(prune),
            on_progress=bar.advance,
        )
    _warn_unseen(notes)
    summary: dict[str, Any] = {
        "index": str(folder),
        **report.as_json(),
        "notes": index.count(),
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
