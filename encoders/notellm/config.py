"""The NoteLLM text tower (arXiv 2403.01744)."""

from typing import ClassVar, Literal

from pydantic import Field

from encoders.config_base import PartConfig


class NoteLLMConfig(PartConfig):
    """A causal language model that compresses a note into one word.

    model: a folder, a hub name, or `tiny`, a small random shape with the stock tokenizer (to try, or to train).
    revision: a commit of the hub's. seed: random weights in the shape of the model's config.json.
    adapter: a peft folder (LoRA), merged when loaded.
    project: a linear layer to so many numbers, the embedding.
    title_tokens, topic_tokens, content_tokens: what is read of title, hashtags and body (section 4.1).
    categories: the known ones, to which generated categories are constrained.
    """

    place: ClassVar[str | None] = "model"
    tower: Literal["notellm"] = "notellm"
    model: str
    revision: str | None = None
    seed: int | None = None
    adapter: str | None = None
    project: int = Field(128, ge=1)
    title_tokens: int = Field(20, ge=1)
    topic_tokens: int = Field(40, ge=1)
    content_tokens: int = Field(80, ge=1)
    categories: tuple[str, ...] = ()
