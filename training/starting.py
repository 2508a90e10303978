"""Where a training starts: the encoder that a recipe names, and that encoder with gradients."""

from collections.abc import Mapping
from typing import Any

from encoders.config import EncoderConfig, parse_config
from encoders.device import Precision
from encoders.images import ImageLimits
from encoders.load import resolve_config
from training.recipes.config import Recipe, Stage
from training.trainees.base import Trainee


def starting_config(recipe: Recipe) -> EncoderConfig:
    """The encoder a recipe starts from, with its changes. Raises EncoderError."""
    config = resolve_config(recipe.encoder)
    return parse_config(merged(config.model_dump(), recipe.changes)) if recipe.changes else config


def merged(values: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Lay changes over values, table by table; a table of another tower or kind takes the old one's place."""
    found = dict(values)
    for name, change in changes.items():
        old = found.get(name)
        if isinstance(old, Mapping) and isinstance(change, Mapping) and _same_kind(old, change):
            found[name] = merged(old, change)
        else:
            found[name] = change
    return found


def make_trainee(
    config: EncoderConfig, stage: Stage, limits: ImageLimits = ImageLimits(), precision: Precision = "auto"
) -> Trainee:
    """Make the encoder of a configuration with gradients, for a stage. Raises EncoderError, TrainingError.

    precision: of towers that stand still; what is trained is float32.
    """
    hashtags = stage.loss.hashtags if stage.loss.generation else None
    match config.kind:
        case "towers":
            from training.trainees.towers import TowersTrainee

            return TowersTrainee(config, hashtags, limits, stage.augment, precision)
        case "notellm2":
            from training.trainees.notellm2 import NoteLLM2Trainee

            return NoteLLM2Trainee(config, hashtags, limits=limits)
        case "sentence_transformer":
            from training.trainees.sentence_transformer import SentenceTransformerTrainee

            return SentenceTransformerTrainee(config, limits)


def _same_kind(old: Mapping[str, Any], change: Mapping[str, Any]) -> bool:
    return all(change[tag] == old.get(tag) for tag in ("tower", "kind") if tag in change)
