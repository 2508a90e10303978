"""suggest: hashtags and a category for a new note."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import typer

from app.commands.options import AsJson
from app.console import print_json, stdout
from app.errors import AppError

if TYPE_CHECKING:
    from encoders.base import Encoder
    from encoders.note import Note
    from encoders.suggestion import Suggestion

Source = Literal["encoder", "neighbours"]

Place = Annotated[
    str, typer.Argument(metavar="INDEX|ENCODER", help="Index made by `build`, or an encoder: a folder, or a name.")
]


class _Sources(NamedTuple):
    """Who suggests the hashtags, and who the category."""

    tags: Source
    category: Source


def suggest(
    place: Place,
    note: Annotated[
        Path,
        typer.Option(exists=True, dir_okay=False, help="The note as JSON; its own tags and category are not read."),
    ],
    tags: Annotated[int, typer.Option(min=0, max=50, help="How many hashtags at most.")] = 5,
    categories: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Choose the category among these; as a rule, among all known.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Suggest hashtags and a category for a note, by the encoder's heads or by the nearest notes of the index.

    An index has each from whichever was better on the notes that the heads' training kept aside.
    """
    from app.commands.query import read_note

    wanted = read_note(note)
    bare = wanted.model_copy(update={"tags": (), "category": None})
    if not bare.has_text and not bare.images:
        raise AppError(f"{note} has neither title, body nor picture to suggest hashtags for; its tags are not read")
    among = _names(categories)
    if (Path(place) / "index.json").is_file():
        made, sources = _of_index(Path(place), bare, tags, among)
    else:
        made, sources = _of_encoder(place, bare, tags, among), _Sources("encoder", "encoder")
    if as_json:
        print_json({"tags": list(made.tags), "category": made.category, "from": sources._asdict()})
    else:
        from app.tables import facts_table

        hashtags = " ".join(f"#{tag}" for tag in made.tags) or "none"
        shown = {
            "hashtags": f"{hashtags} (by {sources.tags})",
            "category": f"{made.category or 'none'} (by {sources.category})",
        }
        stdout().print(facts_table(shown))


def _names(categories: str | None) -> tuple[str, ...] | None:
    if categories is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in categories.split(",") if name.strip()))
    if not names:
        raise typer.BadParameter("--categories names none: give some as food,travel")
    return names


def _of_encoder(place: str, note: "Note", tags: int, among: tuple[str, ...] | None) -> "Suggestion":
    """Suggest by an encoder alone. Raises AppError for a note without words, EncoderError."""
    from encoders.load import load_encoder, resolve_config

    encoder = load_encoder(resolve_config(place))
    made = encoder.suggest_tags([note], tags, among)[0]  # says what to do where it has nothing to suggest with
    if not _can_suggest(encoder, note):
        raise AppError(
            "the note has neither title nor body, and this encoder suggests by words alone: give it some, or name an "
            "index, whose nearest notes are asked then"
        )
    return made


def _of_index(place: Path, note: "Note", tags: int, among: tuple[str, ...] | None) -> "tuple[Suggestion, _Sources]":
    """Suggest by the index's encoder what it is better at, the rest by the nearest of its notes but the note itself."""
    from app.opening import open_retriever
    from encoders.suggestion import Suggestion
    from retrieval.votes import NEIGHBOURS, Voter, vote

    with open_retriever(place) as retriever:
        by_encoder, sources = Suggestion((), None), _Sources("neighbours", "neighbours")
        if _can_suggest(retriever.encoder, note):
            by_encoder, sources = retriever.encoder.suggest_tags([note], tags, among)[0], _sources(retriever.encoder)
        if "neighbours" not in sources:
            return by_encoder, sources
        hits = retriever.similar(notes=[note], k=NEIGHBOURS + 1)
    others = [hit for hit in hits if hit.id != note.id][:NEIGHBOURS]
    votes = vote([Voter(hit.payload["tags"], hit.category, hit.score) for hit in others], tags, among)
    made = Suggestion(
        votes.tags if sources.tags == "neighbours" else by_encoder.tags,
        votes.category if sources.category == "neighbours" else by_encoder.category,
    )
    return made, sources


def _sources(encoder: "Encoder") -> _Sources:
    """Who is to suggest what, where the encoder can: the neighbours where its heads were outvoted in training."""
    from encoders.note_encoder import NoteEncoder

    heads = encoder.config.heads if isinstance(encoder, NoteEncoder) else None
    outvoted = heads.outvoted if heads else ()
    return _Sources(*("neighbours" if part in outvoted else "encoder" for part in ("hashtags", "category")))


def _can_suggest(encoder: "Encoder", note: "Note") -> bool:
    """Whether an encoder has something to suggest with, for this note: heads, and language models alone, read words."""
    from encoders.note_encoder import NoteEncoder
    from encoders.sentence_transformer.config import SentenceTransformerConfig
    from encoders.towers import Suggester

    if isinstance(encoder, NoteEncoder):
        return note.has_text and (encoder.config.heads is not None or isinstance(encoder.text, Suggester))
    return not isinstance(encoder.config, SentenceTransformerConfig)
