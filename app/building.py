"""Which index a build goes to, and with which encoder: an existing one, a new one, or the next version of one."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.errors import AppError
from app.opening import BACKENDS, open_note_index
from app.settings import Settings
from encoders.config import EncoderConfig
from index import FaissIndex, IndexNotFound, IndexSchema, MilvusPlace, NoteIndex, create_index
from index.places import backend_of
from index.schema import AttributeType
from retrieval.note_schema import extra_attribute, note_schema

if TYPE_CHECKING:
    from encoders.base import Encoder


@dataclass(frozen=True, slots=True)
class Target:
    """Where a build goes and what it was asked for; encoder and dim are None where none was named."""

    folder: Path
    settings: Settings
    encoder: EncoderConfig | None
    dim: int | None
    schema: IndexSchema
    milvus: MilvusPlace | None
    configured: bool
    """Whether a settings file was given; without one, what stands keeps its own settings."""

    @classmethod
    def of(
        cls,
        folder: Path,
        encoder: str | None,
        dim: int | None,
        settings: Settings,
        configured: bool,
        attributes: list[str],
        backend: str | None,
        uri: str | None,
        name: str,
    ) -> "Target":
        """Make sense of a build's options. Raises AppError, EncodersError, NoteIndexError."""
        from encoders.load import resolve_config

        if backend not in (None, *BACKENDS):
            raise AppError(f"--backend {backend}: expected one of {', '.join(BACKENDS)}")
        if uri is not None and backend != "milvus":
            raise AppError("--uri goes with --backend milvus")
        wanted = resolve_config(encoder, settings.encoder) if encoder else settings.encoder if configured else None
        kinds = {**settings.index.attributes, **dict(map(_attribute, attributes))}
        schema = note_schema(extra_attribute(each, kind) for each, kind in kinds.items())
        milvus = MilvusPlace(uri or "", name, settings.milvus.config()) if backend == "milvus" else None
        return cls(folder, settings, wanted, dim, schema, milvus, configured)


def open_or_create(target: Target) -> "tuple[NoteIndex, Encoder]":
    """Open the index with its own encoder unless another is asked for, which it then refuses; or make it."""
    from retrieval.retriever import index_meta

    settings = target.settings
    try:
        existing = open_note_index(target.folder, settings=settings)
    except IndexNotFound:
        existing = None
    if existing is not None:
        try:
            _refuse_other(target, existing)
            model = _encoder(target, existing)
        except BaseException:
            existing.close()
            raise
        existing.close()
        return open_note_index(target.folder, model.fingerprint, settings), model
    model = _encoder(target)
    created = create_index(
        target.folder,
        dim=model.dim,
        fingerprint=model.fingerprint,
        meta=index_meta(model),
        schema=target.schema,
        config=settings.index.config(),
        milvus=target.milvus,
        access=settings.milvus.access() if target.milvus else None,
    )
    return created, model


def open_staged(target: Target) -> "tuple[FaissIndex, Encoder]":
    """Open the next version of an existing index, to fill while the present one is served.

    What was not asked for, encoder or settings, is that of the present version; attributes are added to its own.
    """
    from index.versions import stage
    from retrieval.retriever import index_meta

    if backend_of(target.folder) != "faiss":
        raise AppError("--rebuild works on an index in its own folder; migrate one from Milvus into a folder first")
    settings = target.settings
    with open_note_index(target.folder) as served:
        model = _encoder(target, served)
        own = {attribute.name: attribute for attribute in served.schema.attributes}
        kept = served.config if isinstance(served, FaissIndex) else settings.index.config()
    schema = replace(
        target.schema,
        attributes=tuple((own | {attribute.name: attribute for attribute in target.schema.attributes}).values()),
    )
    staged = stage(
        target.folder,
        dim=model.dim,
        fingerprint=model.fingerprint,
        meta=index_meta(model),
        schema=schema,
        config=settings.index.config() if target.configured else kept,
    )
    return staged, model


def publish_staged(target: Target, staged: FaissIndex, prune: bool) -> None:
    """Put the staged version in service.

    Raises AppError where notes of the present one would be gone, InvalidVersion.
    """
    from encoders.id_set import IdSet
    from index.versions import publish

    with IdSet() as fresh, open_note_index(target.folder) as served:
        for record in staged.scan(with_vectors=False):
            fresh.add(record.id)
        gone = sum(record.id not in fresh for record in served.scan(with_vectors=False))
    if gone and not prune:
        raise AppError(
            f"{gone:,} notes that are served now are not in this corpus and would be gone: the old version stays in "
            "service. Give --prune with --rebuild if that is meant; what was encoded is kept for the next attempt."
        )
    publish(target.folder, staged, expected=staged.count())


def _encoder(target: Target, index: NoteIndex | None = None) -> "Encoder":
    """Make the encoder that was asked for; what was not is that of the index, else of the settings."""
    from encoders.load import load_encoder, with_dim
    from retrieval.retriever import described_encoder

    settings = target.settings
    run = settings.run.precision, settings.images.limits()
    if index is not None and target.encoder is None:
        encoder = described_encoder(index, *run)
        return encoder if target.dim is None else load_encoder(with_dim(encoder.config, target.dim), *run)
    config = target.encoder or settings.encoder
    return load_encoder(config if target.dim is None else with_dim(config, target.dim), *run)


def _refuse_other(target: Target, existing: NoteIndex) -> None:
    """An existing index keeps its back-end and its attributes."""
    if target.milvus is not None and backend_of(target.folder) != "milvus":
        raise AppError(f"{target.folder} holds a FAISS index: `notelens migrate` copies it into Milvus")
    have = {attribute.name for attribute in existing.schema.attributes}
    missing = [attribute.name for attribute in target.schema.attributes if attribute.name not in have]
    if missing:
        raise AppError(
            f"{target.folder} was built without the attributes {', '.join(missing)}: add --rebuild, which makes a new "
            "version that has them"
        )


def _attribute(text: str) -> tuple[str, AttributeType]:
    name, colon, kind = text.partition(":")
    kinds = [each.value for each in AttributeType]
    if not colon or kind not in kinds:
        raise AppError(f"--attribute {text}: expected NAME:TYPE with one of the types {', '.join(kinds)}")
    return name, AttributeType(kind)
