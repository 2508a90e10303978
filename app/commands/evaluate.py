"""evaluate: how good an encoder or an index is at finding what people look at together."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, ConfigFile, Mapping
from app.console import print_json, print_note, stdout


class By(StrEnum):
    """How interactions are split."""

    TIME = "time"
    ITEMS = "items"
    USERS = "users"
    BOTH = "items+users"


class Stage(StrEnum):
    """What is asked: validation for choices, test for what is reported."""

    VALIDATION = "validation"
    TEST = "test"


class Which(StrEnum):
    """Which notes are candidates."""

    INTERACTED = "interacted"
    ALL = "all"


class Ask(StrEnum):
    """Which notes are queries."""

    ALL = "all"
    COLD = "cold"
    WARM = "warm"


class Ties(StrEnum):
    """Which of two equal scores comes first."""

    SHUFFLED = "shuffled"
    CORPUS = "corpus"


class ColdBy(StrEnum):
    """What makes a note cold in a split by time."""

    INTERACTION = "interaction"
    PUBLICATION = "publication"


SPLIT, RIGHT, MEASURED, WRITTEN = "Split", "What is right", "What is measured", "Output"


def evaluate(
    systems: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]SYSTEM...",
            help="Indexes, encoders (named as for `build`), or .npz files of `export`. The first is compared with all.",
        ),
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(exists=True, help="Corpus folder; its notes are queries and candidates.")
    ] = None,
    interactions: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="CSV or Parquet; the corpus' own interactions file unless given."
        ),
    ] = None,
    mapping: Mapping = None,
    config: ConfigFile = None,
    split: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A split.json made before.", rich_help_panel=SPLIT),
    ] = None,
    by: Annotated[
        By | None, typer.Option(help="How to split; by time where there are times.", rich_help_panel=SPLIT)
    ] = None,
    seed: Annotated[
        str | None, typer.Option(help="What ids are hashed with; the corpus' name unless given.", rich_help_panel=SPLIT)
    ] = None,
    test_share: Annotated[
        float | None,
        typer.Option(help="By time: share of the interactions, the last, that test; .1.", rich_help_panel=SPLIT),
    ] = None,
    validation_share: Annotated[
        float | None,
        typer.Option(help="By time: share of those before, for choices; .1.", rich_help_panel=SPLIT),
    ] = None,
    test_from: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="By time: where the test begins, as 2024-06-01.", rich_help_panel=SPLIT),
    ] = None,
    validation_from: Annotated[
        str | None, typer.Option(metavar="TIME", help="By time: where validation begins.", rich_help_panel=SPLIT)
    ] = None,
    cold_by: Annotated[
        ColdBy | None,
        typer.Option(help="By time: what must lie after the cut; interaction.", rich_help_panel=SPLIT),
    ] = None,
    stage: Annotated[
        Stage, typer.Option(help="Choose on validation, report test.", rich_help_panel=SPLIT)
    ] = Stage.TEST,
    candidates: Annotated[
        Which, typer.Option(help="Rank notes that anyone looked at, or all.", rich_help_panel=SPLIT)
    ] = Which.INTERACTED,
    ask: Annotated[Ask, typer.Option(help="Which notes are queries.", rich_help_panel=SPLIT)] = Ask.ALL,
    queries: Annotated[
        int, typer.Option(min=0, help="At most so many queries, drawn by hash; 0 for all.", rich_help_panel=SPLIT)
    ] = 10_000,
    event: Annotated[
        list[str] | None, typer.Option(help="Count only this kind of event. Repeat for more.", rich_help_panel=RIGHT)
    ] = None,
    min_rating: Annotated[
        float | None, typer.Option(help="Count only from this rating on.", rich_help_panel=RIGHT)
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Relevant notes a query, at most.", rich_help_panel=RIGHT)] = 10,
    min_users: Annotated[
        int, typer.Option(min=1, help="Held-out users who must have looked at both.", rich_help_panel=RIGHT)
    ] = 5,
    normalize: Annotated[
        bool, typer.Option(help="Divide co-occurrence by how popular both are.", rich_help_panel=RIGHT)
    ] = True,
    graded: Annotated[bool, typer.Option(help="Grades 1 to 3 by co-occurrence.", rich_help_panel=RIGHT)] = False,
    qrels: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="Right answers as a TREC file instead.", rich_help_panel=RIGHT),
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help='One text for all, such as "{title} {hashtags:10} {body:400}".',
            rich_help_panel=MEASURED,
        ),
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="random, popularity, bm25, cooccurrence, zero-shot (all of these unless named), popularity+cold, "
            "cooccurrence+cold (ceilings), or none. Repeat for more.",
            rich_help_panel=MEASURED,
        ),
    ] = None,
    ablation: Annotated[
        bool, typer.Option(help="Also by text alone and by pictures alone.", rich_help_panel=MEASURED)
    ] = True,
    measure: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="As ir-measures writes them: R@10, nDCG@10.", rich_help_panel=MEASURED),
    ] = None,
    depth: Annotated[int, typer.Option(min=10, max=10_000, help="Ranked so deep.", rich_help_panel=MEASURED)] = 100,
    rounds: Annotated[
        int, typer.Option(min=100, help="Bootstrap rounds of the intervals.", rich_help_panel=MEASURED)
    ] = 1000,
    ties: Annotated[
        Ties, typer.Option(help="Order of equal scores; a corpus may be sorted by fame.", rich_help_panel=MEASURED)
    ] = Ties.SHUFFLED,
    suggestions: Annotated[
        int, typer.Option(min=0, help="Judge tags and category of so many notes.", rich_help_panel=MEASURED)
    ] = 0,
    pairs: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Training pairs to hold against the split; a leak ends the run.",
            rich_help_panel=SPLIT,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False,
            help="Write report.html, results.json, split.json, runs and more here.",
            rich_help_panel=WRITTEN,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Rank all notes for every query, and say how much of what people look at together was found.

    Relevant to a note is what held-out users looked at together with it. Baselines stand beside every result, with
    intervals; SYSTEMs are also measured by their text and by their pictures alone.
    """
    from app.evaluating.output import REPORT, make_folder, write_files
    from app.evaluating.reading import moments, read_interactions
    from app.evaluating.run import Plan, baseline_names, run
    from app.evaluating.systems import Named
    from app.evaluation_tables import evaluation_json, evaluation_tables
    from app.settings import load_settings
    from retrieval.evaluation.evaluate import EvaluationConfig
    from retrieval.evaluation.metrics.accuracy import DEFAULT_MEASURES, check_measures
    from retrieval.evaluation.protocol import Protocol, ProtocolConfig
    from retrieval.evaluation.relevance import RelevanceConfig
    from retrieval.evaluation.split import Split
    from retrieval.evaluation.text_view import TextView
    from retrieval.interactions.events import EventFilter

    if corpus is None:
        raise typer.BadParameter("give the corpus folder that is evaluated on", param_hint="--corpus")
    timed = {
        "--test-from": test_from,
        "--validation-from": validation_from,
        "--test-share": test_share,
        "--validation-share": validation_share,
        "--cold-by": cold_by,
    }
    whole = {**timed, "--by": by, "--seed": seed, "--event": event, "--min-rating": min_rating}
    if split and (given := [name for name, value in whole.items() if value is not None]):
        raise typer.BadParameter(
            f"a saved split says itself how it splits and which events count; leave out {', '.join(given)}",
            param_hint="--split",
        )
    if by not in (None, By.TIME) and (given := [name for name, value in timed.items() if value is not None]):
        raise typer.BadParameter(f"{', '.join(given)}: only with --by time", param_hint="--by")
    settings = load_settings(config)
    named = Named.all_of(systems or [])
    for each in named:
        each.check(settings)
    measured = EvaluationConfig(measures=tuple(measure or DEFAULT_MEASURES), depth=depth, rounds=rounds)
    check_measures(measured.measures, depth)
    if out is not None:
        make_folder(out)
    view = TextView(text) if text is not None else None
    plan = Plan(named, baseline_names(baseline), measured, view, ablation, suggestions)
    cuts = moments(validation_from, test_from)
    saved = Split.load(split) if split else None
    chosen = saved.data.events if saved else EventFilter(kinds=tuple(event or ()), min_rating=min_rating)
    data = read_interactions(corpus, interactions, mapping, chosen)
    made = saved or data.split_by(
        By.TIME.value if any(value is not None for value in timed.values()) else by.value if by else None,
        seed,
        cuts,
        (0.1 if validation_share is None else validation_share, 0.1 if test_share is None else test_share),
        (cold_by or ColdBy.INTERACTION).value,
    )
    relevance = RelevanceConfig(top=top, min_users=min_users, normalize=normalize, graded=graded)
    asked = ProtocolConfig(
        stage=stage.value,
        candidates=candidates.value,
        asked=ask.value,
        ties=ties.value,
        queries=queries or None,
        relevance=relevance,
    )
    protocol = Protocol.of(data, made, asked, qrels)
    if pairs is not None:
        from training.pairs import check_pairs, right_answers

        found, unknown = check_pairs(pairs, protocol.leaks)
        print_note(
            f"{len(found) - unknown:,} of {len(found):,} pairs are of notes of the corpus, and people in training "
            f"looked at each together; {right_answers(found, protocol.pool):,} are also right answers here"
        )
    evaluation = run(protocol, plan, settings)
    for warning in evaluation.warnings:
        print_note(f"note: {warning}")
    if as_json:
        print_json(evaluation_json(evaluation))
    else:
        for table in evaluation_tables(evaluation):
            stdout().print(table, "")
    if out is not None:
        write_files(evaluation, protocol, out)
        print_note(f"wrote {out / REPORT}")
