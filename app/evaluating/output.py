"""What an evaluation found, as a folder of files."""

import json
import re
from pathlib import Path
from tempfile import TemporaryFile

from app.errors import AppError
from app.evaluation_tables import evaluation_json, write_per_query
from app.report.write import write_report
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.results import Evaluation
from retrieval.evaluation.run_files import write_qrels, write_run

REPORT = "report.html"


def make_folder(out: Path) -> None:
    """Make the folder, so that one that cannot be made is known before hours are spent. Raises AppError."""
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=out):
            pass
    except OSError as error:
        raise AppError(f"{out} cannot be written: {error.strerror or error}") from error


def write_files(evaluation: Evaluation, protocol: Protocol, out: Path) -> None:
    """Write the report, results as JSON and by query, the split, and rankings and right answers as TREC files.

    Raises AppError where that cannot be done.
    """
    pool = protocol.pool
    query_ids = [pool.notes.ids[i] for i in pool.queries]
    try:
        for old in (out / "runs").glob("[0-9][0-9]-*.txt"):  # of an evaluation before, perhaps of more systems
            old.unlink()
        protocol.split.save(out / "split.json")
        found = json.dumps(evaluation_json(evaluation), indent=2, ensure_ascii=False)
        (out / "results.json").write_text(found + "\n", encoding="utf-8")
        write_per_query(evaluation, out / "per_query.parquet")
        write_qrels(out / "qrels.txt", pool.relevance, query_ids, pool.notes.ids)
        for i, system in enumerate(evaluation.systems):
            # Numbered, for names that differ only in what a file cannot be called.
            label = re.sub(r"[^\w.-]+", "-", " ".join(filter(None, (system.name, system.reads))))
            write_run(out / "runs" / f"{i:02}-{label}.txt", system.ranking, query_ids, pool.notes.ids, label)
        write_report(evaluation, protocol.notes_of, out / REPORT)
    except OSError as error:
        raise AppError(f"{out} cannot be written: {error.strerror or error}") from error
