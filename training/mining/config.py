"""What mining counts and what it keeps.

The score of a pair is s(A→B) = Σ_u a_u b_u / N_u (NoteLLM, arXiv 2403.01744, section 4.2, with weights) over the users
who met A and then B (`sequence`), or both (`together`), where both lie within the window:

- **Meeting.** Several events of a user with a note are one meeting, at the time of the earliest; its weight is the
  largest of its events'. In `sequence` this is so for each side apart: a note is viewed at the earliest event of the
  view kinds, with the largest weight among these, and clicked at the earliest of the click kinds.
- **Order.** `sequence`: 0 < clicked(B) − viewed(A) ≤ window, so what happened at the same time is in no order.
  `together`: |met(A) − met(B)| ≤ window. A note is never its own positive.
- **N_u** is the number of different notes u clicked (`together`: met) in the whole mined period, the cap apart:
  someone who met ten thousand notes says 1/10,000, however few of them are looked at. Who clicked nothing says nothing.
- **Weights** multiply: a_u is the weight of the view, b_u of the click. Without weights all are 1.
- **Cap.** Of a user with more than `max_notes` different notes (either side) only those that he met latest are
  looked at, a note's time being its earliest event of any side that counts; among equal times, smaller ids. Where
  there are no times, later rows of the file are later.
- **Normalised**: s / √(n_A n_B), n_A = Σ_u a_u²/N_u over who viewed A, n_B = Σ_u b_u²/N_u over who clicked B, so a
  score is at most 1; for `together` without weights, window and cap this is what
  retrieval.evaluation.cooccurrence.Cooccurrence gives.
- **Bounds** are held against s itself. Of what they leave, a note keeps the `top` best, equal scores by id.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from training.mining.errors import MiningError

Mode = Literal["sequence", "together"]
WEEK = 7 * 86_400.0
LIGHTEST, HEAVIEST = 0.1, 100.0


class MiningConfig(BaseModel):
    """What is counted; see the module for how.

    mode, window: None means what the file allows: `sequence` within a week where there are times, else `together`
    without a window. window: seconds, inf for none. weights: kinds of events that count, each with its weight; all
    kinds with weight 1 where there is none. view, click: the kinds of either side (`sequence`), among those that count;
    all of them unless named. min_rating: events below do not count. max_notes: the cap; 0 for none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    mode: Mode | None = None
    window: float | None = Field(None, gt=0, allow_inf_nan=True)
    weights: dict[str, float] = {}
    view: tuple[str, ...] = ()
    click: tuple[str, ...] = ()
    min_rating: float | None = None
    max_notes: int = Field(500, ge=0)

    @model_validator(mode="after")
    def _sides_fit(self) -> "MiningConfig":
        for kind, weight in self.weights.items():
            if not LIGHTEST <= weight <= HEAVIEST:
                raise ValueError(f"the weight of {kind!r} is {weight:g}; wanted one from {LIGHTEST} to {HEAVIEST:g}")
        if self.mode == "together" and (self.view or self.click):
            raise ValueError("view and click kinds go with mode sequence; in together both notes are met alike")
        for side, kinds in (("view", self.view), ("click", self.click)):
            strangers = [kind for kind in kinds if self.weights and kind not in self.weights]
            if strangers:
                raise ValueError(
                    f"{side} kinds {', '.join(strangers)} do not count: the kinds that do are {', '.join(self.weights)}"
                )
        return self

    def resolved(self, timed: bool) -> "MiningConfig":
        """With mode and window chosen for a file with times, or without. Raises MiningError where they do not fit."""
        mode = self.mode or ("sequence" if timed else "together")
        window = self.window if self.window is not None else (WEEK if timed else float("inf"))
        if not timed and mode == "sequence":
            raise MiningError(
                "who met which note first is not known without times: add a column timestamp, or --mode together"
            )
        if not timed and window != float("inf"):
            raise MiningError("a window needs interactions with times: add a column timestamp, or --window none")
        if mode == "together" and (self.view or self.click):
            raise MiningError(
                "view and click kinds need times, so that it is known what came first: add a column timestamp"
            )
        return self.model_copy(update={"mode": mode, "window": window})

    @property
    def named(self) -> tuple[str, ...]:
        """The kinds that were named, sorted."""
        return tuple(sorted({*self.weights, *self.view, *self.click}))


class Bounds(BaseModel):
    """Which pairs are kept: by common users, by score before it is normalised, and so many a note."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")

    min_users: int = Field(1, ge=1)
    at_least: float = Field(0.01, ge=0)
    at_most: float = Field(30.0, gt=0, allow_inf_nan=True)
    normalize: bool = False
    top: int = Field(10, ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> "Bounds":
        if self.at_least > self.at_most:
            raise ValueError(f"no score is at least {self.at_least:g} and at most {self.at_most:g}")
        return self
