"""Notes, interactions and moments as the command is given them."""

from datetime import datetime
from pathlib import Path

from app.commands.corpus import open_corpus
from app.console import progress
from app.errors import AppError
from encoders.errors import NoteRejected
from encoders.rows import count_rows
from retrieval.evaluation.protocol import Interactions, only_interactions
from retrieval.evaluation.split import moment
from retrieval.interactions.events import EventFilter


def read_interactions(corpus: Path, file: Path | None, mapping: list[str] | None, chosen: EventFilter) -> Interactions:
    """Read notes and interactions under a bar. Raises AppError and the errors of both."""
    notes = open_corpus(corpus, mapping)
    file = file or only_interactions(notes)
    with progress("reading notes", notes.count()) as bar:
        begun = False

        def on_event(count: int) -> None:
            nonlocal begun
            if not begun:
                bar.restart("reading interactions", count_rows(file))
                begun = True
            bar.advance(count)

        return Interactions.read(notes, file, chosen, bar.advance, on_event)


def moments(validation_from: str | None, test_from: str | None) -> tuple[datetime, datetime] | None:
    """Where validation and test begin, if that was said. Raises AppError."""
    if validation_from is None and test_from is None:
        return None
    if validation_from is None or test_from is None:
        raise AppError("give both --validation-from and --test-from: choices are made on what lies between")
    try:
        return moment(validation_from), moment(test_from)
    except NoteRejected as error:
        raise AppError(f"--test-from, --validation-from: {error}") from error
