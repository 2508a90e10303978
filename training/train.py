"""A whole training: from a corpus and its interactions, by a recipe, to an encoder folder."""

import hashlib
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from encoders.base import Encoder
from encoders.card import base_models_of, reads_pictures
from encoders.config import EncoderConfig
from encoders.device import Precision
from encoders.images import ImageLimits
from encoders.lineage import inherited_base_models, trainings
from encoders.load import load_encoder, resolve_config
from encoders.rows import count_rows
from retrieval.evaluation.trained_on import check_trained_on
from retrieval.interactions.columns import find_interactions
from training.budget import Budget
from training.errors import TrainingError
from training.loop.workplace import Workplace
from training.positives import Positives, given_pairs, kept_pairs, mined_pairs
from training.progress import Progress, Silent
from training.recipes.config import HeadsStage, Recipe, Stage
from training.recipes.write import as_toml
from training.record import TRAINED, ZERO_SHOT, Record, public_name
from training.setting import Setting, Source, read_setting
from training.stages import Run, check_stages, run_stage
from training.starting import starting_config
from training.validation import METRIC, Validation
from training.working_folder import PARTIAL, WorkingFolder, opened, writing

# The name under which remarks on the pairs are noted.
OF_PAIRS = "remarks on pairs"
# Of --max-minutes so many times what measuring an encoder takes is reserved for doing so at the end, and for saving.
CLOSING = 1.5


@dataclass(frozen=True, slots=True)
class Task:
    """What is trained, on what, and where it is to be put.

    out: the encoder folder, which must not be there. pairs: given in place of mined ones. minutes: the most that may
    pass; None for no limit. resume: go on with what an interrupted run left. limits: what a picture may cost.
    """

    source: Source
    recipe: Recipe
    out: Path
    pairs: Path | None = None
    minutes: float | None = None
    resume: bool = False
    precision: Precision = "auto"
    limits: ImageLimits = ImageLimits()


@dataclass(frozen=True, slots=True)
class Result:
    """An encoder that was trained: its folder, what its training.json holds, what the user should know besides."""

    out: Path
    record: dict[str, Any]
    remarks: tuple[str, ...]


def train(task: Task, progress: Progress | None = None) -> Result | None:
    """Train an encoder; None in processes beside the first, where several train together.

    `task.out` appears whole at the end, or not at all; until then OUT.training holds what a later run goes on from.
    Raises TrainingError, EncodersError and RetrievalError, with messages for the user; Interrupted, which is a
    TrainingError, after a signal.
    """
    budget = Budget(None if task.minutes is None else task.minutes * 60)
    _check_free(task.out)
    begun, start = resolve_config(task.recipe.encoder), starting_config(task.recipe)
    place = Workplace.join(task.precision)
    try:
        told = progress if progress and place.first else Silent()
        setting = _read(task.source, told)
        run = _Training(task, setting, place, budget, told, list(setting.remarks))
        return run.whole(begun, start)
    finally:
        place.leave()


