"""What a recipe may say: the encoder to start from, how pairs are mined, and the stages of training in order."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from training.mining.config import Bounds, MiningConfig

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
# Names a folder.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$")]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MaskConfig(_Part):
    """Which candidates of a batch are no negatives (training/losses/false_negatives.py).

    known: other known positives of the anchor. margin: those more similar than the positive by this much; None: no
    such mask. duplicates: cosine, before any training, from which on two notes are the same; None: no such mask.
    """

    known: bool = True
    margin: Positive | None = None
    duplicates: Annotated[float, Field(gt=0, le=1)] | None = None


class HardConfig(_Part):
    """Hard negatives, mined by the encoder as it is (training/losses/hard_negatives.py, Band).

    count: a query. every: steps after which they are mined again. pool: notes they are looked for among.
    """

    count: int = Field(4, ge=1)
    every: int = Field(100, ge=1)
    pool: int = Field(20_000, ge=2)
    reach: Positive = 0.3
    share: Annotated[float, Field(gt=0, le=1)] = 0.95


class LossConfig(_Part):
    """What a stage minimises.

    kind: `gcl`, each note's partner against all others (NoteLLM, arXiv 2403.01744, section 4.2); `listwise`, the
    whole distribution of co-occurrence among the notes of a batch, ∝ score ** power (ListNet, Cao et al. 2007).
    tau: similarities are multiplied by e^tau; learn_tau: a parameter that starts there.
    views: weights of the trainee's views (of all it reads, `note`; of pictures alone, `image`; ...).
    dims: further lengths at which the loss is taken too (Matryoshka), each of weight 1.
    generation: α of CSFT, where the trainee writes text; hashtags: r, the part of a batch that writes hashtags.
    alignment: weight of the distance to collaborative vectors of warm notes (training/losses/alignment.py).
    """

    kind: Literal["gcl", "listwise"] = "gcl"
    tau: float = 3.0
    learn_tau: bool = True
    power: Positive = 2.0
    views: dict[str, Positive] = Field({"note": 1.0}, min_length=1)
    masks: MaskConfig = MaskConfig()
    logq: bool = False
    hard: HardConfig | None = None
    dims: tuple[int, ...] = ()
    generation: float = Field(0.0, ge=0)
    hashtags: Share = 0.4
    alignment: float = Field(0.0, ge=0)


class BatchConfig(_Part):
    """pairs: of a contrastive batch, over all processes; its 2 · pairs notes are all different.

    tokens: of a micro-batch, which is what is in memory with gradients at once (pictures count as the trainee says).
    anchors: what an epoch goes through once, every `pairs`' pair or every note that has one, each with a positive
    drawn by score. chunk: rows of the loss that are held at once; None: all.
    """

    pairs: int = Field(64, ge=2)
    tokens: int = Field(8192, ge=1)
    anchors: Literal["pairs", "notes"] = "pairs"
    chunk: int | None = Field(None, ge=1)


class DropConfig(_Part):
    """How often a field, or a modality whole, is left out (training/losses/multimodal.py, DropRates)."""

    title: Share = 0.0
    body: Share = 0.0
    tags: Share = 0.0
    category: Share = 0.0
    text: Share = 0.0
    images: Share = 0.0


class LoraConfig(_Part):
    """Low-rank changes in place of all weights of the language model or text tower (arXiv 2106.09685)."""

    rank: int = Field(16, ge=1)
    alpha: Positive = 32.0
    dropout: Share = 0.0


class OptimiserConfig(_Part):
    """AdamW with a cosine schedule: lr rises over the first `warmup` of the steps, then falls to `floor` · lr.

    scale: factors of lr by part of the trainee, {part: factor}. clip: largest norm of the gradient.
    average: the stage ends with the mean of its weights over the steps, the n-th counting n ** average times
    (training/loop/average.py); None: with the last ones.
    """

    lr: Positive = 1e-4
    weight_decay: float = Field(0.01, ge=0)
    beta2: Annotated[float, Field(gt=0, lt=1)] = 0.999
    warmup: Share = 0.1
    floor: Share = 0.0
    clip: float = Field(1.0, gt=0)  # inf: never
    scale: dict[str, Positive] = {}
    average: Positive | None = None


class Stage(_Part):
    """One stretch of training: which parts of the trainee are trained, on what loss, how long.

    train: parts of the trainee (`text`, `image`, `fusion`; of NoteLLM-2 `model`, `bridge`; ...); the others stand
    still, and are run once a note. steps or epochs, exactly one. weight: part of --max-minutes it may take, against
    the other stages'. augment: random crops and flips of what a trained image tower sees. evaluate: steps between
    evaluations on the validation notes, by which the best weights are chosen; 0: none, the last are taken. patience:
    evaluations without a better nDCG@10 before the stage ends; None: it never ends early.
    """

    name: Name
    kind: Literal["contrastive"] = "contrastive"
    train: tuple[str, ...] = Field(min_length=1)
    steps: int | None = Field(None, ge=1)
    epochs: Positive | None = None
    weight: Positive = 1.0
    loss: LossConfig = LossConfig()
    batch: BatchConfig = BatchConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    drop: DropConfig = DropConfig()
    lora: LoraConfig | None = None
    augment: bool = False
    evaluate: int = Field(0, ge=0)
    patience: int | None = Field(None, ge=1)

    @model_validator(mode="after")
    def _one_length(self) -> "Stage":
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give either steps or epochs")
        return self


class HeadsStage(_Part):
    """Trains the heads that suggest hashtags and a category, on the finished text tower's embeddings (CSFT).

    min_notes: categories of fewer notes are not learnt. share: part of the notes kept aside, some 5,000 at most, to
    stop by after `patience` epochs in which nothing was better; None: never early. dropout: of the embeddings' numbers.
    """

    name: Name = "heads"
    kind: Literal["heads"] = "heads"
    epochs: Positive = 20.0
    batch: int = Field(64, ge=1)
    lr: Positive = 2e-3
    weight_decay: float = Field(0.01, ge=0)
    width: int = Field(128, ge=8, multiple_of=4)  # of the decoder's attention heads
    layers: int = Field(2, ge=1)
    min_notes: int = Field(5, ge=1)
    share: Annotated[float, Field(ge=0, lt=1)] = 0.1
    patience: int | None = Field(5, ge=1)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.3
    weight: Positive = 0.2


class Recipe(_Part):
    """A whole training. encoder: a name or folder that it starts from (encoders/load.py), changed by `changes`.

    about: one line for people who choose among recipes. changes: fields of the encoder's configuration to set, as in
    its config.json, table by table.
    """

    about: str = ""
    encoder: str = "minilm"
    changes: dict[str, object] = {}
    seed: int = Field(0, ge=0)
    mining: MiningConfig = MiningConfig()
    bounds: Bounds = Bounds()
    stages: tuple[Annotated[Stage | HeadsStage, Field(discriminator="kind")], ...] = Field(min_length=1)

    @field_validator("stages", mode="before")
    @classmethod
    def _contrastive_unless_said(cls, stages: Any) -> Any:
        if not isinstance(stages, list):
            return stages
        return [{"kind": "contrastive"} | stage if isinstance(stage, dict) else stage for stage in stages]

    @model_validator(mode="after")
    def _names_differ(self) -> "Recipe":
        names = [stage.name for stage in self.stages]
        if len(set(names)) < len(names):
            raise ValueError(f"two stages have one name: {', '.join(names)}")
        return self
