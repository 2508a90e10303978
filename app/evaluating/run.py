"""All systems of an evaluation, made and measured under one progress bar."""

from collections.abc import Callable, Iterator, Sequence
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
# Encoding more notes than this takes long.
MANY = 20_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be measured: systems and baselines by name, and how.

    baselines: None for the usual ones, of which the untrained encoder is left out where there are many notes to encode.
    view: one text for all that read text. ablation: also by text and by pictures alone. suggestions: judge tags and
    categories of so many notes.
    """

    systems: Sequence[Named]
    baselines: Sequence[str] | None = None
    config: EvaluationConfig = EvaluationConfig()
    view: TextView | None = None
    ablation: bool = True
    suggestions: int = 0


def baseline_names(given: Sequence[str] | None) -> list[str] | None:
    """The baselines that were named, None where none was. Raises AppError for a name that is none."""
    if not given:
        return None
    if "none" in given:
        if len(given) > 1:
            raise AppError("--baseline none goes alone")
        return []
    if strange := set(given) - set(KNOWN):
        raise AppError(f"no baseline is called {', '.join(sorted(strange))}: there are {', '.join(KNOWN)}, or none")
    return [name for name in KNOWN if name in given]


def run(protocol: Protocol, plan: Plan, settings: Settings) -> Evaluation:
    """Make the systems, measure all, hold indexes against exact search, judge suggestions.

    Raises AppError, EncodersError, EvaluationError, NoteIndexError.
    """
    with progress("making baselines") as bar, ExitStack() as stack:

        def under(title: str) -> Callable[[str, int], Callable[[int], None]]:
            return lambda name, total: _restarted(bar, f"{title}: {name}", total)

        systems = Systems(protocol, settings, stack, plan.view, plan.ablation, under("encoding"))
        warnings = list(protocol.warnings())
        wanted = plan.baselines
        if wanted is None:
            wanted = USUAL if len(protocol.pool) <= MANY else BASELINES
            if wanted is not USUAL:
                warnings.append(
                    f"{ZERO_SHOT} is left out, for there are many notes to encode: --baseline {ZERO_SHOT} asks for it"
                )
        named = [name for name in (*BASELINES, *CEILINGS) if name in wanted]
        entries = list(baselines(protocol, named, stack, plan.view))
        asked = [entry for each in plan.systems for entry in systems.of(each)]
        warnings += systems.remarks
        if ZERO_SHOT in wanted:
            entries += systems.zero_shot()
        facts = {
            **protocol.facts(),
            "text": plan.view.template if plan.view else "as each system writes a note",
            "bootstrap": {"rounds": plan.config.rounds, "seed": plan.config.seed},
        }
        found = evaluate(protocol.pool, [*entries, *asked], plan.config, facts, under("ranking"))
        recall = tuple(systems.index_recall(plan.config))
        judged = _judged(protocol, plan, systems, bar, warnings)
        return replace(found, index_recall=recall, generation=tuple(judged), warnings=tuple(warnings))


def _judged(
    protocol: Protocol, plan: Plan, systems: Systems, bar: Bar, warnings: list[str]
) -> Iterator[GenerationResult]:
    if not plan.suggestions:
        return
    task = SuggestionTask(protocol, plan.suggestions)
    yield task.most_frequent()
    for name, encoder in systems.encoders().items():
        yield task.neighbours(name, encoder, _restarted(bar, f"encoding words: {name}", task.to_encode))
        result = task.of(name, encoder, _restarted(bar, f"suggesting: {name}", len(task.notes)))
        if result is None:
            warnings.append(f"{name} has nothing to suggest tags or a category with")
        else:
            yield result


def _restarted(bar: Bar, title: str, total: int) -> Callable[[int], None]:
    bar.restart(title, total)
    return bar.advance
