"""How well rankings find what is relevant: recall, nDCG, MRR, MAP and others, by ir-measures."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.metrics.lists import hits
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.systems.base import Ranking

if TYPE_CHECKING:
    from ir_measures import Measure

DEFAULT_MEASURES = ("R@10", "R@50", "R@100", "nDCG@10", "RR@10", "AP@100")
"""Recall at three cutoffs, nDCG (Järvelin and Kekäläinen 2002; gain = grade, discount log2(rank + 1)), MRR and MAP."""

_CHUNK = 1 << 17
"""Ranked notes handed over in one go: dictionaries of them take some 20 MiB."""


def accuracy(ranking: Ranking, relevance: Relevance, measures: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Measure every query's ranking: float64 [Q] by the names asked for, as ir-measures writes them ("nDCG@10").

    A query without relevant notes (of the grade that the measure asks for, as in "P(rel=2)@10") is NaN, not counted;
    an empty ranking is 0. The order of the places counts, the scores do not. R and AP divide by all relevant notes,
    also where these are more than the cutoff. A measure without a cutoff sees the ranking as deep as it is. Raises
    EvaluationError for a measure that is unknown or deeper than the ranking, and for a note twice in one list.
    """
    import ir_measures

    assert len(ranking.positions) == len(relevance)
    asked = {name: _parse(name, ranking.depth) for name in measures}
    found: dict[str, NDArray[np.float64]] = {}
    columns: dict[Measure, list[NDArray[np.float64]]] = {}
    for name, measure in asked.items():
        found[name] = np.where(_counted(measure, relevance), 0.0, np.nan)
        columns.setdefault(measure, []).append(found[name])
    if not columns:
        return found
    for qrels, run in _dictionaries(ranking, relevance):
        for metric in ir_measures.iter_calc(list(columns), qrels, run):
            query = int(metric.query_id)
            for column in columns[metric.measure]:
                if not np.isnan(column[query]):
                    column[query] = metric.value
    return found


def check_measures(measures: Sequence[str], depth: int) -> None:
    """Raise EvaluationError for the first measure that is unknown, or deeper than rankings of this depth."""
    for name in measures:
        _parse(name, depth)


def recall_curve(ranking: Ranking, relevance: Relevance) -> NDArray[np.float64]:
    """Mean recall at cutoffs 1 to depth, float64 [depth], over queries with relevant notes; NaN if there is none."""
    counted = np.flatnonzero(relevance.counts)
    if not counted.size:
        return np.full(ranking.depth, np.nan)
    found = hits(ranking, relevance)
    total = np.zeros(ranking.depth)
    step = max(1, _CHUNK // ranking.depth)
    for start in range(0, len(counted), step):
        part = counted[start : start + step]
        total += (found[part].cumsum(axis=1) / relevance.counts[part, None]).sum(axis=0)
    return total / counted.size


def _parse(name: str, depth: int) -> "Measure":
    import ir_measures

    try:
        measure = ir_measures.parse_measure(name)
        # The library is typed, this method of it is not. It also checks the parameters.
        known = ir_measures.DefaultPipeline.supports(measure)  # type: ignore[no-untyped-call]
    # NameError: no such measure. The others: a name that is no expression, or parameters the measure does not take.
    except (NameError, ValueError, TypeError, AssertionError) as error:
        raise EvaluationError(
            f"{name!r} is no measure, or lacks a parameter it needs; wanted one as ir-measures writes it, "
            f"such as {', '.join(DEFAULT_MEASURES)}"
        ) from error
    if not known:
        raise EvaluationError(f"no installed library measures {name!r}; leave it out, or see https://ir-measur.es")
    cutoff = measure.params.get("cutoff")
    if cutoff is not None and (isinstance(cutoff, bool) or not 1 <= cutoff <= depth):
        raise EvaluationError(
            f"{name!r} was asked of rankings {depth} deep; ask for a cutoff of 1 to {depth}, or rank deeper (--depth)"
        )
    return measure


def _counted(measure: "Measure", relevance: Relevance) -> NDArray[np.bool_]:
    """Which queries have anything that the measure takes for relevant, bool [Q]."""
    if "rel" not in measure.SUPPORTED_PARAMS:
        return np.asarray(relevance.counts > 0)
    least = measure["rel"]
    if not isinstance(least, int):  # a mark of ir-measures for "any"
        least = 1
    enough = np.concatenate([[0], np.cumsum(relevance.grades >= least)])
    return np.asarray(np.diff(enough[relevance.offsets]) > 0)


def _dictionaries(
    ranking: Ranking, relevance: Relevance
) -> Iterator[tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]]:
    """Right answers and runs of some queries at a time, by query and note; queries without right answers are left out.

    trec_eval sorts a run by score and equal scores by descending id, so scores are made from the ranks.
    """
    scores = [float(ranking.depth - place) for place in range(ranking.depth)]
    step = max(1, _CHUNK // max(1, ranking.depth))
    counted = np.flatnonzero(relevance.counts)
    for start in range(0, len(counted), step):
        qrels: dict[str, dict[str, int]] = {}
        run: dict[str, dict[str, float]] = {}
        for query in counted[start : start + step].tolist():
            name = str(query)
            relevant = slice(relevance.offsets[query], relevance.offsets[query + 1])
            grades = relevance.grades[relevant].tolist()
            qrels[name] = dict(zip(map(str, relevance.positions[relevant].tolist()), grades, strict=True))
            places = ranking.positions[query]
            places = places[places >= 0].tolist()
            # Shorter than the scores where the list is; strict would refuse that.
            documents = dict(zip(map(str, places), scores, strict=False))
            if len(documents) != len(places):
                raise EvaluationError(f"the list of query {query} holds a note twice; a ranking names each note once")
            if documents:
                run[name] = documents
        yield qrels, run
