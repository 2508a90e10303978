"""show, info, delete, export: what stands in an index."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from app.commands.options import AsJson, IndexPath
from app.console import print_json, print_note, progress, stdout
from app.errors import AppError


class Precision(StrEnum):
    """What an export writes its vectors in."""

    FLOAT32 = "float32"
    INT8 = "int8"


def show(index: IndexPath, note_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Print one stored note, with where its pictures lie."""
    from app.opening import open_note_index
    from retrieval.errors import UnknownNote
    from retrieval.hit import image_paths

    with open_note_index(index) as opened:
        record = opened.get([note_id], with_vectors=False)[0]
    if record is None:
        raise UnknownNote(f"the index has no note {note_id!r}")
    facts: dict[str, Any] = {"id": record.id, **record.payload}
    facts["images"] = [str(path) for path in image_paths(record.payload)]
    if as_json:
        print_json(facts)
    else:
        from app.tables import facts_table

        stdout().print(facts_table(facts))


def info(index: IndexPath, as_json: AsJson = False) -> None:
    """Print what an index is: rows, type, dimensions, encoder, size on disk."""
    from app.opening import open_note_index

    with open_note_index(index) as opened:
        facts: dict[str, Any] = {**opened.info(), "encoder": opened.meta["encoder"]}
        schema = opened.schema
    if as_json:
        print_json({**facts, "schema": schema.as_json()})
    else:
        from app.tables import facts_table

        filters = [f"{attribute.name} ({attribute.type})" for attribute in schema.attributes]
        stdout().print(facts_table({**facts, "filters": filters, "words": list(schema.text)}))


def delete(
    index: IndexPath, ids: Annotated[list[str], typer.Argument(metavar="ID...")], as_json: AsJson = False
) -> None:
    """Delete notes by id; ids the index does not have are named, and the exit code is then 1."""
    from app.opening import open_note_index

    with open_note_index(index) as opened:
        unknown = [
            note_id for note_id, record in zip(ids, opened.get(ids, with_vectors=False), strict=True) if record is None
        ]
        deleted = opened.delete(ids)
    if as_json:
        print_json({"deleted": deleted, "unknown": unknown})
    else:
        print_note(f"deleted {deleted:,}")
    if unknown:
        raise AppError(f"the index has no note {', '.join(map(repr, unknown))}")


def export(
    index: IndexPath,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="The .npz file to write.")],
    precision: Annotated[
        Precision, typer.Option(help="int8 takes a quarter of the space; its ranges are written beside the codes.")
    ] = Precision.FLOAT32,
    ranges: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="With int8: take the ranges of this earlier int8 export."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write ids [N] (strings) and vectors [N, D] (float32 unit rows, or int8) to an .npz file."""
    from app.opening import open_note_index
    from retrieval.export import export_vectors, read_ranges

    if ranges and precision != Precision.INT8:
        raise typer.BadParameter("--ranges goes with --precision int8")
    chosen = read_ranges(ranges) if ranges else None
    with open_note_index(index) as opened, progress("exporting", opened.count()) as bar:
        try:
            rows = export_vectors(opened, out, bar.advance, precision.value, chosen)
        except OSError as error:
            raise AppError(f"{out} cannot be written: {error.strerror}") from error
        dim = opened.dim
    if as_json:
        print_json({"out": str(out), "rows": rows, "dim": dim})
    else:
        print_note(f"wrote {rows:,} × {dim} to {out}")
