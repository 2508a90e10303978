from __future__ import annotations

import io
import json
import math
from dataclasses import replace

import numpy as np
import pytest
from pyarrow import parquet
from rich.console import Console

from app.evaluation_tables import evaluation_json, evaluation_tables, main_table, write_per_query
from app.report.numbers import number
from retrieval.evaluation.entries import CEILING
from retrieval.evaluation.results import Estimate


def printed(*tables, width: int = 100) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, highlight=False)
    for each in tables:
        console.print(each)
    return out.getvalue()


def test_the_main_table_fits_100_columns_with_5_metrics(evaluation):
    text = printed(main_table(evaluation))
    assert "60 queries, 160 candidates" in text
    for system in evaluation.systems:
        for name in ("R@10", "R@50", "R@100", "nDCG@10", "RR@10"):
            found = system.metrics[name]
            half = f"±{(found.high - found.low) / 2:.4f}".replace("0.", ".")
            assert f"{found.value:.4f}".removeprefix("0") + f" {half}" in text, "no number is cut or broken"
    assert "…" not in text
    assert f"co-occurrence: {CEILING}" in " ".join(text.split())
    assert "<script>" in text, "names are text, not markup"


def test_the_best_is_bold_and_markup_is_text(evaluation):
    name = "[bold]x[/bold] [/]"
    table = main_table(
        replace(evaluation, systems=(replace(evaluation.systems[0], name=name), *evaluation.systems[1:]))
    )
    assert "[bold]x[/bold]" in printed(table)
    cells = list(table.columns[1].cells)
    assert sum("bold not dim" in str(cell.style) for cell in cells) == 1
    own = [each.metrics["R@10"].value for each in evaluation.systems[:6]]
    (best,) = (str(cell) for cell in cells if "bold not dim" in str(cell.style))
    assert best.startswith(f"{max(own):.4f}".removeprefix("0"))


def test_all_tables_say_what_was_found(evaluation):
    text = printed(*evaluation_tables(evaluation), width=100)
    flat = " ".join(text.split())
    assert "tower (text) and tower (text) cannot be told apart on nDCG@10" in flat
    assert "tower, faiss ivf recall@10 .9731 recall@100 .9912" in flat
    assert "nDCG@10 (exact) .3100 (.3125) p50 ms .412 p99 ms 1.93" in flat
    assert "category accuracy ↑ .6123 [.5800, .6400]" in flat
    assert "BLEU ↑ 12.3" in flat
    for each in evaluation.systems[0].slices:
        assert f" {each.name} {each.queries} {number(each.metrics['R@10'].value)} ±" in flat
    assert " category " in flat
    read = [f"{each.metrics['nDCG@10'].value:.4f}".removeprefix("0") for each in evaluation.systems[:3]]
    row = next(line for line in text.splitlines() if line.startswith("tower ") and "±" in line and line.count("±") == 3)
    assert [part for part in row.split() if part.startswith(".")] == read
    coverage = f"{evaluation.systems[4].lists['coverage@10']:.4f}".removeprefix("0")
    assert any(line.startswith("random") and coverage in line for line in text.splitlines())


def test_json_holds_everything_but_what_is_by_query(evaluation):
    found = evaluation_json(evaluation)
    text = json.dumps(found, ensure_ascii=False, allow_nan=False)
    assert json.loads(text) == found
    assert found["pool"] == {
        "candidates": 160,
        "queries": 60,
        "relevant": len(evaluation.pool.relevance.positions),
        "cold": 60,
    }
    assert (found["main"], found["metric"]) == ("tower (text)", "nDCG@10")
    for read, system in zip(found["systems"], evaluation.systems, strict=True):
        left = {
            "name",
            "kind",
            "reads",
            "remark",
            "metrics",
            "lists",
            "slices",
            "curve",
            "histogram",
            "seconds",
            "family",
        }
        assert set(read) == left | {"baseline"}
        assert read["metrics"]["R@10"] == {
            "value": system.metrics["R@10"].value,
            "low": system.metrics["R@10"].low,
            "high": system.metrics["R@10"].high,
        }
        assert read["curve"] == system.curve.tolist()
    assert [each["baseline"] for each in found["systems"]] == [False] * 4 + [True] * 3
    assert found["comparisons"][0]["p_value"] == evaluation.comparisons[0].p_value
    assert found["index_recall"][0]["recall"] == {"10": 0.9731, "100": 0.9912}
    assert found["protocol"]["hashes"]["notes"] == "a1b2"
    assert found["generation"][0]["metrics"]["BLEU"] == {"value": 12.345, "low": None, "high": None}


def test_json_writes_what_is_no_number_as_null(evaluation, tmp_path):
    odd = replace(
        evaluation.systems[0],
        metrics={"R@10": Estimate(math.nan, -math.inf, math.inf)},
        lists={"coverage@10": np.float32(0.5)},
    )
    found = evaluation_json(
        replace(
            evaluation, systems=(odd,), protocol={"path": tmp_path, "n": np.int64(3), "ids": ("a", 1), "on": np.True_}
        )
    )
    json.dumps(found, allow_nan=False)
    assert found["systems"][0]["metrics"]["R@10"] == {"value": None, "low": None, "high": None}
    assert found["systems"][0]["lists"] == {"coverage@10": 0.5}
    assert found["protocol"] == {"path": str(tmp_path), "n": 3, "ids": ["a", 1], "on": True}


def test_metrics_by_query_as_parquet(evaluation, tmp_path):
    first = evaluation.systems[0]
    hole = first.per_query["R@10"].copy()
    hole[5] = math.nan
    first = replace(first, per_query=first.per_query | {"R@10": hole, "own@1": hole})
    write_per_query(replace(evaluation, systems=(first, *evaluation.systems[1:])), tmp_path / "per_query.parquet")
    table = parquet.read_table(tmp_path / "per_query.parquet")
    names = ["R@10", "R@50", "R@100", "nDCG@10", "RR@10", "novelty@10", "own@1"]
    assert table.column_names == ["query", "system", "reads", *names]
    assert table.num_rows == 7 * 60
    ids = [evaluation.pool.notes.ids[position] for position in evaluation.pool.queries]
    assert table["query"].to_pylist() == ids * 7
    assert table["system"].to_pylist() == [each.name for each in evaluation.systems for _ in ids]
    for place, system in enumerate(evaluation.systems):
        read = table["nDCG@10"].to_pylist()[60 * place : 60 * place + 60]
        assert read == system.per_query["nDCG@10"].tolist()
    assert table["R@10"].to_pylist()[5] is None
    assert table["R@10"].null_count == 1
    assert table["own@1"].null_count == 1 + 6 * 60
    assert parquet.ParquetFile(tmp_path / "per_query.parquet").num_row_groups == 7


def test_a_metric_named_like_a_column_is_refused(evaluation, tmp_path):
    odd = replace(evaluation.systems[0], per_query={"system": np.zeros(60)})
    with pytest.raises(ValueError, match="rename them"):
        write_per_query(replace(evaluation, systems=(odd,)), tmp_path / "p.parquet")
    assert not list(tmp_path.iterdir())


def test_nothing_to_show_is_no_table(evaluation):
    bare = replace(
        evaluation,
        systems=(replace(evaluation.systems[0], slices=(), lists={}, metrics={"R@10": Estimate(0.5)}),),
        comparisons=(),
        index_recall=(),
        generation=(),
    )
    (only,) = evaluation_tables(bare)
    assert " .5000\n" in printed(only).replace("  \n", "\n")
    assert evaluation_tables(replace(bare, systems=())) == []
