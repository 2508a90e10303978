"""train: from what people look at together to a better encoder."""

import os
import shlex
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.commands.options import AsJson, ConfigFile, Mapping
from app.console import print_json, print_note, progress, stdout

if TYPE_CHECKING:
    from retrieval.evaluation.split import Split, SplitBy


class Stage(StrEnum):
    """What is held out."""

    VALIDATION = "validation"
    TEST = "test"
    NONE = "none"


DATA, HELD, HOW = "Data", "Split", "Training"
RULES = ("time", "items", "users", "items+users")


def train(
    corpus: Annotated[
        Path | None, typer.Argument(metavar="CORPUS", exists=True, help="Corpus folder, or the notes file.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(file_okay=False, metavar="ENCODER", help="Encoder folder to make.")
    ] = None,
    recipe: Annotated[
        str,
        typer.Option(metavar="NAME|FILE.toml", help="How to train; --recipes lists the names.", rich_help_panel=HOW),
    ] = "minilm",
    interactions: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="CSV or Parquet; the corpus' own interactions file unless given.",
            rich_help_panel=DATA,
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Learn from these pairs (`mine`) instead of mining; held against the split.",
            rich_help_panel=DATA,
        ),
    ] = None,
    mapping: Mapping = None,
    config: ConfigFile = None,
    encoder: Annotated[
        str | None,
        typer.Option(metavar="NAME|FOLDER", help="Start from this encoder, not the recipe's.", rich_help_panel=HOW),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Change the recipe: stages.tune.optimiser.lr=2e-5. Repeat for more.",
            rich_help_panel=HOW,
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="The recipe's unless given.", rich_help_panel=HOW)] = None,
    max_minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="For all of it, shared between stages by their weights.", rich_help_panel=HOW),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|RULE",
            help="split.json, or time, items, users, items+users; what `evaluate` does unless given.",
            rich_help_panel=HELD,
        ),
    ] = None,
    split_seed: Annotated[
        str | None, typer.Option(help="What ids are hashed with; the corpus' name unless given.", rich_help_panel=HELD)
    ] = None,
    stage: Annotated[
        Stage,
        typer.Option(help="Hold out from here on; test trains on validation too, none on all.", rich_help_panel=HELD),
    ] = Stage.VALIDATION,
    resume: Annotated[
        bool, typer.Option(help="Go on with what an interrupted run left in ENCODER.training.", rich_help_panel=HOW)
    ] = False,
    recipes: Annotated[bool, typer.Option("--recipes", help="List the recipes and exit.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train an encoder on pairs of notes that the same people look at, and measure it on what was held out.

    Ctrl-C saves, and --resume goes on from there. ENCODER appears whole at the end, with a card, its evaluation
    and training.json, which says what it was trained on.
    """
    from app.settings import load_settings
    from training.recipes.read import read_recipe

    if recipes:
        _list(as_json)
        return
    if corpus is None:
        raise typer.BadParameter("give the corpus folder that is trained on", param_hint="CORPUS")
    if out is None:
        raise typer.BadParameter("name the encoder folder to make", param_hint="--out")
    changes = list(set_ or [])
    found = read_recipe(recipe, changes)
    given: dict[str, Any] = {"encoder": _place(encoder) if encoder else None, "seed": seed}
    found = found.model_copy(update={name: value for name, value in given.items() if value is not None})
    settings = load_settings(config)
    rule = _split(split, split_seed, stage)

    # The bars that libraries show while they save would break into ours.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from app.commands.corpus import open_corpus
    from training.setting import Source
    from training.train import Task
    from training.train import train as train_encoder

    source = Source(open_corpus(corpus, mapping), interactions, rule, split_seed, stage.value)
    task = Task(
        source=source,
        recipe=found,
        out=out,
        pairs=pairs,
        minutes=max_minutes,
        resume=resume,
        precision="auto" if settings.run.precision == "int8" else settings.run.precision,
        limits=settings.images.limits(),
    )
    with progress("reading notes") as bar:
        result = train_encoder(task, bar)
    if result is None:  # one of several processes, of which the first tells
        return
    for remark in result.remarks:
        print_note(f"note: {remark}")
    if as_json:
        print_json({"encoder": str(out), **result.record})
        return
    from app.training_tables import training_tables

    for table in training_tables(result.record):
        stdout().print(table, "")
    print_note(f"wrote {out}; next:")
    fields = [each for field in mapping or () for each in ("--map", field)]
    _print_next("build", corpus, "--encoder", out, "--out", f"{out}.index", *fields)
    if result.record["evaluation"]:
        file = ["--interactions", interactions] if interactions else []
        held = ["--split", out / "split.json", "--stage", stage.value]
        _print_next("evaluate", out, "--corpus", corpus, *file, *held, *fields)


def _print_next(*arguments: object) -> None:
    """A command to go on with, as a shell takes it."""
    print_note(f"  notelens {shlex.join(map(str, arguments))}")


def _list(as_json: bool) -> None:
    from training.recipes.read import shipped_recipes

    shipped = list(shipped_recipes())
    if as_json:
        print_json({name: found.model_dump(mode="json") for name, found in shipped})
        return
    from app.tables import facts_table

    stdout().print(facts_table({name: found.about for name, found in shipped}))


def _place(encoder: str) -> str:
    """A folder by its absolute path, since its name stands in the record."""
    return str(Path(encoder).resolve()) if Path(encoder).is_dir() else encoder


def _split(split: str | None, seed: str | None, stage: Stage) -> "Split | SplitBy | None":
    """A saved split or a rule. Raises BadParameter, EvaluationError."""
    from retrieval.evaluation.split import Split

    if stage is Stage.NONE and (split or seed):
        raise typer.BadParameter("--stage none holds nothing out: leave --split and --split-seed out")
    for rule in RULES:
        if split == rule:
            return rule  # type: ignore[return-value]  # RULES are the literals of SplitBy
    if split is None:
        return None
    if not Path(split).is_file():
        raise typer.BadParameter(f"{split!r} is no file, nor one of {', '.join(RULES)}", param_hint="--split")
    if seed is not None:
        raise typer.BadParameter("a saved split has its own seed: leave --split-seed out", param_hint="--split-seed")
    return Split.load(Path(split))
