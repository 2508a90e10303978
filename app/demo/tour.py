"""The tour of `notelens demo`: make a corpus, index it, show what it answers, train on its clicks, say how to go on."""

import json
import sys
from pathlib import Path
from shutil import which

from rich.text import Text

from app.commands import corpus as commands
from app.console import progress, stdout
from app.demo.corpus import demo_queries, make_demo_corpus
from app.tables import hits_table
from encoders.corpus import Corpus
from encoders.images import NoteImage
from encoders.lineage import RECORD
from encoders.note import Note
from retrieval import Retriever

SHOWN = 5  # hits a query
RECIPE = "fusion"


def run_tour(folder: Path) -> None:
    """Make DIR/corpus and DIR/index, print the answers to three kinds of query; train DIR/encoder, print what it gains.

    A second run finds all of it made, and only shows it.
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
    out.print()
    _show_trained(folder / "encoder", notes)
    out.print(
        Text(
            f"\nBrowse it:   {_command()} app {folder / 'index'}     (make app)\n"
            f'Ask it:      {_command()} query {folder / "index"} --text "something warm for a rainy evening"\n'
            f"How good?    {_command()} evaluate {folder / 'index'} --corpus {notes} --out {folder / 'evaluation'}\n"
            f"Use it:      {_command()} build {notes} --encoder {folder / 'encoder'} --out {folder / 'trained'}\n"
            f"Your notes:  {_command()} build CORPUS --out INDEX"
        ),
        soft_wrap=True,
    )


def _show_trained(encoder: Path, notes: Path) -> None:
    """Train on what people looked at before the last notes came out, and print what that is worth on these."""
    from app.training_tables import evaluation_table
    from training.recipes.read import read_recipe
    from training.setting import Source
    from training.train import Task, train

    if not encoder.exists():
        source = Source(Corpus(notes), stage="test")
        with progress("training") as bar:
            train(Task(source, read_recipe(RECIPE), encoder, resume=True), bar)
    record = json.loads((encoder / RECORD).read_text(encoding="utf-8"))
    took = f"after {60 * record['minutes']:.0f} s of training"
    stdout().print(evaluation_table(record["evaluation"], f"{record['evaluated_on']}; {took}"))


def _command() -> str:
    """Name the command so that it can be pasted into the same shell: in a virtual environment not active, its path."""
    return "notelens" if which("notelens") else sys.argv[0]
