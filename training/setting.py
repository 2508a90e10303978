"""What one training may see: a corpus and its interactions, and what of them is held out."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from encoders.corpus import Corpus, Placed
from encoders.note import Note
from retrieval.evaluation.errors import EvaluationError, NothingToEvaluate
from retrieval.evaluation.facts import NoteFacts, read_facts
from retrieval.evaluation.holdout import Holdout, hold_out
from retrieval.evaluation.leaks import LeakCheck
from retrieval.evaluation.protocol import Interactions, Protocol, ProtocolConfig, only_interactions
from retrieval.evaluation.split import DataDigests, Split, SplitBy, SplitConfig
from retrieval.interactions.columns import find_interactions
from retrieval.interactions.events import EventFilter, Events
from training.errors import TrainingError
from training.mining.held import Held

TrainingStage = Literal["validation", "test", "none"]
OnProgress = Callable[[int], None]
NAMED = 3  # so many reasons of rejection are named


@dataclass(frozen=True, slots=True)
class Source:
    """Where a training learns from. interactions: the file, None for the corpus' own, if it has one.

    split: one made before, or a rule; None means the one that `notelens evaluate` makes unless told otherwise: by time
    where there are times, else by notes and users. seed: what its ids are hashed with, None for the corpus' name.
    stage: `validation` holds out what choices are made on and what is tested, `test` only the latter, `none` nothing.
    """

    corpus: Corpus
    interactions: Path | None = None
    split: Split | SplitBy | None = None
    seed: str | None = None
    stage: TrainingStage = "validation"


@dataclass(frozen=True, slots=True)
class Setting:
    """A source as it was read, and what it holds out.

    data, split, holdout, leaks: None where nothing is held out for want of interactions or by choice. protocol: how
    the encoder is measured, None where nothing can be asked. remarks: what the user should know.
    """

    source: Source
    file: Path | None
    facts: NoteFacts
    rejected: int
    digests: DataDigests
    split: Split | None = None
    holdout: Holdout | None = None
    leaks: LeakCheck | None = None
    protocol: Protocol | None = None
    remarks: tuple[str, ...] = ()

    @property
    def stage(self) -> TrainingStage:
        """At which stage of the split training stands."""
        return self.source.stage

    @property
    def held(self) -> Held:
        """What mining must leave out."""
        if self.split is None or self.stage == "none":
            return Held()
        return Held(self.split, self.stage, self.facts)

    @property
    def learnable(self) -> NDArray[np.bool_]:
        """Notes whose words and labels may be learned from, bool [N]: those with an interaction in training."""
        if self.holdout is None:
            return np.ones(len(self.facts), dtype=np.bool_)
        return ~(self.holdout.cold | self.holdout.hidden_notes)

    @property
    def learnable_ids(self) -> list[str]:
        """The ids of these."""
        return [note_id for note_id, good in zip(self.facts.ids, self.learnable, strict=True) if good]

    def notes_of(self, ids: Iterable[str]) -> dict[str, Note]:
        """Read some notes of the corpus, by id; one pass over it."""
        wanted = set(ids)
        rows = (row.note for row in self.source.corpus if isinstance(row, Placed))
        return {note.id: note for note in rows if note.id in wanted}


def read_setting(source: Source, on_note: OnProgress | None = None, on_event: OnProgress | None = None) -> Setting:
    """Read notes and interactions once, and hold out what the split says.

    Raises TrainingError where there is nothing to train on, SplitMismatch for a split of other data, and the errors of
    both rooms below.
    """
    if source.interactions is None and not find_interactions(source.corpus.root):
        return _without_interactions(source, on_note)
    file = source.interactions or only_interactions(source.corpus)
    saved = source.split if isinstance(source.split, Split) else None
    chosen = saved.data.events if saved else EventFilter()
    try:
        data = Interactions.read(source.corpus, file, chosen, on_note, on_event)
    except EvaluationError:
        _check_any_good(source.corpus)
        raise
    remarks = _remarks(data.facts, data.rejected)
    if source.stage == "none":
        if saved is not None:
            raise TrainingError("a split holds something out, and --stage none nothing: leave one of them out")
        return Setting(source, file, data.facts, data.rejected, data.digests, remarks=remarks)
    if saved is not None:
        saved.check(data.digests)
        split = saved
    else:
        rule: SplitConfig = data.split_by(None if isinstance(source.split, Split) else source.split, source.seed)
        split = Split(config=rule, data=data.digests)
    holdout = hold_out(split.config, data.facts, data.events, source.stage)
    protocol: Protocol | None = None
    try:
        protocol = Protocol.of(data, split, ProtocolConfig(stage=source.stage))
    except NothingToEvaluate as error:
        remarks = (*remarks, f"the encoder is not measured, nor chosen by what it finds: {error}")
    leaks = LeakCheck(data.facts, holdout)
    return Setting(
        source, file, data.facts, data.rejected, data.digests, split, holdout, leaks, protocol, remarks=remarks
    )


def _without_interactions(source: Source, on_note: OnProgress | None) -> Setting:
    if source.stage != "none" or source.split is not None:
        raise TrainingError(
            f"{source.corpus.root} has no interactions file, without which nothing can be held out: name one with "
            "--interactions, a CSV or Parquet file with columns user, note and, best, timestamp; or, with --pairs, "
            "train on all of them with --stage none, unmeasured"
        )
    facts, rejected = read_facts(source.corpus, on_note)
    if not len(facts):
        _check_any_good(source.corpus)
    nobody = Events(*(np.zeros(0, dtype=np.int32),) * 2, None, (), len(facts), 0, 0, 0)
    digests = DataDigests.of(facts, nobody, EventFilter())
    return Setting(source, None, facts, rejected, digests, remarks=_remarks(facts, rejected))


def _check_any_good(corpus: Corpus) -> None:
    """Raise TrainingError where no row is a good note, saying why they are not."""
    reasons = Counter[str]()
    for row in corpus:
        if isinstance(row, Placed):
            return
        reasons[row.reason.value] += 1
    why = ", ".join(f"{reason}: {count:,}" for reason, count in reasons.most_common(NAMED)) or "it has no rows"
    raise TrainingError(f"{corpus.root} has no good note to train on ({why}); `notelens check` names the rows")


def _remarks(facts: NoteFacts, rejected: int) -> tuple[str, ...]:
    found = []
    if rejected:
        found.append(f"{rejected:,} rows of the corpus are no good notes (`notelens check` says why)")
    if not facts.has_image.any():
        found.append("no note has a picture: training goes by the text alone")
    if not facts.has_text.any():
        found.append("no note has words: training goes by the pictures alone")
    if len(facts.categories) == 1:
        found.append(f"all notes that have a category have the same, {facts.categories[0]}: it tells nothing apart")
    return tuple(found)
