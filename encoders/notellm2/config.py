"""The NoteLLM-2 encoder (arXiv 2405.16789)."""

from pathlib import Path, PurePosixPath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from encoders.config_base import PartConfig
from encoders.vision.config import OpenClipConfig, TimmConfig


class NoteLLM2Config(PartConfig):
    """A causal language model that reads pictures as visual tokens, with late fusion (section 4).

    model, revision, seed, adapter, project, categories, and what is read of a text: as for NoteLLMConfig.
    dim: keep only the first numbers of the embedding (Matryoshka, arXiv 2205.13147).
    vision: the frozen tower whose patches become `visual_tokens` tokens through a resampler of so many layers and of
    resampler_width numbers; None: as wide as a patch (a convolution's 1,280 make it larger than the tower: try 256).
    max_images: a note's first so many pictures are read; the rest is neither decoded nor checked.
    connector: a safetensors file with the resampler, the gate and the projection; None: random, from the seed (or 0).
    """

    place: ClassVar[str | None] = "model"
    kind: Literal["notellm2"] = "notellm2"
    model: str
    vision: Annotated[OpenClipConfig | TimmConfig, Field(discriminator="tower")]
    connector: str | None = None
    revision: str | None = None
    seed: int | None = None
    adapter: str | None = None
    project: int = Field(128, ge=1)
    title_tokens: int = Field(20, ge=1)
    topic_tokens: int = Field(40, ge=1)
    content_tokens: int = Field(80, ge=1)
    visual_tokens: int = Field(16, ge=1)
    resampler_layers: int = Field(6, ge=1)
    resampler_width: int | None = Field(None, ge=8)
    max_images: int = Field(4, ge=1)
    categories: tuple[str, ...] = ()
    dim: int | None = Field(None, ge=4)

    def saved_as(self, name: str) -> Self:
        """Return the configuration of this encoder once it is saved in the subfolder `name` (`.`: the folder itself).

        `model/` holds the language model, `vision/` the tower, `connector.safetensors` what is between and after.
        """
        folder = PurePosixPath(name)
        parts = {
            "model": str(folder / "model"),
            "vision": self.vision.saved_as(str(folder / "vision")),
            "connector": str(folder / "connector.safetensors"),
            # Saved weights are complete: what they were made from no longer decides anything.
            "revision": None,
            "seed": None,
            "adapter": None,
        }
        return self.model_copy(update=parts)

    def located_in(self, folder: Path) -> Self:
        """Return the configuration of a saved encoder with the paths of its parts made absolute."""
        root = folder.resolve()
        return self.model_copy(
            update={
                "model": str(root / self.model),
                "vision": self.vision.located_in(folder),
                "connector": str(root / self.connector) if self.connector else None,
            }
        )
