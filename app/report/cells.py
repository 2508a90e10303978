"""Results as tables of text: what the page's tables are made of."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from app.report.glossary import measure
from app.report.numbers import count, interval, number
from app.report.reading import best_of, is_baseline
from retrieval.evaluation.results import Estimate, SystemResult


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, its interval under it, whether it is the best of its column, whether it is a number."""

    text: str
    interval: str = ""
    best: bool = False
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """A row: its heading, a remark under it, whether little is behind it, and its cells."""

    name: str
    remark: str
    cells: Sequence[Cell]
    faint: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that belong together, with a heading where they need one."""

    heading: str
    lines: Sequence[Line]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's name, the sign of its better direction, and whether it holds numbers."""

    name: str
    arrow: str = ""
    numeric: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption; rows in parts."""

    caption: str
    first: str
    columns: Sequence[Column]
    parts: Sequence[Part]


def value_cell(estimate: Estimate | None, name: str, best: bool = False) -> Cell:
    """Write a value as its metric is written, with its interval where there is one."""
    rate = measure(name).rate
    if estimate is None:
        return Cell(number(None))
    return Cell(number(estimate.value, rate), interval(estimate, rate), best)


def text_cell(text: str) -> Cell:
    """Make a cell of words."""
    return Cell(text, numeric=False)


def column(name: str) -> Column:
    """Head a column with a metric's name and the direction that is better."""
    return Column(name, measure(name).arrow)


def in_parts(systems: Sequence[SystemResult], lines: Sequence[Line]) -> list[Part]:
    """Set baselines apart from the systems they stand beside; lines in the systems' order."""
    paired = list(zip(systems, lines, strict=True))
    own = [line for system, line in paired if not is_baseline(system)]
    baselines = [line for system, line in paired if is_baseline(system)]
    parts = (Part("", own), Part("Baselines", baselines))
    return [part for part in parts if part.lines]


def slice_table(systems: Sequence[SystemResult], group: str, metric: str, names: Sequence[str], few: int) -> Table:
    """Write one metric over a group's slices for all systems; slices of fewer than `few` queries are faint."""
    lines = []
    for name in names:
        rows = [
            next((each for each in system.slices if (each.group, each.name) == (group, name)), None)
            for system in systems
        ]
        queries = max((row.queries for row in rows if row is not None), default=0)
        # Systems compete within a row here, where elsewhere they compete within a column.
        values = {
            system.name: row.metrics[metric].value
            for system, row in zip(systems, rows, strict=True)
            if row is not None and metric in row.metrics
        }
        best = best_of(systems, metric, _lookup(values))
        cells = [Cell(count(queries))]
        cells += [
            value_cell(row.metrics.get(metric) if row is not None else None, metric, system.name in best)
            for system, row in zip(systems, rows, strict=True)
        ]
        lines.append(Line(name, f"fewer than {few} queries" if queries < few else "", cells, queries < few))
    columns = [Column("queries"), *(Column(each.name) for each in systems)]
    return Table(f"{metric} by {group}", group, columns, [Part("", lines)])


def _lookup(values: Mapping[str, float]) -> Callable[[SystemResult], float]:
    return lambda system: values.get(system.name, float("nan"))
