"""A stage's state in files, whole or not at all."""

import re
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from index.files import sync_folder
from training.errors import TrainingError
from training.loop.errors import writing
from training.loop.identity import differences
from training.loop.learner import Learner
from training.loop.state import Saved, State, Versions

FORMAT = 1
KEPT = 2
NAMED = 5  # so many differences are named
WEIGHTS, MOMENTS, STATE = "weights.safetensors", "optimiser.safetensors", "state.json"


class Checkpoints:
    """The checkpoints of one stage: a folder each, `step-00000100`, of which the last two and the best are kept.

    A folder holds what is trained (what stands still is held against a digest), AdamW's moments, and state.json.
    It is filled beside, made durable and renamed into place. One process writes; all may read.
    """

    def __init__(self, folder: Path, learner: Learner, identity: Mapping[str, object]) -> None:
        self._folder, self._learner, self._identity = folder, learner, dict(identity)
        self._frozen = learner.frozen_digest()

    def newest(self) -> Path | None:
        """The checkpoint of the latest step; None where there is none."""
        return max(self._all(), default=None)

    def save(self, state: State) -> Path:
        """Write a checkpoint, then remove those no longer needed.

        Raises TrainingError where it cannot be written; those before are then untouched.
        """
        path = self._of(state.step)
        last = self.newest()
        partial = path.with_name(f"{path.name}.tmp")
        saved = Saved(format=FORMAT, state=state, identity=self._identity, frozen=self._frozen, versions=_versions())
        try:
            with writing(path, last):
                partial.mkdir(parents=True, exist_ok=True)
                save_file(self._learner.weights(), partial / WEIGHTS)
                save_file(self._learner.moments(), partial / MOMENTS)
                (partial / STATE).write_text(saved.model_dump_json(indent=1), encoding="utf-8")
                sync_folder(partial)
                if path.exists():
                    shutil.rmtree(path)
                partial.rename(path)
                sync_folder(self._folder, files=False)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        self._prune(state)
        return path

    def resume(self, path: Path) -> tuple[State, list[str]]:
        """Set weights, objective and optimiser to a checkpoint; returns its state, and remarks for the user.

        Raises TrainingError where it cannot be read, or is of another training; the learner is then unchanged.
        """
        saved = self._read(path)
        self._check(path, saved)
        weights, moments = _tensors(path / WEIGHTS), _tensors(path / MOMENTS)
        self._learner.take_weights(weights)
        self._learner.take_moments(moments)
        remarks = []
        if saved.versions != _versions():
            then, now = _named(saved.versions), _named(_versions())
            remarks.append(f"{path} was written under {then}, this is {now}: figures may differ in their last digits")
        return saved.state, remarks

    def put_back(self, step: int) -> None:
        """Set weights and what is kept beside them to a step's checkpoint. Raises TrainingError if it is unreadable."""
        weights, moments = _tensors(self._of(step) / WEIGHTS), _tensors(self._of(step) / MOMENTS)
        self._learner.take_weights(weights)
        self._learner.take_moments(moments)

    def clear_partial(self) -> None:
        """Remove what a killed run left half written."""
        for path in self._folder.glob("*.tmp"):
            shutil.rmtree(path, ignore_errors=True)

    def _read(self, path: Path) -> Saved:
        try:
            saved = Saved.model_validate_json((path / STATE).read_bytes())
        except (OSError, ValidationError) as error:
            raise TrainingError(f"{_unreadable(path)}: {error}") from error
        if saved.format != FORMAT:
            raise TrainingError(f"{path} has format {saved.format}, this version reads {FORMAT}: train anew")
        return saved

    def _check(self, path: Path, saved: Saved) -> None:
        found = list(differences(saved.identity, self._identity))
        if found:
            more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
            raise TrainingError(
                f"{path} is a checkpoint of another training: {'; '.join(found[:NAMED])}{more}. "
                "Go on with what it was begun with, or train anew into another folder"
            )
        if saved.frozen != self._frozen:
            raise TrainingError(
                f"{path} was trained upon other weights: those that stand still have digest {self._frozen} here and "
                f"{saved.frozen} there. Go on from the encoder it was begun with, or train anew into another folder"
            )

    def _prune(self, state: State) -> None:
        kept = set(sorted(self._all())[-KEPT:])
        if state.best:
            kept.add(self._of(state.best.step))
        for path in self._all():
            if path not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _all(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [path for path in self._folder.iterdir() if re.fullmatch(r"step-\d{8,}", path.name)]

    def _of(self, step: int) -> Path:
        return self._folder / f"step-{step:08d}"


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"{_unreadable(path.parent)}: {error}") from error


def _unreadable(path: Path) -> str:
    return f"{path} cannot be read (remove that folder to go on from the checkpoint before it)"


def _versions() -> Versions:
    return Versions(torch=version("torch"), accelerate=version("accelerate"))


def _named(versions: Versions) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.model_dump().items())
