"""From what a user names an encoder by, to the encoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from encoders.config import EncoderConfig, TowersConfig, parse_config
from encoders.config_base import PartConfig
from encoders.errors import EncoderError
from encoders.images import ImageLimits
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm2.config import NoteLLM2Config
from encoders.sentence_transformer.config import SentenceTransformerConfig, SentenceTransformerTextConfig
from encoders.text.config import MiniLMConfig, OpenClipTextConfig, TransformerConfig
from encoders.vision.config import OpenClipConfig, TimmConfig

if TYPE_CHECKING:
    from encoders.base import Encoder
    from encoders.device import Precision

CHOICES = (
    "minilm (default); minilm with other pictures: open_clip:MODEL:WEIGHTS, timm:MODEL:WEIGHTS; "
    "text and pictures in one space: clip:MODEL:WEIGHTS; another text: transformer:MODEL, notellm:MODEL, "
    "st:MODEL (sentence-transformers); one language model for both: notellm2:MODEL+open_clip:MODEL:WEIGHTS; "
    "or an encoder folder. MODEL is a folder or a name, WEIGHTS a .safetensors file, "
    "a tag, or for timm the .npz of a TFLite MobileNetV2; "
    "notellm:tiny and notellm2:tiny have random weights"
)


def resolve_config(spec: str, base: EncoderConfig = TowersConfig()) -> EncoderConfig:
    """Turn a name into a configuration; CHOICES lists the names.

    base: what the name does not decide (shares, fields). Raises EncoderError listing the choices.
    """
    base = base if isinstance(base, TowersConfig) else TowersConfig()
    if Path(spec).is_dir():
        from encoders.folder import read_config

        return read_config(Path(spec))
    kind, _, rest = spec.partition(":")
    parts: dict[str, PartConfig]
    if spec == "minilm":
        parts = {"text": MiniLMConfig()}
    elif not rest:
        raise EncoderError(f"no encoder {spec!r}: wanted {CHOICES}")
    elif kind in ("open_clip", "timm"):
        parts = {"image": _image(spec)}
    elif kind == "clip":
        image = _open_clip(rest)
        text = OpenClipTextConfig(model=image.model, weights=image.weights)
        return base.model_copy(update={"text": text, "image": image, "join": "shared", "image_share": 0.5})
    elif kind == "transformer":
        parts = {"text": TransformerConfig(model=_place(rest))}
    elif kind == "notellm":
        parts = {"text": NoteLLMConfig(model=_place(rest))}
    elif kind == "notellm2":
        model, _, vision = rest.partition("+")
        return NoteLLM2Config(model=_place(model), vision=_image(vision) if vision else _tiny_vision())
    elif kind == "st":
        from encoders.sentence_transformer.models import reads_pictures

        if reads_pictures(_place(rest)):
            return SentenceTransformerConfig(model=_place(rest))
        parts = {"text": SentenceTransformerTextConfig(model=_place(rest))}
    else:
        raise EncoderError(f"no encoder {spec!r}: wanted {CHOICES}")
    return base.model_copy(update=parts)


def with_dim(config: PartConfig, dim: int) -> EncoderConfig:
    """Return the configuration of the same encoder cut to its first `dim` numbers (arXiv 2205.13147)."""
    return parse_config(config.model_dump() | {"dim": dim})


def _image(spec: str) -> OpenClipConfig | TimmConfig:
    kind, _, rest = spec.partition(":")
    if kind == "open_clip" and rest:
        return _open_clip(rest)
    if kind == "timm" and rest:
        model, _, weights = rest.partition(":")
        return TimmConfig(model=_place(model), weights=_place(weights) if weights else None)
    raise EncoderError(f"no image tower {spec!r}: wanted open_clip:MODEL:WEIGHTS or timm:MODEL:WEIGHTS")


def _open_clip(rest: str) -> OpenClipConfig:
    model, _, weights = rest.partition(":")
    return OpenClipConfig(model=_place(model), weights=_place(weights) if weights else None)


def _tiny_vision() -> OpenClipConfig:
    return OpenClipConfig(model="tiny", seed=0)


def _place(name: str) -> str:
    """Make a path absolute: an index keeps it, and is opened from other folders too."""
    return str(Path(name).resolve()) if Path(name).exists() else name


def load_encoder(
    config: EncoderConfig | Mapping[str, Any],
    precision: "Precision" = "auto",
    limits: ImageLimits = ImageLimits(),
) -> "Encoder":
    """Make the encoder of a configuration, or of its JSON as an index stores it. Raises EncoderError."""
    if not isinstance(config, PartConfig):
        config = parse_config(config)
    match config.kind:
        case "towers":
            from encoders.note_encoder import NoteEncoder

            return NoteEncoder(config, precision, limits)
        case "notellm2":
            from encoders.notellm2.encoder import NoteLLM2

            return NoteLLM2(config, precision, limits)
        case "sentence_transformer":
            from encoders.sentence_transformer.encoder import SentenceTransformerEncoder

            return SentenceTransformerEncoder(config, precision, limits)


def from_pretrained(
    folder: Path | str,
    precision: "Precision" = "auto",
    limits: ImageLimits = ImageLimits(),
    dim: int | None = None,
) -> "Encoder":
    """Open a folder that `save_pretrained` wrote; raises EncoderError where a file is missing or changed.

    dim: keep only so many numbers of a vector (Matryoshka, arXiv 2205.13147).
    """
    from encoders.folder import read_config

    config = read_config(Path(folder))
    return load_encoder(config if dim is None else with_dim(config, dim), precision, limits)
