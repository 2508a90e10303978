"""The stages of a recipe, each from one encoder to the next."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from encoders.blocks import Blocks
from encoders.config import EncoderConfig, TowersConfig
from encoders.device import Precision
from encoders.errors import EncoderError
from encoders.images import ImageLimits
from encoders.load import load_encoder
from encoders.note_encoder import NoteEncoder
from retrieval.evaluation.encoding import encode_notes
from training.batches.batches import Batches
from training.collaborative import collaborative_vectors
from training.errors import TrainingError
from training.heads.train import train_heads, with_heads
from training.loop.result import Limits
from training.loop.result import Setting as LoopSetting
from training.loop.stage import train_stage
from training.loop.workplace import Workplace
from training.losses.matryoshka import block_prefix
from training.objectives.objective import Objective, check_views
from training.positives import Positives
from training.progress import Progress
from training.recipes.config import HeadsStage, Stage
from training.setting import Setting
from training.starting import make_trainee
from training.trainees.base import Trainee
from training.validation import StageEvaluator, Validation
from training.working_folder import HEADS, WorkingFolder, not_written

# Of the losses of a stage, the mean of so many first and last ones is recorded, or of a quarter if that is less.
LOSSES = 20
BLOCKS = ("text", "image")


@dataclass(frozen=True, slots=True)
class Run:
    """What all stages of a training have in common, and the seconds of this one, None for no limit.

    validation: what weights are chosen by; None: the last are taken. remarks: grows by what the user should know.
    """

    setting: Setting
    positives: Positives
    seed: int
    seconds: float | None
    validation: Validation | None
    place: Workplace
    folder: WorkingFolder
    precision: Precision
    limits: ImageLimits
    progress: Progress
    remarks: list[str]


def run_stage(stage: Stage | HeadsStage, config: EncoderConfig, run: Run) -> tuple[EncoderConfig, dict[str, Any]]:
    """Train one stage from the encoder of a configuration; returns what it ended with, and a summary as JSON values.

    Every process calls it; the first saves. Raises TrainingError and what it is made of.
    """
    if isinstance(stage, HeadsStage):
        return _heads(stage, config, run)
    return _contrastive(stage, config, run)


def check_stages(
    stages: Sequence[Stage | HeadsStage], config: EncoderConfig, limits: ImageLimits, precision: Precision
) -> None:
    """Raise TrainingError where a stage asks of the encoder what it does not have: at once, not hours later."""
    for stage in stages:
        if isinstance(stage, HeadsStage):
            continue
        trainee = make_trainee(config, stage, limits, precision)
        try:
            trainee.begin(stage.train, stage.lora)
            check_views(stage.loss, trainee.views)
            _cuts(stage.loss.dims, config, trainee)
        except (TrainingError, EncoderError) as error:
            raise TrainingError(f"stage {stage.name}: {error}") from error


def _contrastive(stage: Stage, config: EncoderConfig, run: Run) -> tuple[EncoderConfig, dict[str, Any]]:
    graph, notes, folder = run.positives.graph, run.positives.notes, run.folder.stage(stage.name)
    if stage.train == ("image",) and not any(note.images for note in notes):
        raise TrainingError(
            f"stage {stage.name} trains by pictures alone, and none of the {len(notes):,} notes in pairs has one: "
            "leave the stage out, or give a corpus with its pictures"
        )
    if stage.train == ("text",) and not any(note.has_text for note in notes):
        raise TrainingError(
            f"stage {stage.name} trains by words alone, and none of the {len(notes):,} notes in pairs has any: "
            "leave the stage out, or take a recipe without it, such as fusion"
        )
    trainee = make_trainee(config, stage, run.limits, run.precision)
    trainee.begin(stage.train, stage.lora)
    batches = Batches(graph, notes, trainee, stage.loss, stage.batch, stage.drop, run.seed)
    if batches.remark:
        run.remarks.append(f"stage {stage.name}: {batches.remark}")
    masks, aligned = stage.loss.masks, stage.loss.alignment
    objective = Objective(
        stage.loss,
        stage.batch,
        trainee.views,
        graph,
        seed=run.seed,
        cuts=_cuts(stage.loss.dims, config, trainee),
        reference=_reference(config, run) if masks.duplicates is not None else None,
        collaborative=collaborative_vectors(graph, seed=run.seed) if aligned else None,
        hard=batches.hard,
    )
    result = train_stage(
        trainee,
        batches,
        objective,
        stage,
        LoopSetting(folder, run.place, run.seed, {"notes": len(graph)}, Limits(run.seconds)),
        StageEvaluator(run.validation, folder) if run.validation and stage.evaluate else None,
        run.progress,
        graph.ids,
    )
    run.remarks.extend(f"stage {stage.name}: {remark}" for remark in result.remarks)
    if broken := len(batches.reader.broken):
        run.remarks.append(f"stage {stage.name}: {broken:,} notes have pictures that do not decode; they were left out")
    ended: EncoderConfig = run.folder.save_stage(stage.name, trainee.save) if run.place.first else config
    ends = max(1, min(LOSSES, len(result.losses) // 4))
    summary = {
        "steps": result.steps,
        "ended": result.ended,
        "weights": result.weights,
        "best": {"step": result.best[0], "value": result.best[1]} if result.best else None,
        "evaluation": dict(result.evaluation),
        "first loss": _mean(result.losses[:ends]),
        "last loss": _mean(result.losses[-ends:]),
        "figures": objective.figures(),
        "pairs/s": round(result.pairs_per_second, 1),
        "seconds": round(result.elapsed, 2),
    }
    return ended, summary


def _heads(stage: HeadsStage, config: EncoderConfig, run: Run) -> tuple[EncoderConfig, dict[str, Any]]:
    """Train heads in the first process. An encoder stays without them where there is nothing to learn."""
    if not run.place.first:
        return config, {}
    began = monotonic()
    encoder, folder = load_encoder(config, run.precision, run.limits), run.folder.stage(stage.name) / HEADS
    shutil.rmtree(folder, ignore_errors=True)
    notes = run.setting.notes_of(run.setting.learnable_ids)

    def begun(title: str, total: int) -> Callable[[int], None]:
        run.progress.restart(title, total)
        return run.progress.advance

    try:
        if not isinstance(encoder, NoteEncoder):
            raise TrainingError("heads stand on a text tower, which this encoder does not have")
        trained = train_heads(encoder, list(notes.values()), stage, folder, run.seed, begun, run.seconds)
    except TrainingError as error:
        # Hours of training are not to be lost for want of hashtags; a full disk is no TrainingError here.
        run.remarks.append(f"stage {stage.name} was left out: {error}")
        return run.folder.save_stage(stage.name, encoder.save), {"left out": str(error), "seconds": 0.0}
    except (OSError, SafetensorError) as error:
        raise not_written(folder, error) from error
    run.remarks.extend(f"stage {stage.name}: {remark}" for remark in trained.remarks)
    ended = run.folder.save_stage(stage.name, with_heads(encoder, trained.config).save)
    return ended, {"figures": dict(trained.figures), "seconds": round(monotonic() - began, 2)}


def _cuts(dims: Sequence[int], config: EncoderConfig, trainee: Trainee) -> dict[int, Callable[[Tensor], Tensor]]:
    """How rows are cut to a served length: where two blocks stand side by side, each in proportion."""
    if not isinstance(config, TowersConfig) or config.join != "blocks":
        return {}
    sizes = tuple((view.name, view.stop - view.start) for view in trainee.views if view.name in BLOCKS)
    if len(sizes) < len(BLOCKS):
        return {}
    # Of a served vector so many coordinates say what is absent, which rows in training do not have.
    if bad := [dim for dim in dims if dim < 2 * len(sizes)]:
        raise TrainingError(
            f"loss.dims names {bad[0]}: an encoder of {len(sizes)} blocks is served with {2 * len(sizes)} or more"
        )
    return {dim: block_prefix(Blocks(sizes), dim - len(sizes)) for dim in dims}


def _reference(config: EncoderConfig, run: Run) -> NDArray[np.float32]:
    """The vectors of the graph's notes as the stage begins, float32 [N, dim]; zero for what cannot be encoded."""
    facts = run.setting.facts
    place = {note_id: i for i, note_id in enumerate(facts.ids)}
    own = facts.take(np.array([place[note_id] for note_id in run.positives.graph.ids], dtype=np.int64))
    encoder = load_encoder(config, run.precision, run.limits)
    return encode_notes(encoder, run.setting.source.corpus, own, lambda note: note).queries


def _mean(losses: tuple[float, ...]) -> float | None:
    return round(sum(losses) / len(losses), 6) if losses else None
