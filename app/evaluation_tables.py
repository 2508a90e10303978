"""An evaluation for the terminal as tables, for machines as JSON, and by query as Parquet.

Numbers are written as in the report (app/report/numbers.py); JSON and Parquet hold them unrounded.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from app.report.glossary import measure
from app.report.numbers import count, half_width, interval, number
from app.report.reading import (
    FEW,
    accuracy_metrics,
    baselines_last,
    best_of,
    beyond_metrics,
    beyond_value,
    families,
    headline_comparisons,
    is_baseline,
    main_system,
    primary_metric,
    verdict,
)
from index.files import write_atomically
from retrieval.evaluation.results import Estimate, Evaluation, SystemResult

NAN = Estimate(math.nan)
MOST_METRICS = 5  # columns that fit a terminal of 100 characters beside the names


def evaluation_tables(evaluation: Evaluation) -> list[Table]:
    """Return all tables that an evaluation has something for, in the order of the report."""
    evaluation = baselines_last(evaluation)
    tables = [
        main_table(evaluation),
        comparisons_table(evaluation),
        ablation_table(evaluation),
        slices_table(evaluation),
        beyond_table(evaluation),
        index_table(evaluation),
        generation_table(evaluation),
    ]
    return [each for each in tables if each.row_count and len(each.columns) > 1]


def main_table(evaluation: Evaluation) -> Table:
    """Return all systems by the metrics of right answers, value and half of the interval; the best is bold."""
    names = _shown(accuracy_metrics(evaluation), primary_metric(evaluation))
    queries, candidates = count(len(evaluation.pool.queries)), count(len(evaluation.pool))
    setting = _setting(evaluation.protocol)
    title = f"{queries} queries, {candidates} candidates{setting} (± half of the 95 % interval)"
    table = _table(title, ("system", *names))
    best = {name: best_of(evaluation.systems, name, _value_of(name)) for name in names}
    own = [each for each in evaluation.systems if not is_baseline(each)]
    baselines = [each for each in evaluation.systems if is_baseline(each)]
    for part in (own, baselines):
        for each in part:
            cells = [_cell(each.metrics.get(name, NAN), name, each.name in best[name]) for name in names]
            table.add_row(Text(each.name), *cells, style="dim" if part is baselines else None)
        if part is own and own and baselines:
            table.add_section()
    remarks = [f"{each.name}: {each.remark}" for each in (*own, *baselines) if each.remark]
    if remarks:
        table.caption, table.caption_justify = Text("\n".join(remarks)), "left"
    return table


def _setting(protocol: Mapping[str, Any]) -> str:
    """How interactions were split, for a title: two tables compare only where this is the same."""
    given = protocol.get("split")
    split = given if isinstance(given, Mapping) else {}
    parts = [f"by {split['by']}" if "by" in split else "", f"seed {split['seed']}" if split.get("seed") else ""]
    parts.append("validation" if protocol.get("stage") == "validation" else "")
    return "".join(f", {part}" for part in parts if part)


def comparisons_table(evaluation: Evaluation) -> Table:
    """Return the comparisons on the main metric, a sentence each."""
    table = Table(title=Text("Comparisons, paired by query"), title_justify="left", box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    marks = {"better": ("▲", "green"), "worse": ("▼", "red"), "undecided": ("≈", "dim")}
    for each in map(verdict, headline_comparisons(evaluation)[0]):
        mark, style = marks[each.outcome]
        table.add_row(Text(mark, style=style), Text(each.text, style="dim" if each.outcome == "undecided" else ""))
    return table


def ablation_table(evaluation: Evaluation) -> Table:
    """Return each encoder's main metric with text, with pictures, and with both."""
    metric = primary_metric(evaluation) or ""
    table = _table(f"{metric} by what is read", ("encoder", "text", "image", "both"))
    for family in families(evaluation):
        read = family.readings
        best = best_of(list(read.values()), metric, _value_of(metric))
        cells = [
            _cell(read[reads].metrics.get(metric, NAN), metric, read[reads].name in best)
            if reads in read
            else Text(number(None))
            for reads in ("text", "image", "both")
        ]
        table.add_row(Text(family.name), *cells)
    return table


def slices_table(evaluation: Evaluation) -> Table:
    """Return the main system's metrics over the slices; those of few queries are dim."""
    names = _shown(accuracy_metrics(evaluation), primary_metric(evaluation))[:4]
    main = main_system(evaluation)
    table = _table(f"Slices, {main.name}" if main else "Slices", ("slice", "queries", *names))
    group = None
    for row in main.slices if main else ():
        if group != row.group:
            group = row.group
            table.add_row(Text(group, style="bold"))
        cells = [_cell(row.metrics.get(name, NAN), name) for name in names]
        faint = "dim" if row.queries < FEW else None
        table.add_row(Text(f"  {row.name}"), Text(count(row.queries)), *cells, style=faint)
    return table


def beyond_table(evaluation: Evaluation) -> Table:
    """Return the figures of rankings beyond accuracy, with the direction that is better."""
    names = beyond_metrics(evaluation)
    table = _table("Beyond accuracy", ("system",))
    for name in names:
        # Broken where a reader would break it: these names are longer than their numbers.
        base, at, depth = name.partition("@")
        head = "\n".join((*base.split(), f"{at}{depth} {measure(name).arrow}".strip()))
        table.add_column(Text(head), justify="right", overflow="fold")
    for each in evaluation.systems if names else ():
        values = [number(beyond_value(each, name).value, measure(name).rate) for name in names]
        table.add_row(Text(each.name), *map(Text, values), style="dim" if is_baseline(each) else None)
    return table


