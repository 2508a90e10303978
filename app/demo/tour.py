"""The tour of `notelens demo`: make the corpus, index it, show what it answers, say how to go on."""

import sys
from pathlib import Path
from shutil import which

from rich.text import Text

from app.commands import corpus as commands
from app.console import progress, stdout
from app.demo.corpus import demo_queries, make_demo_corpus
from app.tables import hits_table
from encoders.images import NoteImage
from encoders.note import Note
from retrieval import Retriever

SHOWN = 5  # hits a query


def run_tour(folder: Path) -> None:
    """Make DIR/corpus and DIR/index, and print the answers to three kinds of query.

    A second run finds both made, encodes nothing, and only shows the queries.
    """
    notes = folder / "corpus"
    with progress("drawing") as bar:
        summary = make_demo_corpus(notes, on_progress=bar.reach)
    commands.build(notes, folder / "index")
    out = stdout()
    out.print(
        f"\n{summary.notes:,} notes, {summary.cold_notes:,} of them newer than every click; "
        f"{summary.users:,} users, {summary.events:,} events\n"
    )
    queries = demo_queries(notes)
    with Retriever.open(folder / "index") as retriever:
        [cold] = retriever.index.get([queries.cold_note_id], with_vectors=False)
        title = cold.payload["title"] if cold else ""
        out.print(
            hits_table(
                retriever.similar([queries.cold_note_id], k=SHOWN),
                f"A note nobody has clicked yet: {title} ({queries.cold_note_id})",
            )
        )
        out.print()
        out.print(hits_table(retriever.similar(notes=[Note(body=queries.text)], k=SHOWN), f"Words: {queries.text}"))
        out.print()
        picture = Note(images=(NoteImage.from_file(queries.image),))
        out.print(hits_table(retriever.similar(notes=[picture], k=SHOWN), f"A picture: {queries.image}"))
    out.print(
        Text(
            f"\nBrowse it:   {_command()} app {folder / 'index'}     (make app)\n"
            f'Ask it:      {_command()} query {folder / "index"} --text "something warm for a rainy evening"\n'
            f"How good?    {_command()} evaluate {folder / 'index'} --corpus {notes} --out {folder / 'evaluation'}\n"
            f"Your notes:  {_command()} build CORPUS --out INDEX"
        ),
        soft_wrap=True,
    )


def _command() -> str:
    """Name the command so that it can be pasted into the same shell: in a virtual environment not active, its path."""
    return "notelens" if which("notelens") else sys.argv[0]
