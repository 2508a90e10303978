"""Corpus, interactions and split made into the setting of an evaluation, or of training's own validation."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from encoders.corpus import Corpus, Placed
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.holdout import Holdout, hold_out
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.pool import Asked, Candidates, Pool, Ties, candidate_order, judged_pool, make_pool, sampled
from retrieval.evaluation.relevance import RelevanceConfig
from retrieval.evaluation.run_files import read_qrels
from retrieval.evaluation.split import ColdBy, DataDigests, Split, SplitBy, SplitConfig, Stage, cut_times
from retrieval.interactions.columns import find_interactions
from retrieval.interactions.events import EventFilter, Events, read_events

OnProgress = Callable[[int], None]
# From here on what is wrong with the data, or little of it, is worth a warning.
LOST_SHARE, FEW_QUERIES = 0.05, 100


class ProtocolConfig(BaseModel):
    """How a split is asked: which stage, candidates and queries, in which order ties stand, and what is right.

    queries: of more that have right answers, so many are drawn by a hash of their ids; None: all are asked.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    stage: Stage = "test"
    candidates: Candidates = "interacted"
    asked: Asked = "all"
    ties: Ties = "shuffled"
    queries: int | None = Field(10_000, ge=1)
    relevance: RelevanceConfig = RelevanceConfig()


@dataclass(frozen=True, slots=True)
class Interactions:
    """A corpus and its interactions, read: facts of its N notes, and what was left out of each."""

    corpus: Corpus
    file: Path
    facts: NoteFacts
    rejected: int
    events: Events
    digests: DataDigests

    @classmethod
    def read(
        cls,
        corpus: Corpus,
        file: Path,
        chosen: EventFilter = EventFilter(),
        on_note: OnProgress | None = None,
        on_event: OnProgress | None = None,
    ) -> "Interactions":
        """Read both once. Raises CorpusError, InteractionsError, EvaluationError where none fits."""
        facts, rejected = read_facts(corpus, on_note)
        events = read_events(file, facts.ids, chosen, on_event)
        if not len(events):
            raise EvaluationError(
                f"{file} has no interaction with any of the {len(facts):,} notes: {events.unknown:,} were with other "
                f"notes, {events.broken:,} broken, {events.filtered:,} left out by kind or rating"
            )
        return cls(corpus, file, facts, rejected, events, DataDigests.of(facts, events, chosen))

    def split_by(
        self,
        by: SplitBy | None = None,
        seed: str | None = None,
        cuts: tuple[datetime, datetime] | None = None,
        shares: tuple[float, float] = (0.1, 0.1),
        cold_by: ColdBy = "interaction",
    ) -> SplitConfig:
        """A split by time where the interactions have times, else by notes and users. Raises EvaluationError.

        seed: the name of the corpus' folder, unless given. For a split by time: the moments at which validation and
        test begin, or what shares of the interactions they are.
        """
        by = by or ("items+users" if self.events.time is None else "time")
        named = self.corpus.root.name if seed is None else seed
        if by != "time":
            return SplitConfig(by=by, seed=named)
        if self.events.time is None:
            raise EvaluationError(
                f"{self.file} has no times, so cannot be split by time: add a column timestamp, or split by items+users"
            )
        validation_from, test_from = cuts or cut_times(self.events.time, *shares)
        if validation_from >= test_from:
            raise EvaluationError(
                f"validation begins at {validation_from}, which must be before the test at {test_from}"
            )
        return SplitConfig(by=by, seed=named, validation_from=validation_from, test_from=test_from, cold_by=cold_by)


