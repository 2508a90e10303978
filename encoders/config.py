"""What a note encoder is made of; saved with it, and stored in every index built with it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from encoders.errors import EncoderError

TextField = Literal["title", "category", "tags", "body"]


class _Config(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MiniLMConfig(_Config):
    """Text tower all-MiniLM-L6-v2; `folder` None means the official files, wherever this machine has them."""

    tower: Literal["minilm"] = "minilm"
    folder: Path | None = None
    max_tokens: int = Field(256, ge=8, le=512)


class DescriptorConfig(_Config):
    """Image tower without weights (see encoders.descriptor)."""

    tower: Literal["descriptor"] = "descriptor"


class OpenClipConfig(_Config):
    """Image tower of open_clip.

    model: an architecture open_clip knows (`ViT-B-32`), or a folder with `open_clip_config.json`.
    weights: a safetensors file, or a pretrained tag of that architecture (needs the hub, or its cache);
    None: `open_clip_model.safetensors` in the model folder.
    seed: random weights instead, to start a training from.
    """

    tower: Literal["open_clip"] = "open_clip"
    model: str
    weights: str | None = None
    seed: int | None = None


class EncoderConfig(_Config):
    """A text tower and an image tower joined by blocks (see encoders.blocks).

    image_share: the image's share s of a full note's squared length; .1 is the best of a sweep (EXPERIMENTS.md).
    text_fields: what the text tower reads, in this order.
    """

    text: MiniLMConfig = MiniLMConfig()
    image: Annotated[DescriptorConfig | OpenClipConfig, Field(discriminator="tower")] = DescriptorConfig()
    image_share: float = Field(0.1, gt=0, lt=1)
    text_fields: tuple[TextField, ...] = Field(("title", "category", "tags", "body"), min_length=1)

    @classmethod
    def parse(cls, value: Any) -> "EncoderConfig":
        """Validate JSON or TOML values; raises EncoderError naming the field."""
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'encoder'}: {e['msg']}" for e in error.errors())
            raise EncoderError(f"the encoder configuration is not valid: {faults}") from error
