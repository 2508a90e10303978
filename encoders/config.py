"""What an encoder is made of; saved with it, and stored in every index built with it."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError

from encoders.config_base import PartConfig
from encoders.errors import EncoderError
from encoders.heads.config import HeadsConfig
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm2.config import NoteLLM2Config
from encoders.projection.config import ProjectionConfig
from encoders.sentence_transformer.config import SentenceTransformerConfig, SentenceTransformerTextConfig
from encoders.text.config import MiniLMConfig, OpenClipTextConfig, TransformerConfig
from encoders.vision.config import DescriptorConfig, NoImageConfig, OpenClipConfig, TimmConfig

TextField = Literal["title", "category", "tags", "body"]
TextConfig = Annotated[
    MiniLMConfig | TransformerConfig | SentenceTransformerTextConfig | NoteLLMConfig | OpenClipTextConfig,
    Field(discriminator="tower"),
]
ImageConfig = Annotated[DescriptorConfig | OpenClipConfig | TimmConfig | NoImageConfig, Field(discriminator="tower")]


class TowersConfig(PartConfig):
    """A text tower and an image tower side by side.

    join: `blocks` gives each its own coordinates (see encoders.blocks); `shared` adds their vectors, for two towers
    of one space, such as the halves of a CLIP model, where words find what pictures show.
    image_share: the image's share s of a full note's squared length; .1 is the best of a sweep (EXPERIMENTS.md).
    image_pooling: how several pictures of a note become one vector: their mean, or attention with a learned query,
    which stands in the file image_query (None: not learned yet, which is the mean).
    projection: learnt maps of both towers' vectors, before they are joined.
    text_fields: what the text tower reads, in this order.
    heads: suggest categories and hashtags.
    dim: keep only the first numbers of each block, so many in all (Matryoshka, arXiv 2205.13147).
    """

    kind: Literal["towers"] = "towers"
    text: TextConfig = MiniLMConfig()
    image: ImageConfig = DescriptorConfig()
    join: Literal["blocks", "shared"] = "blocks"
    image_share: float = Field(0.1, gt=0, lt=1)
    image_pooling: Literal["mean", "attention"] = "mean"
    image_query: str | None = None
    projection: ProjectionConfig | None = None
    text_fields: tuple[TextField, ...] = Field(("title", "category", "tags", "body"), min_length=1)
    heads: HeadsConfig | None = None
    dim: int | None = Field(None, ge=4)

    def located_in(self, folder: Path) -> Self:
        """Return the configuration of a saved encoder with the paths of its parts made absolute."""
        parts: dict[str, PartConfig | None] = {}
        for name in ("text", "image", "projection", "heads"):
            part = getattr(self, name)
            parts[name] = part.located_in(folder) if part else None
        query = str(folder.resolve() / self.image_query) if self.image_query else None
        return self.model_copy(update={**parts, "image_query": query})


def _kind(value: Any) -> str:
    return str(value.get("kind", "towers") if isinstance(value, dict) else getattr(value, "kind", "towers"))


EncoderConfig = Annotated[
    Annotated[TowersConfig, Tag("towers")]
    | Annotated[NoteLLM2Config, Tag("notellm2")]
    | Annotated[SentenceTransformerConfig, Tag("sentence_transformer")],
    Discriminator(_kind),
]
_ADAPTER: TypeAdapter[TowersConfig | NoteLLM2Config | SentenceTransformerConfig] = TypeAdapter(EncoderConfig)


def parse_config(value: Any) -> TowersConfig | NoteLLM2Config | SentenceTransformerConfig:
    """Validate JSON or TOML values; raises EncoderError naming the field."""
    try:
        return _ADAPTER.validate_python(value)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'encoder'}: {e['msg']}" for e in error.errors())
        raise EncoderError(f"the encoder configuration is not valid: {faults}") from error
