"""From what a user names an encoder by, to the encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.config import EncoderConfig, OpenClipConfig
from encoders.errors import EncoderError
from encoders.images import ImageLimits

if TYPE_CHECKING:
    from encoders.device import Precision
    from encoders.note_encoder import NoteEncoder


def resolve_config(spec: str, base: EncoderConfig = EncoderConfig()) -> EncoderConfig:
    """Turn a name into a configuration: `minilm`, `open_clip:MODEL[:WEIGHTS]`, or an encoder folder.

    base: what the name does not decide (shares, fields). Raises EncoderError listing the choices.
    """
    if spec == "minilm":
        return base
    if spec.startswith("open_clip:"):
        model, _, weights = spec.removeprefix("open_clip:").partition(":")
        image = OpenClipConfig(
            model=_absolute(model, Path(model).is_dir()),
            weights=_absolute(weights, Path(weights).is_file()) if weights else None,
        )
        return base.model_copy(update={"image": image})
    if Path(spec).is_dir():
        from encoders.folder import read_config

        return read_config(Path(spec))
    raise EncoderError(
        f"no encoder {spec!r}: wanted minilm (default), open_clip:MODEL:WEIGHTS "
        "(e.g. open_clip:ViT-B-32:laion2b_s34b_b79k or a .safetensors file), or an encoder folder"
    )


def _absolute(name: str, is_path: bool) -> str:
    """Make a path absolute: an index keeps it, and is opened from other folders too."""
    return str(Path(name).resolve()) if is_path else name


def load_encoder(
    config: EncoderConfig | Mapping[str, Any],
    precision: "Precision" = "auto",
    limits: ImageLimits = ImageLimits(),
) -> "NoteEncoder":
    """Make the encoder of a configuration, or of its JSON as an index stores it."""
    from encoders.note_encoder import NoteEncoder

    if not isinstance(config, EncoderConfig):
        config = EncoderConfig.parse(config)
    return NoteEncoder(config, precision, limits)
