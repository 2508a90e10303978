"""Writes the report."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from markupsafe import Markup

from app.report import parts, plots
from app.report.curves import legend, off_scale, recall_curves
from app.report.glossary import definitions, measure
from app.report.numbers import count, interval, number
from app.report.queries import NotesOf, QueryCard, query_cards
from app.report.reading import (
    Verdict,
    accuracy_metrics,
    baselines_last,
    beyond_metrics,
    families,
    headline_comparisons,
    is_baseline,
    main_system,
    primary_metric,
    verdict,
)
from app.report.series import looks
from index.files import write_atomically
from retrieval.evaluation.results import Evaluation, SystemResult


def write_report(evaluation: Evaluation, notes_of: NotesOf, path: Path | str) -> None:
    """Write an evaluation as one self-contained HTML file, in place of any file at `path`.

    notes_of: fetches the notes with these ids, at most some two hundred; those it lacks are shown by their ids.
    """
    page = report_html(evaluation, notes_of)
    write_atomically(Path(path), lambda temporary: temporary.write_text(page, encoding="utf-8"))


def report_html(evaluation: Evaluation, notes_of: NotesOf) -> str:
    """Return the report's HTML; the same evaluation and notes give the same bytes."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("app.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("app.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    # A lone surrogate, which JSON can smuggle into a name, is no UTF-8.
    page = environment.get_template("report.html").render(style=Markup(style), **_context(evaluation, notes_of))  # noqa: S704 - our own file
    return page.encode("utf-8", "replace").decode("utf-8")


def _context(evaluation: Evaluation, notes_of: NotesOf) -> dict[str, Any]:
    """Return everything the template shows."""
    evaluation = baselines_last(evaluation)
    look = looks(evaluation.systems)
    first, others = headline_comparisons(evaluation)
    metric = primary_metric(evaluation)
    main = main_system(evaluation)
    ablation = families(evaluation)
    worst: list[QueryCard] = []
    best: list[QueryCard] = []
    if main is not None and metric is not None and metric in main.per_query:
        worst, best = query_cards(evaluation.pool, main, metric, notes_of)
    beyond = parts.beyond_table(evaluation)
    generation = parts.generation_table(evaluation)
    return {
        "metric": metric or "",
        "main": main,
        "headline": _headline(main),
        "queries": count(len(evaluation.pool.queries)),
        "candidates": count(len(evaluation.pool)),
        "systems": sum(not is_baseline(each) for each in evaluation.systems),
        "baselines": sum(map(is_baseline, evaluation.systems)),
        "verdicts": [_unbroken(verdict(each)) for each in first],
        "more_verdicts": [_unbroken(verdict(each)) for each in others],
        "comparisons": len(evaluation.comparisons),
        "warnings": evaluation.warnings,
        "protocol": parts.protocol_facts(evaluation),
        "main_table": parts.main_table(evaluation),
        "ablation_table": parts.ablation_table(ablation, evaluation) if ablation else None,
        "ablation_plot": plots.ablation_plot(ablation, metric) if metric else None,
        "ablation_legend": plots.ablation_legend(),
        "curves": recall_curves(evaluation.systems, look),
        "legend": legend(evaluation.systems, look),
        "off_scale": off_scale(evaluation.systems),
        "slices": plots.slice_plots(evaluation, look, metric) if metric else [],
        "beyond_table": beyond,
        "beyond": definitions(beyond_metrics(evaluation)),
        "scores": plots.score_plots(evaluation, look),
        "index_table": parts.index_table(evaluation.index_recall),
        "generation_table": generation,
        "worst": worst,
        "best": best,
        "glossary": definitions([*accuracy_metrics(evaluation), *_generation_metrics(evaluation)]),
    }


def _generation_metrics(evaluation: Evaluation) -> list[str]:
    return [name for each in evaluation.generation for name in each.metrics]


def _unbroken(found: Verdict) -> Verdict:
    """Keep what belongs together on one line."""
    return replace(found, text=found.text.replace(" ×", "\u00a0×").replace("p = ", "p\u00a0=\u00a0"))


def _headline(main: SystemResult | None) -> list[tuple[str, str, str]]:
    """Return the main system's metrics of right answers, as names, values and intervals."""
    if main is None:
        return []
    found = [(measure(name), each) for name, each in main.metrics.items() if not measure(name).beyond]
    return [(each.name, number(value.value, each.rate), interval(value, each.rate)) for each, value in found]