@dataclass(slots=True)
class _Training:
    """One run over a setting."""

    task: Task
    setting: Setting
    place: Workplace
    budget: Budget
    progress: Progress
    remarks: list[str] = field(default_factory=list)
    encoding: float = 0.0  # seconds a note, as measured

    def whole(self, begun: EncoderConfig, start: EncoderConfig) -> Result | None:
        """Train from `start`, which is `begun` with the recipe's changes."""
        task, setting = self.task, self.setting
        if setting.split is not None and setting.stage != "none":
            self.remarks += check_trained_on(task.recipe.encoder, begun, setting.split, setting.stage)
        check_stages(task.recipe.stages, start, task.limits, task.precision)
        parent = load_encoder(begun, task.precision, task.limits)
        fingerprint = parent.fingerprint
        with self._folder(fingerprint) as folder:
            positives = self._pairs(folder, reads_pictures(parent))
            self.remarks += positives.remarks
            validation = Validation(setting.protocol, task.precision, task.limits) if setting.protocol else None
            before = self._measured(ZERO_SHOT, parent, validation, folder)
            del parent
            config = self._stages(start, folder, positives, validation)
            if not self.place.first:
                return None
            encoder = load_encoder(config, task.precision, task.limits)
            after = self._measured(TRAINED, encoder, validation, folder)
            if after and after[METRIC] < before[METRIC]:
                self.remarks.append(
                    f"the trained encoder finds less than the one it started from ({METRIC} {after[METRIC]:.4f}, "
                    f"before {before[METRIC]:.4f}): smaller rates, more data, or a stage less may help"
                )
            record = Record(
                recipe=task.recipe,
                setting=setting,
                parent={"encoder": public_name(task.recipe.encoder), "fingerprint": fingerprint},
                base_models=inherited_base_models(begun) or base_models_of(begun),
                counts={"notes": len(setting.facts), **positives.as_json()},
                stages=folder.done,
                evaluation={ZERO_SHOT: before, TRAINED: after} if validation else {},
                evaluated_on=validation.described if validation else "",
                minutes=self.budget.elapsed / 60,
                remarks=tuple(self.remarks),
                before=trainings(begun),
            )
            self._publish(config, record, folder)
            return Result(task.out, record.as_json(), tuple(self.remarks))

    def _folder(self, fingerprint: str) -> AbstractContextManager[WorkingFolder]:
        """The first process alone writes; the others read what it wrote, once it says so."""
        if not self.place.first:
            return nullcontext(WorkingFolder.beside(self.task.out))
        return opened(self.task.out, self._identity(fingerprint), as_toml(self.task.recipe), self.task.resume)

    def _identity(self, fingerprint: str) -> dict[str, Any]:
        """All that the course of a training follows from, the time it may take apart."""
        recipe = self.task.recipe.model_dump(mode="json", exclude={"about"})
        stages = {stage["name"]: stage for stage in recipe.pop("stages")}
        setting = self.setting
        return {
            "recipe": {**recipe, "order": list(stages), "stages": stages},
            "encoder": fingerprint,
            "corpus": setting.digests.notes,
            "interactions": setting.digests.interactions,
            "split": setting.split.config.as_json() if setting.split else None,
            "stage": setting.stage,
            "pairs": _digest(self.task.pairs) if self.task.pairs else "mined",
        }

    def _pairs(self, folder: WorkingFolder, pictures: bool) -> Positives:
        """Those a run before left, or else given or mined ones."""
        task, setting = self.task, self.setting
        if self.place.first:
            self.budget.add(folder.spent)
            found = kept_pairs(setting, folder.path, pictures)
            if found is not None:  # what mining had to say, it said to the run before
                found = replace(found, remarks=tuple(folder.recall(OF_PAIRS) or found.remarks))
            elif task.pairs is not None:
                found = given_pairs(setting, task.pairs, folder.path, pictures)
            else:
                found = mined_pairs(setting, task.recipe, folder.path, pictures, self.progress)
            folder.note(OF_PAIRS, list(found.remarks), self.budget.elapsed)
            self.place.wait()
            return found
        self.place.wait()
        left = kept_pairs(setting, folder.path, pictures)
        assert left is not None  # the first process has just written them
        return left

    def _measured(
        self, name: str, encoder: Encoder, validation: Validation | None, folder: WorkingFolder
    ) -> dict[str, float]:
        """Measure an encoder in the first process, unless a run before did; the last will take as long again."""
        if validation is None or not self.place.first:
            return {}
        noted = folder.recall(name)
        if noted is None:
            began = perf_counter()
            self.progress.restart(f"measuring: {name}", len(validation.protocol.pool))
            figures = validation.measure(encoder, self.progress.advance)
            noted = {"figures": figures, "seconds": perf_counter() - began}
            folder.note(name, noted, self.budget.elapsed)
        self.budget.reserve = CLOSING * float(noted["seconds"])
        self.encoding = float(noted["seconds"]) / max(1, len(validation.protocol.pool))
        return dict(noted["figures"])

    def _stages(
        self, config: EncoderConfig, folder: WorkingFolder, positives: Positives, validation: Validation | None
    ) -> EncoderConfig:
        """Run the stages that are left, each from what the one before it ended with."""
        stages, done = self.task.recipe.stages, folder.done
        self.remarks += [remark for stage in done for remark in stage.get("remarks", ())]
        if done:
            config = folder.saved_stage(str(done[-1]["name"]))
        for i in range(len(done), len(stages)):
            stage, began, told = stages[i], self.budget.elapsed, len(self.remarks)
            run = Run(
                setting=self.setting,
                positives=positives,
                seed=self.task.recipe.seed,
                seconds=self._seconds(stages[i:]),
                # Choices are made on the validation notes alone; trained on these, every stage runs its length.
                validation=validation if self.setting.stage == "validation" else None,
                place=self.place,
                folder=folder,
                precision=self.task.precision,
                limits=self.task.limits,
                progress=self.progress,
                remarks=self.remarks,
            )
            config, summary = run_stage(stage, config, run)
            if self.place.first:
                # Of a stage that a run before began, that run's part was not seen by this one's clock.
                self.budget.add(max(0.0, float(summary["seconds"]) - (self.budget.elapsed - began)))
                named = {"name": stage.name, "kind": stage.kind, **summary, "remarks": self.remarks[told:]}
                folder.finish_stage(named, self.budget.elapsed)
            self.place.wait()
            config = folder.saved_stage(stage.name)
        return config

    def _seconds(self, stages: Sequence[Stage | HeadsStage]) -> float | None:
        """Seconds for the first of the stages to come; the first process says, whose clock and figures count."""
        seconds = self.budget.share([stage.weight for stage in stages], self._heads(stages[1:]))
        return None if seconds is None else self.place.from_first(seconds)[0]

    def _heads(self, stages: Sequence[Stage | HeadsStage]) -> float:
        """Seconds that heads among the stages need for the embeddings they learn from, before their first epoch."""
        several = sum(isinstance(stage, HeadsStage) for stage in stages)
        return several * self.encoding * len(self.setting.learnable_ids)

    def _publish(self, config: EncoderConfig, record: Record, folder: WorkingFolder) -> None:
        """Put the encoder folder in its place, whole."""
        out, partial = self.task.out, folder.path / PARTIAL
        self.progress.restart("saving", 1)
        with writing(partial):
            shutil.rmtree(partial, ignore_errors=True)
            load_encoder(config, "float32", self.task.limits).save_pretrained(partial, record.card())
            _check_free(out)
            partial.rename(out)
        folder.clear(self.budget.elapsed)


def _read(source: Source, progress: Progress) -> Setting:
    """Read the source under a bar for notes, then one for interactions."""
    progress.restart("reading notes", source.corpus.count())
    begun, files = False, [source.interactions] if source.interactions else find_interactions(source.corpus.root)

    def on_event(count: int) -> None:
        nonlocal begun
        if not begun:
            progress.restart("reading interactions", sum(map(count_rows, files)))
            begun = True
        progress.advance(count)

    return read_setting(source, progress.advance, on_event)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()[:32]
    except OSError as error:
        raise TrainingError(f"{path} cannot be read as pairs: {error.strerror or error}") from error


def _check_free(out: Path) -> None:
    """Raise TrainingError where something is in the encoder's place already."""
    if out.exists() or out.is_symlink():
        raise TrainingError(f"{out} is there already: name a new folder for the encoder with --out")
