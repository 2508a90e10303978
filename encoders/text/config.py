"""Which text tower, and how it reads."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from encoders.config_base import PartConfig


class MiniLMConfig(PartConfig):
    """all-MiniLM-L6-v2; `folder` None means the official files, wherever this machine has them."""

    place: ClassVar[str | None] = "folder"
    tower: Literal["minilm"] = "minilm"
    folder: Path | None = None
    max_tokens: int = Field(256, ge=8, le=512)


class TransformerConfig(PartConfig):
    """Any bidirectional encoder of Hugging Face transformers (MiniLM, XLM-R, bge-m3, ...).

    model: a folder or a hub name; revision: a commit of the hub's.
    seed: random weights in the shape of the model's config.json instead, to start a training from.
    template: `plain` reads the note as sentences, `note` as the fields of NoteLLM's template.
    pooling: the mean of the tokens, the first token, or the token [EMB] itself (with template `note` alone): attention
    goes both ways here, so the state at [EMB] sees what a causal model has to be asked one token earlier for.
    project: a linear layer to so many numbers (random until it is trained); None: the model's own width.
    max_tokens: where a plain text is cut (None: at 256, or the model's positions where those are fewer), and the most
    that template `note` may take.
    title_tokens, content_tokens: where template `note` cuts the title (category and topics too) and the body.
    """

    place: ClassVar[str | None] = "model"
    tower: Literal["transformer"] = "transformer"
    model: str
    revision: str | None = None
    seed: int | None = None
    template: Literal["plain", "note"] = "plain"
    pooling: Literal["mean", "cls", "emb"] = "mean"
    project: int | None = Field(None, ge=1)
    max_tokens: int | None = Field(None, ge=8)
    title_tokens: int = Field(20, ge=1)
    content_tokens: int = Field(80, ge=1)


class OpenClipTextConfig(PartConfig):
    """The text half of a CLIP model, in one space with its image half (see OpenClipConfig for the fields)."""

    place: ClassVar[str | None] = "model"
    tower: Literal["open_clip"] = "open_clip"
    model: str
    weights: str | None = None
    seed: int | None = None
