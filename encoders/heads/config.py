"""Heads that suggest a category and hashtags from a text embedding."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from encoders.config_base import PartConfig

Outvoted = Literal["hashtags", "category"]


class HeadsConfig(PartConfig):
    """A category head of one hidden layer, and a small causal decoder for hashtags, on the text tower's embedding.

    folder: where they are saved; None with a seed: random weights, to start a training from.
    categories: the known ones, in the order of the head's outputs; none: no category is suggested.
    outvoted: what neighbours suggested better for notes kept aside in training: an index asks its notes for it.
    hidden: width of the category head's layer. width, layers, heads: the decoder's shape. max_tokens: the most it
    writes for a note, the end included.
    """

    place: ClassVar[str | None] = "folder"
    folder: str | None = None
    seed: int | None = None
    categories: tuple[str, ...] = ()
    outvoted: tuple[Outvoted, ...] = ()
    hidden: int = Field(512, ge=1)
    width: int = Field(128, ge=8)
    layers: int = Field(2, ge=1)
    heads: int = Field(4, ge=1)
    max_tokens: int = Field(48, ge=4)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.categories)) < len(self.categories) or not all(name.strip() for name in self.categories):
            raise ValueError("categories must be different names, none of them blank")
        if self.width % self.heads:
            raise ValueError(f"width {self.width} is not a multiple of {self.heads} heads")
        return self
