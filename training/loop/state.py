"""Where a stage stands, as a checkpoint holds it."""

from pydantic import BaseModel, ConfigDict


class Best(BaseModel):
    """The best evaluation so far: after how many steps, and its value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    value: float


class State(BaseModel):
    """Counts of a stage between two steps.

    step: steps done. epoch: of the last one. elapsed: seconds of training, evaluations included. evaluated: the step of
    the last evaluation, 0 for none. stale: evaluations since the best one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int = 0
    epoch: int = 0
    elapsed: float = 0.0
    evaluated: int = 0
    stale: int = 0
    best: Best | None = None


class Versions(BaseModel):
    """What a checkpoint was written under; other versions may round differently."""

    model_config = ConfigDict(frozen=True)

    torch: str
    accelerate: str


class Saved(BaseModel):
    """The JSON of a checkpoint. identity: of which training it is; frozen: digest of the weights it does not hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    state: State
    identity: dict[str, object]
    frozen: str
    versions: Versions
