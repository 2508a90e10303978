"""The record of a training, kept with the encoder it made: enough to tell what it saw, and to do it again."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from encoders.card import Card
from encoders.lineage import RECORD, TRAINED_ON
from retrieval.evaluation.trained_on import TrainedOn
from training.recipes.config import Recipe
from training.setting import Setting

FORMAT = 1
SPLIT = "split.json"
PACKAGES = ("notelens", "torch", "transformers", "accelerate", "peft", "numpy")
ZERO_SHOT, TRAINED = "zero-shot", "trained"


@dataclass(frozen=True, slots=True)
class Record:
    """What `training.json` holds.

    parent: name and fingerprint of the encoder it started from; base_models: its weights and their licences. counts:
    notes, pairs and the like. stages: what each ended with. evaluation: {before and after: {measure: value}}. before:
    trainings of the encoder it started from.
    """

    recipe: Recipe
    setting: Setting
    parent: Mapping[str, str]
    base_models: Mapping[str, str]
    counts: Mapping[str, Any]
    stages: Sequence[Mapping[str, Any]]
    evaluation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    evaluated_on: str = ""
    minutes: float = 0.0
    remarks: Sequence[str] = ()
    before: Sequence[Mapping[str, Any]] = ()
    created: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @property
    def trained_on(self) -> TrainedOn:
        """What it saw, as an evaluation asks it."""
        setting = self.setting
        return TrainedOn(
            corpus=setting.source.corpus.root.name, data=setting.digests, split=setting.split, stage=setting.stage
        )

    def as_json(self) -> dict[str, Any]:
        """The values of training.json."""
        return {
            "format": FORMAT,
            "created": self.created,
            TRAINED_ON: [self.trained_on.model_dump(mode="json"), *self.before],
            "parent": dict(self.parent),
            "recipe": self.recipe.model_dump(mode="json") | {"encoder": public_name(self.recipe.encoder)},
            "base_models": dict(self.base_models),
            "seed": self.recipe.seed,
            "counts": dict(self.counts),
            "stages": [dict(stage) for stage in self.stages],
            "evaluation": {name: dict(row) for name, row in self.evaluation.items()},
            "evaluated_on": self.evaluated_on,
            "minutes": round(self.minutes, 2),
            "remarks": list(self.remarks),
            "versions": _versions(),
        }

    def card(self) -> Card:
        """The model card of the encoder, with this record and the split beside it."""
        records: dict[str, Mapping[str, Any]] = {RECORD: self.as_json()}
        if self.setting.split is not None:
            records[SPLIT] = self.setting.split.model_dump(mode="json")
        return Card(
            data=self._words(),
            evaluation=self.evaluation,
            evaluated_on=self.evaluated_on,
            base_models=self.base_models,
            records=records,
            trained=True,
        )

    def _words(self) -> str:
        setting, counts = self.setting, self.counts
        held = {
            "validation": "validation and test are held out",
            "test": "the test is held out, validation is not",
            "none": "nothing is held out",
        }[setting.stage]
        by = f" by {setting.split.config.by}" if setting.split else ""
        stages = ", ".join(str(stage["name"]) for stage in self.stages)
        return (
            f"{counts.get('pairs', 0):,} pairs of {counts.get('notes in pairs', 0):,} notes of "
            f"{setting.source.corpus.root.name} that the same people look at{by}; {held}. Stages: {stages}, "
            f"{self.minutes:.1f} minutes, from {self.parent.get('encoder', '')}. All of it stands in {RECORD}."
        )


def public_name(encoder: str) -> str:
    """Name an encoder without the paths of this machine: a folder by its last part."""
    return Path(encoder).name if Path(encoder).exists() else encoder


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
