"""mine: from interactions to pairs of notes that training learns from."""

import math
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson, Mapping
from app.console import print_json, print_note, progress, stdout

if TYPE_CHECKING:
    from training.mining.config import Bounds, MiningConfig
    from training.mining.held import Held


class Mode(StrEnum):
    """What makes a pair."""

    SEQUENCE = "sequence"
    TOGETHER = "together"


class Stage(StrEnum):
    """What the pairs may not have seen."""

    VALIDATION = "validation"
    TEST = "test"


COUNTED, KEPT, HELD, RUN = "What is counted", "What is kept", "Split and corpus", "Run"
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def mine(
    interactions: Annotated[
        Path,
        typer.Argument(
            metavar="INTERACTIONS", exists=True, dir_okay=False, help="CSV or Parquet: user, note, best with timestamp."
        ),
    ],
    out: Annotated[Path, typer.Option(dir_okay=False, metavar="FILE.parquet", help="Write the pairs here.")],
    mode: Annotated[
        Mode | None,
        typer.Option(help="A then B, or both; sequence where there are times, unless said.", rich_help_panel=COUNTED),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="7d|12h|none", help="Only so far apart; a week unless said.", rich_help_panel=COUNTED),
    ] = None,
    event: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND[=WEIGHT]", help="Count only this kind of event. Repeat for more.", rich_help_panel=COUNTED
        ),
    ] = None,
    view: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Sequence: kinds of the first note's event.", rich_help_panel=COUNTED),
    ] = None,
    click: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Sequence: kinds of the second's, and of N_u.", rich_help_panel=COUNTED),
    ] = None,
    min_rating: Annotated[
        float | None, typer.Option(help="Count only from this rating on.", rich_help_panel=COUNTED)
    ] = None,
    max_notes: Annotated[
        int,
        typer.Option(min=0, help="Of users with more notes, only the latest so many; 0: all.", rich_help_panel=COUNTED),
    ] = 500,
    min_users: Annotated[int, typer.Option(min=1, help="Users who met both, at least.", rich_help_panel=KEPT)] = 1,
    at_least: Annotated[float, typer.Option(help="Lowest score, before normalising.", rich_help_panel=KEPT)] = 0.01,
    at_most: Annotated[float, typer.Option(help="Highest; inf for none.", rich_help_panel=KEPT)] = 30.0,
    normalize: Annotated[
        bool, typer.Option(help="Divide scores by how popular both notes are.", rich_help_panel=KEPT)
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Positives a note, at most.", rich_help_panel=KEPT)] = 10,
    split: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="split.json: use only what it leaves for training.", rich_help_panel=HELD
        ),
    ] = None,
    stage: Annotated[
        Stage, typer.Option(help="Hold out from here on; test lets validation be mined.", rich_help_panel=HELD)
    ] = Stage.VALIDATION,
    corpus: Annotated[
        Path | None,
        typer.Option(
            exists=True, help="Drop pairs of notes it does not have; check the split's data.", rich_help_panel=HELD
        ),
    ] = None,
    mapping: Mapping = None,
    incremental: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            metavar="DIR",
            help="Fold the file into the days kept here, and write the pairs of all.",
            rich_help_panel=RUN,
        ),
    ] = None,
    memory: Annotated[float, typer.Option(min=0.25, help="GiB for the database.", rich_help_panel=RUN)] = 4.0,
    threads: Annotated[int, typer.Option(min=0, help="0: all cores.", rich_help_panel=RUN)] = 0,
    as_json: AsJson = False,
) -> None:
    """Mine pairs of notes that the same people look at: NoteLLM's weighted co-occurrence, spilling to disk.

    A pair's score is the sum of 1/N over the users who met both, N being the number of notes a user met. Times, kinds
    and ratings are read from the columns that `check` knows.
    """
    from time import perf_counter

    from encoders.rows import count_rows
    from training.mining.database import Resources
    from training.mining.mine import Task
    from training.mining.mine import mine as mine_pairs

    started = perf_counter()
    if out.suffix.lower() != ".parquet":
        raise typer.BadParameter(f"{out} is written as Parquet: give it the ending .parquet", param_hint="--out")
    config, bounds = _checked(
        {
            "mode": mode.value if mode else None,
            "window": _seconds(window),
            "weights": _weights(event or []),
            "view": tuple(view or ()),
            "click": tuple(click or ()),
            "min_rating": min_rating,
            "max_notes": max_notes,
        },
        {"min_users": min_users, "at_least": at_least, "at_most": at_most, "normalize": normalize, "top": top},
    )
    held, known = _held(interactions, split, stage, corpus, mapping, incremental)
    task = Task(interactions, config, bounds, held, known)
    with progress("reading interactions", count_rows(interactions)) as bar:
        mined = mine_pairs(task, out, incremental, Resources(memory, threads), bar)
    for remark in mined.remarks:
        print_note(remark)
    summary: dict[str, Any] = {
        "pairs": str(out),
        "config": mined.config.model_dump(mode="json", exclude_none=True),
        "bounds": mined.bounds.model_dump(mode="json"),
        "counts": mined.report.as_json(),
        "seconds": round(perf_counter() - started, 1),
    }
    if as_json:
        print_json(summary)
    else:
        from app.tables import facts_table

        named = {"read": "events read", "used": "events used"}
        counts = {named.get(name, name.replace("_", " ")): value for name, value in summary["counts"].items()}
        del counts["removed"]
        removed = {f"removed: {name.replace('_', ' ')}": value for name, value in summary["counts"]["removed"].items()}
        pairs = {name: counts.pop(name) for name in ("pairs", "notes with pairs")}
        stdout().print(facts_table(counts | removed | pairs, title=f"{out}"))


