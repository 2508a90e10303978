"""What a training did, as tables for people."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from app.tables import facts_table


def training_tables(record: Mapping[str, Any]) -> Iterator[Table]:
    """Counts, what each stage did, and how good the encoder was before and after."""
    counts, trained = dict(record["counts"]), record["trained_on"][0]
    mining = counts.pop("mining", {})
    split = trained["split"]
    yield facts_table(
        {
            "encoder": record["parent"]["encoder"],
            "split": f"{split['config']['by']}, stage {trained['stage']}" if split else "none: nothing is held out",
            **counts,
            "events used": mining.get("used"),
            "minutes": record["minutes"],
        }
    )
    yield _stages(record["stages"])
    if record["evaluation"]:
        yield evaluation_table(record["evaluation"], record["evaluated_on"])


def _stages(stages: list[dict[str, Any]]) -> Table:
    table = _table("Stages", ("stage", "steps", "ended by", "weights", "loss", "pairs/s", "seconds"))
    for stage in stages:
        first, last = stage.get("first loss"), stage.get("last loss")
        loss = f"{first:.3f} → {last:.3f}" if first is not None and last is not None else ""
        ended = "left out" if "left out" in stage else stage.get("ended", "")
        cells = (stage["name"], _cell(stage.get("steps")), ended, stage.get("weights", ""), loss)
        figures = (_cell(stage.get("pairs/s")), _cell(stage.get("seconds")))
        table.add_row(*map(Text, (*cells, *figures)))
    return table


def evaluation_table(rows: Mapping[str, Mapping[str, float]], on: str) -> Table:
    """A row an encoder, {name: {measure: value}}. on: what it was measured on."""
    measures = list(dict.fromkeys(name for row in rows.values() for name in row))
    table = _table(f"On {on}", ("encoder", *measures))
    for name, row in rows.items():
        table.add_row(Text(name), *(Text(f"{row[measure]:.4f}") for measure in measures))
    return table


def _table(title: str, columns: tuple[str, ...]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, pad_edge=False)
    for i, name in enumerate(columns):
        table.add_column(name, justify="right" if i and name not in ("ended by", "weights") else "left")
    return table


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,}"
