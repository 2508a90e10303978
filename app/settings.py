"""Settings: the only place that reads configuration files and the environment.

A TOML file given by `--config`, or named by NOTELENS_CONFIG, may set:

    [encoder]                       see encoders.config.EncoderConfig
    image_share = 0.1
    [encoder.image]
    tower = "open_clip"
    model = "ViT-B-32"
    weights = "/models/vit-b-32.safetensors"

    [run]
    precision = "auto"              # or float32, bfloat16

    [images]
    max_pixels = 50000000
    max_bytes = 67108864

    [index]
    kind = "auto"                   # or flat, hnsw
"""

import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import AppError
from encoders.config import EncoderConfig
from encoders.images import ImageLimits


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSettings(_Section):
    """How to compute; none of it changes what an index means."""

    precision: Literal["auto", "float32", "bfloat16"] = "auto"


class ImageSettings(_Section):
    """What a picture may cost."""

    max_pixels: int = Field(ImageLimits().max_pixels, gt=0)
    max_bytes: int = Field(ImageLimits().max_bytes, gt=0)

    def limits(self) -> ImageLimits:
        """Return the limits the readers take."""
        return ImageLimits(self.max_bytes, self.max_pixels)


class IndexSettings(_Section):
    """Which index to build."""

    kind: Literal["auto", "flat", "hnsw"] = "auto"


class Settings(_Section):
    """All settings, with their defaults."""

    encoder: EncoderConfig = EncoderConfig()
    run: RunSettings = RunSettings()
    images: ImageSettings = ImageSettings()
    index: IndexSettings = IndexSettings()


def load_settings(path: Path | None = None) -> Settings:
    """Read a TOML file, or the one NOTELENS_CONFIG names, or take the defaults; raises AppError."""
    named = path or os.environ.get("NOTELENS_CONFIG")
    if named is None:
        return Settings()
    path = Path(named)
    try:
        value: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return Settings.model_validate(value)
    except OSError as error:
        raise AppError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AppError(f"the configuration {path} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AppError(f"the configuration {path} is not valid: {faults}") from error