def _checked(config: dict[str, Any], bounds: dict[str, Any]) -> "tuple[MiningConfig, Bounds]":
    """Both as typed values. Raises BadParameter."""
    from pydantic import ValidationError

    from training.mining.config import Bounds, MiningConfig

    try:
        return MiningConfig(**config), Bounds(**bounds)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"--{part}: " for part in first["loc"][:1]).replace("_", "-")
        raise typer.BadParameter(place + first["msg"].removeprefix("Value error, ")) from error


def _seconds(text: str | None) -> float | None:
    """Read a window: a number with a unit, or none. Raises BadParameter."""
    if text is None:
        return None
    if text.strip().casefold() == "none":
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().casefold())
    if not found or not float(found[1]):
        raise typer.BadParameter(
            f"{text!r} is no window: write a number above 0 and a unit (90s, 30m, 12h, 7d, 2w), or none",
            param_hint="--window",
        )
    return float(found[1]) * UNITS[found[2]]


def _weights(events: list[str]) -> dict[str, float]:
    """Read KIND or KIND=WEIGHT; a kind may hold a sign of equality itself. Raises BadParameter."""
    weights = {}
    for text in events:
        kind, equals, number = text.rpartition("=")
        if not equals:
            kind, number = text, "1"
        try:
            weight = float(number)
        except ValueError as error:
            raise typer.BadParameter(f"{text!r}: {number!r} is no weight", param_hint="--event") from error
        if not kind or kind in weights:
            raise typer.BadParameter(f"{text!r} names no kind, or one for the second time", param_hint="--event")
        weights[kind] = weight
    return weights


def _held(
    interactions: Path,
    split: Path | None,
    stage: Stage,
    corpus: Path | None,
    mapping: list[str] | None,
    incremental: Path | None,
) -> "tuple[Held, list[str] | None]":
    """What is held out, checked as far as can be, and the ids of the corpus. Raises SplitMismatch, EvaluationError."""
    from app.commands.corpus import open_corpus
    from retrieval.evaluation.facts import read_facts
    from retrieval.evaluation.protocol import Interactions
    from retrieval.evaluation.split import Split
    from training.mining.held import Held, check_notes

    made = Split.load(split) if split else None
    facts = None
    if corpus:
        notes = open_corpus(corpus, mapping)
        with progress("reading notes", notes.count()) as bar:
            if made and not incremental:
                data = Interactions.read(notes, interactions, made.data.events, bar.advance)
                made.check(data.digests)
                facts = data.facts
            else:
                facts = read_facts(notes, bar.advance)[0]
    if made and facts is not None and incremental:
        check_notes(made, facts)
        print_note("whether the days add up to the interactions that the split was made for is not checked")
    elif made and facts is None:
        print_note("whether the split was made for these notes and interactions is not checked: give --corpus for that")
    return Held(made, stage.value, facts), None if facts is None else facts.ids
