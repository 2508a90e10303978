"""One stage of a split over its data: which interactions may be trained on, which are held out, and what is asked."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.evaluation.facts import NoteFacts
from retrieval.evaluation.split import Role, Roles, SplitConfig, Stage
from retrieval.interactions.events import Events


@dataclass(frozen=True, slots=True)
class Holdout:
    """A stage over N notes and E interactions of U users.

    training, held_out: bool [E], which interactions may be learned from, and which say what is relevant (by time: looks
    at what the same person has not looked at before). They are apart
    but in a split by items alone: there the same people's looks at warm notes are in both, since what is relevant to a
    cold note is what its readers looked at, and none of its own interactions is in training.
    unblinded: bool [E], training and what its people did with notes held out: what a ceiling may see, training never.
    hidden_notes: bool [N], hidden_users: bool [U], hidden_events: bool [E]: what training must not see, by note, user
    and time; LeakCheck goes by these, not by `training`. visible: bool [N], notes that
    exist at this stage: of a validation, those of the test are not there yet. met: bool [N], those of them that anyone
    has looked at by the end of the stage. asked: bool [N], notes that are queries where they have relevant ones.
    """

    events: Events
    training: NDArray[np.bool_]
    held_out: NDArray[np.bool_]
    unblinded: NDArray[np.bool_]
    hidden_notes: NDArray[np.bool_]
    hidden_users: NDArray[np.bool_]
    hidden_events: NDArray[np.bool_]
    visible: NDArray[np.bool_]
    met: NDArray[np.bool_]
    asked: NDArray[np.bool_]

    @property
    def cold(self) -> NDArray[np.bool_]:
        """Notes without any interaction in training, bool [N]."""
        seen = np.zeros(self.events.notes, dtype=np.bool_)
        seen[self.events.note[self.training]] = True
        return ~seen


def _repeated(events: Events, training: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Interactions of somebody with a note that training has seen the same person look at, bool [E]."""
    look = events.user.astype(np.int64) * events.notes + events.note
    return np.isin(look, look[training])


def hold_out(config: SplitConfig, facts: NoteFacts, events: Events, stage: Stage = "test") -> Holdout:
    """Apply a split at a stage: choices are made at `validation`, what is reported is of `test`.

    Raises EvaluationError where a split by time meets interactions without times.
    """
    target = Role.TEST if stage == "test" else Role.VALIDATION
    item_roles, user_roles = config.item_roles(facts), config.user_roles(events.users)
    nothing: Roles = np.zeros(len(events), dtype=np.int8)
    when = config.time_roles(events.time) if config.by == "time" else nothing
    by_note, by_user = item_roles[events.note], user_roles[events.user]
    unblinded = (by_note <= target) & (by_user < target) & (when < target)
    training = unblinded & (by_note < target)
    held_out = by_note <= target
    if config.holds_users:
        held_out &= by_user == target
    if config.by == "time":
        held_out &= (when == target) & ~_repeated(events, training)
    visible = item_roles <= target
    if config.by == "time":
        exists = config.time_roles(facts.created_at) <= target  # NaN is long ago
        exists[events.note[when <= target]] = True  # whatever its date says: somebody looked at it
        visible &= exists
    met = np.zeros(len(facts), dtype=np.bool_)
    met[events.note[(by_note <= target) & (by_user <= target) & (when <= target)]] = True
    return Holdout(
        events=events,
        training=training,
        held_out=held_out,
        unblinded=unblinded,
        hidden_notes=item_roles >= target,
        hidden_users=user_roles >= target,
        hidden_events=when >= target,
        visible=visible,
        met=met,
        asked=visible & (item_roles == target) if config.holds_items else visible,
    )
