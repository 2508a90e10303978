"""All systems of an evaluation, made and measured under one progress bar."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from app.console import Bar, progress
from app.errors import AppError
from app.evaluating.systems import ZERO_SHOT, Named, Systems
from app.settings import Settings
from retrieval.evaluation.entries import BASELINES, CEILINGS, baselines
from retrieval.evaluation.evaluate import EvaluationConfig, evaluate
from retrieval.evaluation.protocol import Protocol
from retrieval.evaluation.results import Evaluation, GenerationResult
from retrieval.evaluation.suggesting import SuggestionTask
from retrieval.evaluation.text_view import TextView

USUAL = (*BASELINES, ZERO_SHOT)
KNOWN = (*USUAL, *CEILINGS)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured: systems and baselines by name, and how.

    view: one text for all that read text. ablation: also by text and by pictures alone. suggestions: judge tags and
    categories of so many notes.
    """

    systems: Sequence[Named]
    baselines: Sequence[str] = USUAL
    config: EvaluationConfig = EvaluationConfig()
    view: TextView | None = None
    ablation: bool = True
    suggestions: int = 0


def baseline_names(given: Sequence[str]) -> list[str]:
    """The baselines that were named, the usual ones where none was. Raises AppError for a name that is none."""
    if list(given) == ["none"]:
        return []
    if strange := set(given) - set(KNOWN):
        raise AppError(f"no baseline is called {', '.join(sorted(strange))}: there are {', '.join(KNOWN)}, or none")
    return [name for name in KNOWN if name in (given or USUAL)]


def run(protocol: Protocol, plan: Plan, settings: Settings) -> Evaluation:
    """Make the systems, measure all, hold indexes against exact search, judge suggestions.

    Raises AppError, EncodersError, EvaluationError, NoteIndexError.
    """
    with progress("making baselines") as bar, ExitStack() as stack:

        def under(title: str) -> Callable[[str, int], Callable[[int], None]]:
            return lambda name, total: _restarted(bar, f"{title}: {name}", total)

        systems = Systems(protocol, settings, stack, plan.view, plan.ablation, under("encoding"))
        named = [name for name in (*BASELINES, *CEILINGS) if name in plan.baselines]
        entries = list(baselines(protocol, named, stack, plan.view))
        asked = [entry for each in plan.systems for entry in systems.of(each)]
        if ZERO_SHOT in plan.baselines:
            entries += systems.zero_shot()
        facts = {
            **protocol.facts(),
            "text": plan.view.template if plan.view else "as each system writes a note",
            "bootstrap": {"rounds": plan.config.rounds, "seed": plan.config.seed},
        }
        found = evaluate(protocol.pool, [*entries, *asked], plan.config, facts, under("ranking"))
        recall = tuple(systems.index_recall(plan.config))
        judged = tuple(_judged(protocol, plan, systems, bar))
        return replace(found, index_recall=recall, generation=judged, warnings=protocol.warnings())


def _judged(protocol: Protocol, plan: Plan, systems: Systems, bar: Bar) -> list[GenerationResult]:
    if not plan.suggestions:
        return []
    task = SuggestionTask(protocol, plan.suggestions)
    made = [
        task.of(name, encoder, _restarted(bar, f"suggesting: {name}", len(task.notes)))
        for name, encoder in systems.encoders().items()
    ]
    return [task.most_frequent(), *(result for result in made if result is not None)]


def _restarted(bar: Bar, title: str, total: int) -> Callable[[int], None]:
    bar.restart(title, total)
    return bar.advance
