"""Rankings and right answers as files in the format of TREC, which every evaluation tool reads.

Columns of such files are split at white space, so white space in ids (as Unicode has it) and `%` are written as
percent-encoded UTF-8; `decoded` gives the id back. Tools sort by score, not by rank, and break ties each in its
own way, so where scores tie in float32 each is written one step below the one before.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np

from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.relevance import Relevance
from retrieval.evaluation.systems.base import Ranking, Scores

_SPLITTING = re.compile(r"[\s%]")


def encoded(name: str) -> str:
    """Write an id without white space; `decoded` takes it back."""
    return _SPLITTING.sub(lambda found: quote(found.group(), safe=""), name)


def decoded(name: str) -> str:
    """Return the id that `encoded` wrote."""
    return unquote(name)


def write_run(
    path: Path, ranking: Ranking, query_ids: Sequence[str], candidate_ids: Sequence[str], tag: str = "notelens"
) -> None:
    """Write a line for every place: query, Q0, candidate, rank from 1, score, tag.

    query_ids: of the Q rows. candidate_ids: of the N notes that positions count. Scores are written with nine digits,
    all a float32 has, and fall within a query. A query without answers has no line, which some tools take for no query.
    """
    names = [encoded(name) for name in candidate_ids]
    end = encoded(tag or "notelens")
    scores = _falling(ranking.scores)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query, positions, row in zip(map(encoded, query_ids), ranking.positions, scores, strict=True):
            there = positions >= 0
            pairs = zip(positions[there].tolist(), row[there].tolist(), strict=True)
            file.writelines(
                f"{query} Q0 {names[position]} {rank} {score:.9g} {end}\n"
                for rank, (position, score) in enumerate(pairs, 1)
            )


def write_qrels(path: Path, relevance: Relevance, query_ids: Sequence[str], candidate_ids: Sequence[str]) -> None:
    """Write a line for every relevant note: query, 0, note, grade; best first, as relevance has them."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row, query in enumerate(map(encoded, query_ids)):
            part = slice(relevance.offsets[row], relevance.offsets[row + 1])
            pairs = zip(relevance.positions[part].tolist(), relevance.grades[part].tolist(), strict=True)
            file.writelines(f"{query} 0 {encoded(candidate_ids[place])} {grade}\n" for place, grade in pairs)


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Read grades by query id and note id, in the order of the file. Raises EvaluationError, naming the line."""
    grades: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not (columns := line.split()):
                    continue
                try:
                    query, _, note, grade = columns
                    grades.setdefault(decoded(query), {})[decoded(note)] = int(grade)
                except ValueError as error:
                    raise EvaluationError(
                        f"{path}, line {number}: got {line.strip()[:80]!r}, expected query, 0, note and a whole grade, "
                        "with white space between them and none within"
                    ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path} cannot be read ({error}): give a qrels file in UTF-8") from error
    return grades


def _falling(scores: Scores) -> Scores:
    """Return scores [Q, depth] with each strictly below the one before, changed as little as float32 allows."""
    falling = scores.copy()
    for place in range(1, falling.shape[1]):
        highest = np.nextafter(falling[:, place - 1], np.float32(-np.inf))
        np.minimum(falling[:, place], highest, out=falling[:, place])
    return falling
