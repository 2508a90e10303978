"""Settings: the only place that reads configuration files and the environment.

A TOML file given by `--config`, or named by NOTELENS_CONFIG, may set:

    [encoder]                       see encoders.config; `kind` is towers unless given
    image_share = 0.1
    [encoder.image]
    tower = "open_clip"
    model = "ViT-B-32"
    weights = "/models/vit-b-32.safetensors"

    [run]
    precision = "auto"              # or float32, bfloat16, int8 (CPUs with VNNI)

    [images]
    max_pixels = 50000000
    max_bytes = 67108864

    [index]                         see index.dense.config.FaissConfig
    kind = "auto"                   # or flat, hnsw, ivf_sq8, ivf_pq, ivf_rabitq
    target_recall = 0.95
    storage = "float32"             # or float16, int8
    memory_budget = 2000000000      # bytes the derived vectors may take

    [index.attributes]              columns of the corpus that queries may filter by, beside the notes' own
    price = "number"                # or text, texts, time, bool

    [milvus]                        see index.milvus.MilvusConfig
    index_type = "HNSW"

NOTELENS_MILVUS_TOKEN is the token of a Milvus server; it is kept nowhere.
"""

import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import AppError
from encoders.config import EncoderConfig, TowersConfig
from encoders.images import ImageLimits
from index.dense.config import Device, FaissConfig, KindChoice, Storage
from index.errors import NoteIndexError
from index.schema import AttributeType

if TYPE_CHECKING:
    from index.milvus import MilvusAccess, MilvusConfig


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunSettings(_Section):
    """How to compute; none of it changes what an index means."""

    precision: Literal["auto", "float32", "bfloat16", "int8"] = "auto"


class ImageSettings(_Section):
    """What a picture may cost."""

    max_pixels: int = Field(ImageLimits().max_pixels, gt=0)
    max_bytes: int = Field(ImageLimits().max_bytes, gt=0)

    def limits(self) -> ImageLimits:
        """Return the limits the readers take."""
        return ImageLimits(self.max_bytes, self.max_pixels)


class IndexSettings(_Section):
    """Which index to build; see FaissConfig for what each setting means."""

    kind: KindChoice = "auto"
    target_recall: float = FaissConfig().target_recall
    storage: Storage = "float32"
    truncate: int | None = None
    memory_budget: int | None = None
    device: Device = "cpu"
    m: int = FaissConfig().m
    ef_construction: int = FaissConfig().ef_construction
    nlist: int | None = None
    attributes: dict[str, AttributeType] = {}

    def config(self) -> FaissConfig:
        """Return the settings the FAISS back-end takes. Raises AppError."""
        try:
            return FaissConfig(**self.model_dump(exclude={"attributes"}))
        except NoteIndexError as error:
            raise AppError(str(error)) from error


class MilvusSettings(_Section):
    """How Milvus indexes the vectors, and how its server is reached."""

    index_type: str = "HNSW"
    links: int = 16
    ef_construction: int = 200
    ef_search: int = 128
    lists: int = 128
    probes: int = 32
    partition_key: str | None = None
    database: str = ""
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    server_name: str = ""

    def config(self) -> "MilvusConfig":
        """Return the settings the Milvus back-end takes. Raises NoteIndexError."""
        from index.milvus import MilvusConfig

        access = {"database", "ca_file", "certificate_file", "key_file", "server_name"}
        return MilvusConfig(**self.model_dump(exclude=access))

    def access(self) -> "MilvusAccess":
        """Return how a server lets us in, with the token that the environment holds."""
        from index.milvus import MilvusAccess

        return MilvusAccess(
            token=os.environ.get("NOTELENS_MILVUS_TOKEN", ""),
            database=self.database,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
            server_name=self.server_name,
        )


class Settings(_Section):
    """All settings, with their defaults."""

    encoder: EncoderConfig = TowersConfig()
    run: RunSettings = RunSettings()
    images: ImageSettings = ImageSettings()
    index: IndexSettings = IndexSettings()
    milvus: MilvusSettings = MilvusSettings()


def load_settings(path: Path | None = None) -> Settings:
    """Read a TOML file, or the one NOTELENS_CONFIG names, or take the defaults; raises AppError."""
    named = path or os.environ.get("NOTELENS_CONFIG")
    if named is None:
        return Settings()
    path = Path(named)
    try:
        value: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        settings = Settings.model_validate(value)
        return settings.model_copy(update={"encoder": settings.encoder.absolute()})
    except OSError as error:
        raise AppError(f"the configuration {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AppError(f"the configuration {path} is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AppError(f"the configuration {path} is not valid: {faults}") from error
