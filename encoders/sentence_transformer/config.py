"""Models of sentence-transformers, as a text tower or, where they read pictures, as a whole encoder."""

from typing import ClassVar, Literal

from pydantic import Field

from encoders.config_base import PartConfig


class SentenceTransformerTextConfig(PartConfig):
    """Text tower: a sentence-transformers model by folder or hub name; revision: a commit of the hub's."""

    place: ClassVar[str | None] = "model"
    tower: Literal["sentence_transformer"] = "sentence_transformer"
    model: str
    revision: str | None = None
    max_tokens: int | None = Field(None, ge=8)


class SentenceTransformerConfig(PartConfig):
    """Encoder: a multimodal sentence-transformers model that reads text and pictures into one space.

    dim: keep only the first numbers of a vector (Matryoshka, arXiv 2205.13147).
    image_share: the weight of the pictures against the text where the model cannot read both at once.
    """

    place: ClassVar[str | None] = "model"
    kind: Literal["sentence_transformer"] = "sentence_transformer"
    model: str
    revision: str | None = None
    image_share: float = Field(0.5, gt=0, lt=1)
    dim: int | None = Field(None, ge=4)
