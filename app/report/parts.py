"""The tables of the report, from an evaluation."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from app.report.cells import Cell, Column, Line, Part, Table, column, in_parts, text_cell, value_cell
from app.report.glossary import measure
from app.report.numbers import count, number, seconds
from app.report.reading import Family, accuracy_metrics, best_of, beyond_metrics, beyond_value
from retrieval.evaluation.results import Estimate, Evaluation, IndexRecall, SystemResult

NAN = Estimate(float("nan"))


def main_table(evaluation: Evaluation) -> Table:
    """Write all systems with all metrics of right answers."""
    names = accuracy_metrics(evaluation)
    best = {name: best_of(evaluation.systems, name, _value_of(name)) for name in names}
    lines = [
        Line(
            each.name,
            each.remark,
            [
                text_cell(each.reads),
                *(value_cell(each.metrics.get(name), name, each.name in best[name]) for name in names),
                Cell(seconds(each.seconds)),
            ],
        )
        for each in evaluation.systems
    ]
    columns = [Column("reads", numeric=False), *map(column, names), Column("measured in")]
    return Table("Systems and baselines, means over queries", "system", columns, in_parts(evaluation.systems, lines))


def ablation_table(found: Sequence[Family], evaluation: Evaluation) -> Table:
    """Write each encoder with text, with pictures, and with both."""
    names = accuracy_metrics(evaluation)
    parts = []
    for family in found:
        readings = list(family.readings.values())
        best = {name: best_of(readings, name, _value_of(name)) for name in names}
        lines = [
            Line(reads, "", [value_cell(each.metrics.get(name), name, each.name in best[name]) for name in names])
            for reads, each in family.readings.items()
        ]
        parts.append(Part(family.name, lines))
    return Table("What each encoder reaches with a part of a note", "reads", [column(name) for name in names], parts)


def beyond_table(evaluation: Evaluation) -> Table | None:
    """Write the figures of rankings beyond accuracy; None where there are none."""
    names = beyond_metrics(evaluation)
    if not names:
        return None
    lines = [
        Line(each.name, "", [value_cell(beyond_value(each, name), name) for name in names])
        for each in evaluation.systems
    ]
    return Table("Beyond accuracy", "system", [*map(column, names)], in_parts(evaluation.systems, lines))


def index_table(found: Sequence[IndexRecall]) -> Table | None:
    """Write what served indexes find of what exact search finds, and how fast; None where there are none."""
    if not found:
        return None
    cutoffs = sorted({k for each in found for k in each.recall})
    metrics = list(dict.fromkeys(name for each in found for name in each.metrics))
    columns = [Column("kind", numeric=False), Column("notes"), Column("queries")]
    columns += [Column(f"recall@{k}", "↑") for k in cutoffs]
    columns += [column(name) for name in metrics]
    columns += [Column("p50 ms", "↓"), Column("p99 ms", "↓")]
    lines = []
    for each in found:
        cells = [text_cell(each.kind), Cell(count(each.notes)), Cell(count(each.queries))]
        cells += [Cell(number(each.recall.get(k))) for k in cutoffs]
        cells += [_served_and_exact(each, name) for name in metrics]
        cells += [Cell(number(each.p50_ms, rate=False)), Cell(number(each.p99_ms, rate=False))]
        lines.append(Line(each.system, "", cells))
    return Table("Served indexes against exact search over the same vectors", "system", columns, [Part("", lines)])


def generation_table(evaluation: Evaluation) -> Table | None:
    """Write how suggested tags and categories agree with the authors'; None where nothing was suggested."""
    if not evaluation.generation:
        return None
    names = list(dict.fromkeys(name for each in evaluation.generation for name in each.metrics))
    lines = [Line("notes", "", [Cell(count(each.notes)) for each in evaluation.generation])]
    lines += [
        Line(
            f"{name} {measure(name).arrow}".strip(),
            "",
            [value_cell(each.metrics.get(name), name) for each in evaluation.generation],
        )
        for name in names
    ]
    columns = [Column(each.name) for each in evaluation.generation]
    return Table("Suggested tags and categories against what the authors wrote", "metric", columns, [Part("", lines)])


def protocol_facts(evaluation: Evaluation) -> list[tuple[str, str]]:
    """Return what was evaluated on, as names and values; what is not among them is counted in the pool."""
    pool = evaluation.pool
    relevant = int(pool.relevance.counts.sum())
    cold = int(pool.cold.sum())
    each = number(relevant / max(1, len(pool.queries)), rate=False)
    counted = {
        "candidates": f"{count(len(pool))}, {count(cold)} of them cold",
        "queries": f"{count(len(pool.queries))}, {each} right answers each",
        "time": seconds(evaluation.seconds),
    }
    given = {name.replace("_", " "): _words(value) for name, value in evaluation.protocol.items()}
    # What is given stands first and is believed.
    return [(name, value) for name, value in (given | counted | given).items() if value]


def _served_and_exact(found: IndexRecall, name: str) -> Cell:
    served, exact = found.metrics.get(name, (NAN.value, NAN.value))
    rate = measure(name).rate
    return Cell(number(served, rate), f"exact {number(exact, rate)}")


def _value_of(name: str) -> Callable[[SystemResult], float]:
    return lambda system: system.metrics.get(name, NAN).value


def _words(value: Any) -> str:
    """Write a fact on one line; nothing for what is not there."""
    if isinstance(value, Mapping):
        inner = ((str(name).replace("_", " "), _words(each)) for name, each in value.items())
        return " · ".join(f"{name} {words}" for name, words in inner if words)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        # A seed or a year is no amount; amounts begin to need commas where years end.
        return count(value) if abs(value) > 9999 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return "" if value is None else str(value)
