"""query: which notes are like this one."""

from dataclasses import fields
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated

import typer

from app.commands.options import AsJson, Backend, IndexPlace, Uri, Where
from app.console import print_json, stdout
from app.errors import AppError

if TYPE_CHECKING:
    from encoders.note import Note
    from retrieval.mix import Weights


def query(
    index: IndexPlace,
    ids: Annotated[list[str] | None, typer.Option("--id", help="A stored note. Repeat to mix several.")] = None,
    text: Annotated[str | None, typer.Option(help="Words, a sentence, a title.")] = None,
    image: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A picture. Repeat for more.")
    ] = None,
    note: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A note as JSON, with any subset of fields.")
    ] = None,
    words: Annotated[
        str | None, typer.Option(help="Words the notes themselves use: a search by BM25, on its own.")
    ] = None,
    unlike: Annotated[list[str] | None, typer.Option(help="A stored note to keep away from. Repeat for more.")] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="PART=WEIGHT", help="How much text, image, note, like (--id) or unlike counts."),
    ] = None,
    where: Where = None,
    k: Annotated[int, typer.Option("-k", min=1, max=10_000, help="How many notes to return.")] = 10,
    backend: Backend = None,
    uri: Uri = None,
    as_json: AsJson = False,
) -> None:
    """Return the notes most like a stored note, a text, a picture, a whole note, or a mix of these."""
    like = bool(ids or (text and text.strip()) or image or note)
    if not like and not (words and words.strip()):
        raise typer.BadParameter("give at least one of --id, --text, --image, --note, or --words")
    if like and words:
        raise typer.BadParameter("--words searches by BM25 on its own; for words beside other parts give --text")
    if unlike and not like:
        raise typer.BadParameter(
            "--unlike keeps away from a note; say with --id, --text, --image or --note what to seek"
        )
    from app.opening import index_folder, open_retriever
    from index import parse_filter

    weights = _weights(weight or [])
    chosen = parse_filter(where) if where is not None else None
    with index_folder(index, backend, uri) as folder, open_retriever(folder) as retriever:
        parts = _partial_notes(text, image or [], note)
        started = perf_counter()
        if words:
            hits = retriever.keyword(words, k, chosen)
        else:
            hits = retriever.similar(ids or (), parts, k, chosen, unlike or (), weights)
        took_ms = (perf_counter() - started) * 1000
    if as_json:
        print_json({"hits": [hit.as_json() for hit in hits], "took_ms": round(took_ms, 3)})
    else:
        from app.tables import hits_table

        stdout().print(hits_table(hits))


def _weights(given: list[str]) -> "Weights":
    from retrieval.mix import Weights

    parts = [field.name for field in fields(Weights)]
    chosen: dict[str, float] = {}
    for text in given:
        name, _, number = text.partition("=")
        try:
            chosen[name] = float(number)
        except ValueError:
            name = ""
        if name not in parts:
            raise typer.BadParameter(f"--weight {text}: expected PART=NUMBER with one of {', '.join(parts)}")
    return Weights(**chosen)


def _partial_notes(text: str | None, images: list[Path], file: Path | None) -> "list[Note]":
    """Make a partial note of each thing that was given, so that all count the same in the mix."""
    if not (text or images or file):
        return []  # by id alone: the model of a note need not be imported
    from pydantic import ValidationError

    from encoders.images import NoteImage
    from encoders.note import Note

    notes = [read_note(file)] if file else []
    if text and text.strip():
        try:
            notes.append(Note(body=text))
        except ValidationError as error:  # bytes the shell handed over as lone surrogates
            raise AppError(f"--text {text!r} is not UTF-8") from error
    return notes + [Note(images=(NoteImage.from_file(path),)) for path in images]


def read_note(file: Path) -> "Note":
    """Read a note from a JSON file; its pictures lie beside it. Raises AppError, NoteRejected."""
    import json

    from encoders.columns import ColumnMap

    try:
        row = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError, OSError) as error:
        raise AppError(f"{file} is not a JSON file in UTF-8: {error}") from error
    if not isinstance(row, dict):
        raise AppError(f'{file} must hold one JSON object such as {{"title": "..."}}, got {type(row).__name__}')
    return ColumnMap().note(row, file.parent.resolve())
