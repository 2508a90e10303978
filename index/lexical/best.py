"""The best keys of a query by BM25, exactly, with or without a filter.

tantivy scores a document d for the words q of a query as Σ idf(q) · tf · 2.2 / (tf + 1.2 · (.25 + .75 · |d| / mean)),
idf = ln(1 + (N − n + .5) / (n + .5)) (Robertson and Zaragoza 2009, section 3), in float32. |d| is kept in one byte:
exact up to 40 words, beyond that rounded down by less than a ninth. N, n and the mean count removed documents
until their segments are merged.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.base import Keys, Vectors
from index.lexical.engine import KEY, TEXT

if TYPE_CHECKING:
    from tantivy import Query, Schema, Searcher

Allowed = NDArray[np.bool_] | Keys
"""A filter: a mask by key (keys beyond its end are out), or the allowed keys in ascending order."""

MAX_QUERY_WORDS = 256
"""Of a longer query only its rarest words count: the common ones could not change the order by much."""
MAX_TIES = 10_000
"""Of the contenders that share the k-th score about so many are returned at most; which ones is not promised."""
_SLACK = 22  # read a few more than k at once, because a tie at the k-th place is common among short texts
_FEW = 4096
_SAME = 1e-6  # float32 sums of the same numbers in another order differ by less, relatively


def best(
    searcher: Searcher, schema: Schema, words: Iterable[str], k: int, allowed: Allowed | None
) -> tuple[Keys, Vectors]:
    """The keys (int64) and scores (float32) of the k best, by score descending, then by key ascending.

    More than k come back where several share the k-th score, so that the caller can break ties its own way.
    Scores that differ by less than 1e-6 of themselves are made equal. A filter is applied in the cheaper of
    two ways: reading further down the list until k allowed ones were met, or naming its keys to tantivy.
    """
    known = _known(searcher, words)
    room = searcher.num_docs if allowed is None else _size(allowed)
    if not known or not room:
        return np.empty(0, np.int64), np.empty(0, np.float32)
    query = _any_of(schema, known)
    most = min(searcher.num_docs, sum(frequency for frequency, _, _ in known))  # no more texts can match
    limit = k + _SLACK
    if allowed is not None:
        limit = int(limit * max(1.0, 1.25 * searcher.num_docs / room))
        if _cost_of_naming(room) <= min(limit, most):
            query, allowed, limit = _within(schema, query, allowed), None, k + _SLACK
    while True:
        limit = min(limit, most)
        keys, scores = _fetch(searcher, query, limit)
        every = len(keys) < limit or limit == most
        last = -np.inf if every else scores[-1]
        if allowed is not None:
            inside = _inside(keys, allowed)
            keys, scores = keys[inside], scores[inside]
        if every or (len(keys) >= k and (scores[k - 1] > last or len(keys) >= k + MAX_TIES)):
            return _contenders(keys, scores, k)
        limit *= 4
        if allowed is not None and _cost_of_naming(room) < min(limit, most):
            # The best matches avoid what is allowed.
            query, allowed, limit = _within(schema, query, allowed), None, k + _SLACK


def _known(searcher: Searcher, words: Iterable[str]) -> list[tuple[int, str, int]]:
    """The distinct words that stand anywhere, rarest first: (documents, word, times asked)."""
    found = [(searcher.doc_freq(TEXT, word), word, times) for word, times in Counter(words).items()]
    return sorted(each for each in found if each[0])[:MAX_QUERY_WORDS]


def _any_of(schema: Schema, known: list[tuple[int, str, int]]) -> Query:
    """Any of the words, each as often as it is asked; built from terms, so no character means anything."""
    from tantivy import Occur, Query

    clauses = []
    for _, word, times in known:
        clause = Query.term_query(schema, TEXT, word, "freq")
        clauses.append(clause if times == 1 else Query.boost_query(clause, float(times)))
    return clauses[0] if len(clauses) == 1 else Query.boolean_query([(Occur.Should, clause) for clause in clauses])


def _within(schema: Schema, query: Query, allowed: Allowed) -> Query:
    """The query among the allowed keys only; their clause adds nothing to the score."""
    from tantivy import Occur, Query

    keys = np.flatnonzero(allowed) if allowed.dtype == np.bool_ else allowed
    if len(keys) <= _FEW:  # looked up one by one; the set walks the whole dictionary of keys
        each = [(Occur.Should, Query.term_query(schema, KEY, key, "basic")) for key in keys.tolist()]
        among = Query.boolean_query(each)
    else:
        among = Query.term_set_query(schema, KEY, keys.tolist())
    return Query.boolean_query([(Occur.Must, query), (Occur.Must, Query.const_score_query(among, 0.0))])


def _cost_of_naming(room: int) -> int:
    """What `_within` costs, as the number of hits that could be read instead (.3 µs each, measured at 1M texts)."""
    return min(18 * room, 100_000 + room)


def _fetch(searcher: Searcher, query: Query, limit: int) -> tuple[Keys, Vectors]:
    # Counting makes tantivy score every match, for a sixth more time. Without it, it skips blocks by bounds that
    # hold for the mean length of the texts at the time of writing only, so a best one could be missed.
    hits = searcher.search(query, limit, count=True).hits
    keys = searcher.fast_field_values(KEY, [address for _, address in hits])
    scores = np.array([score for score, _ in hits], dtype=np.float32)
    if len(scores):
        # tantivy adds a document's words up in an order that depends on its neighbours: equal documents may
        # differ in the last bit. Scores that close to the one before are taken for the same.
        first = np.append(True, scores[1:] < scores[:-1] * (1 - _SAME))
        scores = scores[np.flatnonzero(first)][np.cumsum(first) - 1]
    return np.array(keys, dtype=np.int64), scores


def _inside(keys: Keys, allowed: Allowed) -> NDArray[np.bool_]:
    if allowed.dtype == np.bool_:
        known = (keys >= 0) & (keys < len(allowed))
        known[known] = allowed[keys[known]]
        return known
    places = np.searchsorted(allowed, keys)
    inside: NDArray[np.bool_] = allowed[np.minimum(places, len(allowed) - 1)] == keys
    return inside


def _size(allowed: Allowed) -> int:
    return int(np.count_nonzero(allowed)) if allowed.dtype == np.bool_ else len(allowed)


def _contenders(keys: Keys, scores: Vectors, k: int) -> tuple[Keys, Vectors]:
    if len(scores) > k:
        within = scores >= scores[k - 1]
        keys, scores = keys[within], scores[within]
    order = np.lexsort((keys, -scores))
    return keys[order], scores[order]