def index_table(evaluation: Evaluation) -> Table:
    """Return what served indexes find of what exact search finds, and how fast; a figure a row."""
    found = evaluation.index_recall
    table = _table("Found of the exact answers", ("", *(f"{each.system}, {each.kind}" for each in found)))
    for k in sorted({k for each in found for k in each.recall}):
        table.add_row(f"recall@{k}", *(number(each.recall.get(k)) for each in found))
    for name in dict.fromkeys(name for each in found for name in each.metrics):
        rate = measure(name).rate
        pairs = (each.metrics.get(name, (math.nan, math.nan)) for each in found)
        table.add_row(
            f"{name} (exact)", *(f"{number(served, rate)} ({number(exact, rate)})" for served, exact in pairs)
        )
    for label, milliseconds in (("p50 ms", "p50_ms"), ("p99 ms", "p99_ms")):
        table.add_row(label, *(number(getattr(each, milliseconds), rate=False) for each in found))
    return table


def generation_table(evaluation: Evaluation) -> Table:
    """Return how suggested tags and categories agree with the authors', a metric a row."""
    heads = ("", *(f"{each.name}, {count(each.notes)} notes" for each in evaluation.generation))
    table = _table("Suggested tags and categories", heads)
    for name in dict.fromkeys(name for each in evaluation.generation for name in each.metrics):
        cells = [_cell(each.metrics.get(name, NAN), name, whole=True) for each in evaluation.generation]
        table.add_row(Text(f"{name} {measure(name).arrow}"), *cells)
    return table


def evaluation_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all but the arrays by query, as JSON values; what is not a number is null.

    Keys: protocol, pool (counts), main, metric, systems (with slices, curve, histogram, baseline), comparisons (with
    outcome), index_recall, generation, warnings, seconds.
    """
    pool = evaluation.pool
    main = main_system(evaluation)
    counts = {
        "candidates": len(pool),
        "queries": len(pool.queries),
        "relevant": int(pool.relevance.counts.sum()),
        "cold": int(pool.cold.sum()),
    }
    return {
        "protocol": _json(evaluation.protocol),
        "pool": counts,
        "main": main.name if main else None,
        "metric": primary_metric(evaluation),
        "systems": [
            _json(each, leave=("per_query", "ranking")) | {"baseline": is_baseline(each)} for each in evaluation.systems
        ],
        "comparisons": [_json(each) | {"outcome": verdict(each).outcome} for each in evaluation.comparisons],
        "index_recall": _json(evaluation.index_recall),
        "generation": _json(evaluation.generation),
        "warnings": list(evaluation.warnings),
        "seconds": _json(evaluation.seconds),
    }


def write_per_query(evaluation: Evaluation, path: Path | str) -> None:
    """Write every system's metrics by query as Parquet: query, system, reads, and a float64 column a metric.

    One row a query and system, systems in order, a row group each. Null where a query is not counted or a system lacks
    the metric. Raises ValueError where a metric has the name of another column.
    """
    import pyarrow as pa
    from pyarrow import parquet

    names = list(dict.fromkeys(name for each in evaluation.systems for name in each.per_query))
    leading = ("query", "system", "reads")
    if taken := set(names) & set(leading):
        raise ValueError(f"metrics {sorted(taken)} are named like the columns {leading}; rename them")
    schema = pa.schema([(name, pa.string()) for name in leading] + [(name, pa.float64()) for name in names])
    ids = pa.array([evaluation.pool.notes.ids[position] for position in evaluation.pool.queries], pa.string())
    empty = np.full(len(ids), math.nan)

    def write(temporary: Path) -> None:
        with parquet.ParquetWriter(temporary, schema) as writer:
            for system in evaluation.systems:
                words = [pa.array([text] * len(ids), pa.string()) for text in (system.name, system.reads)]
                values = [pa.array(system.per_query.get(name, empty), pa.float64(), from_pandas=True) for name in names]
                writer.write_table(pa.Table.from_arrays([ids, *words, *values], schema=schema))

    write_atomically(Path(path), write)


def _table(title: str, columns: Sequence[str]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False, header_style="dim")
    for place, name in enumerate(columns):
        table.add_column(Text(name), justify="right" if place else "left", no_wrap=bool(place), overflow="fold")
    return table


def _cell(estimate: Estimate, name: str, best: bool = False, whole: bool = False) -> Text:
    """Write a value with half of its interval, or with the whole of it."""
    rate = measure(name).rate
    text = Text(number(estimate.value, rate), style="bold not dim" if best else "")
    if range_ := (interval if whole else half_width)(estimate, rate):
        text.append(f" {range_}", style="dim not bold")
    return text


def _shown(names: Sequence[str], primary: str | None) -> list[str]:
    """Return the first metrics, as many as a terminal has room for, the main one among them."""
    first = list(names[:MOST_METRICS])
    if primary is not None and primary not in first:
        first[-1:] = [primary]
    return first


def _value_of(name: str) -> Callable[[SystemResult], float]:
    return lambda system: system.metrics.get(name, NAN).value


def _json(value: Any, leave: Sequence[str] = ()) -> Any:
    """Turn a value of the results into JSON values; keys become text, fields named in `leave` are left out."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _json(getattr(value, each.name)) for each in fields(value) if each.name not in leave}
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple | set | frozenset):
        return [_json(each) for each in value]
    return str(value)
