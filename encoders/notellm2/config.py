"""The NoteLLM-2 encoder (arXiv 2405.16789)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from encoders.config_base import PartConfig
from encoders.vision.config import OpenClipConfig, TimmConfig


class NoteLLM2Config(PartConfig):
    """A causal language model that reads pictures as visual tokens, with late fusion (section 4).

    model, revision, seed, adapter, project, title_tokens, content_tokens, categories: as for NoteLLMConfig.
    dim: keep only the first numbers of the embedding (Matryoshka, arXiv 2205.13147).
    vision: the frozen tower whose patches become `visual_tokens` tokens through a resampler of so many layers.
    """

    place: ClassVar[str | None] = "model"
    kind: Literal["notellm2"] = "notellm2"
    model: str
    vision: Annotated[OpenClipConfig | TimmConfig, Field(discriminator="tower")]
    revision: str | None = None
    seed: int | None = None
    adapter: str | None = None
    project: int = Field(128, ge=1)
    title_tokens: int = Field(20, ge=1)
    content_tokens: int = Field(80, ge=1)
    visual_tokens: int = Field(16, ge=1)
    resampler_layers: int = Field(6, ge=1)
    categories: tuple[str, ...] = ()
    dim: int | None = Field(None, ge=4)