@dataclass(frozen=True, slots=True)
class Protocol:
    """One setting: all systems, and training, are measured in it, and held to what it holds out."""

    data: Interactions
    split: Split
    config: ProtocolConfig
    holdout: Holdout
    leaks: LeakCheck
    pool: Pool
    remarks: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        data: Interactions,
        split: SplitConfig | Split,
        config: ProtocolConfig = ProtocolConfig(),
        qrels: Path | None = None,
    ) -> "Protocol":
        """Apply a split; one that was saved must be of this data.

        qrels: right answers from a TREC file in place of co-occurrence. Raises EvaluationError, and LeakFound should
        the setting itself leak.
        """
        if isinstance(split, Split):
            split.check(data.digests)
        else:
            split = Split(config=split, data=data.digests)
        holdout = hold_out(split.config, data.facts, data.events, config.stage)
        remarks: list[str] = []
        order = candidate_order(data.facts, holdout, config.candidates, config.ties, split.config.seed)
        if qrels is None:
            pool = make_pool(data.facts, holdout, order, config.relevance, config.asked)
        else:
            judged = read_qrels(qrels)
            pool = judged_pool(data.facts, holdout, order, judged, config.asked)
            wanted = sum(grade > 0 for grades in judged.values() for grade in grades.values())
            if (found := len(pool.relevance.positions)) < wanted or len(pool.queries) < len(judged):
                remarks.append(
                    f"of {len(judged):,} judged queries {len(pool.queries):,} are asked by this split, and of "
                    f"{wanted:,} right answers {found:,} are candidates"
                )
        drawn = sampled(pool, config.queries, split.config.seed)
        if len(drawn.queries) < len(pool.queries):
            remarks.append(f"{len(drawn.queries):,} of {len(pool.queries):,} queries were drawn (--queries)")
        pool = drawn
        leaks = LeakCheck(data.facts, holdout)
        leaks.pool(pool)
        return cls(data, split, config, holdout, leaks, pool, tuple(remarks))

    def notes_of(self, ids: Sequence[str]) -> dict[str, Note]:
        """Read some notes from the corpus, by id; one pass over it."""
        wanted = set(ids)
        rows = (row.note for row in self.data.corpus if isinstance(row, Placed))
        return {note.id: note for note in rows if note.id in wanted}

    def warnings(self) -> tuple[str, ...]:
        """What of the data or the setting makes figures weaker than they look."""
        events, pool, data = self.data.events, self.pool, self.data
        lost = events.unknown + events.broken
        found = list(self.remarks)
        if lost > LOST_SHARE * (len(events) + lost):
            found.append(
                f"{lost:,} of {len(events) + lost:,} interactions could not be used: {events.unknown:,} are with notes "
                f"that the corpus does not have, {events.broken:,} are broken"
            )
        if data.rejected:
            found.append(f"{data.rejected:,} rows of the corpus are no good notes (`notelens check` says why)")
        if len(pool.queries) < FEW_QUERIES:
            found.append(f"there are only {len(pool.queries):,} queries: look at the intervals, not at the values")
        if not pool.cold[pool.queries].any():
            found.append("no query is cold: nothing here says how notes fare that nobody has seen yet")
        if self.split.config.by == "items":
            found.append("the same people were trained on and say what is relevant; items+users keeps them apart")
        return tuple(found)

    def facts(self) -> dict[str, Any]:
        """What every figure must be read with, as JSON values."""
        data, pool, holdout = self.data, self.pool, self.holdout
        return {
            "corpus": self.data.corpus.root.name,
            "interactions": {
                "file": data.file.name,
                "used": len(data.events),
                "with unknown notes": data.events.unknown,
                "broken": data.events.broken,
                "left out": data.events.filtered,
            },
            "split": self.split.config.as_json(),
            "data": self.split.data.model_dump(mode="json"),
            "stage": self.config.stage,
            "relevance": self.config.relevance.model_dump(mode="json", exclude_none=True),
            "candidates": {"which": self.config.candidates, "notes": len(pool), "cold": int(pool.cold.sum())},
            "queries": {
                "which": self.config.asked,
                "notes": len(pool.queries),
                "cold": int(pool.cold[pool.queries].sum()),
                "relevant notes each": round(len(pool.relevance.positions) / len(pool.queries), 2),
            },
            "training interactions": int(holdout.training.sum()),
            "held-out interactions": int(holdout.held_out.sum()),
            "rejected notes": data.rejected,
        }


def only_interactions(corpus: Corpus) -> Path:
    """The corpus' one interactions file. Raises EvaluationError where there is none, or more to choose from."""
    found = find_interactions(corpus.root)
    if len(found) != 1:
        have = ", ".join(path.name for path in found) or "none"
        raise EvaluationError(
            f"{corpus.root} has {'several interactions files' if found else 'no interactions file'} ({have}): "
            "name one with --interactions, a CSV or Parquet file with columns user, note and, best, timestamp"
        )
    return found[0]
