"""Finding or making an index on a server: what MilvusIndex.create(), open() and stage() begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, NamedTuple

from index.base import JSON
from index.checks import json_text
from index.errors import FingerprintMismatch, NoteIndexError
from index.milvus.config import MilvusAccess, MilvusConfig
from index.milvus.connection import Connection
from index.milvus.layout import Description, check_config
from index.milvus.versions import Versions
from index.schema import IndexSchema

HIGHEST_DIM: Final = 32_768
"""That Milvus takes."""


class Opened(NamedTuple):
    """An index that was reached; `staged` is the number of a version that is not published yet."""

    connection: Connection
    versions: Versions
    description: Description
    staged: int | None = None


def created(
    uri: str,
    name: str,
    dim: int,
    fingerprint: str,
    meta: Mapping[str, JSON],
    schema: IndexSchema,
    config: MilvusConfig,
    access: MilvusAccess,
) -> Opened:
    """A new index; see MilvusIndex.create()."""
    if json_text(dict(meta)) is None:
        raise NoteIndexError("meta is not JSON. Convert its values first.")
    if not 1 <= dim <= HIGHEST_DIM:
        raise NoteIndexError(f"dim is {dim}, expected 1 to {HIGHEST_DIM:,}.")
    connection = Connection(uri, access, config, make=True)
    try:
        check_config(config, schema, dim, connection.is_lite)
        description = Description(dim, fingerprint, dict(meta), schema, config, bool(schema.text), _now())
        versions = Versions(connection, name)
        return Opened(connection, versions, versions.make_published(description))
    except BaseException:
        connection.close()
        raise


def opened(uri: str, name: str, fingerprint: str | None, config: MilvusConfig, access: MilvusAccess) -> Opened:
    """An index that stands; see MilvusIndex.open()."""
    connection = Connection(uri, access, config, make=False)
    try:
        versions = Versions(connection, name)
        versions.published()
        description = versions.describe(name, config)
        if fingerprint is not None and fingerprint != description.fingerprint:
            raise FingerprintMismatch(
                f"{connection.uri}: {name!r} was built with the encoder {description.fingerprint!r}, the one given "
                f"is {fingerprint!r}. Use that encoder, or build an index under another name."
            )
        versions.load(name)
        return Opened(connection, versions, description)
    except BaseException:
        connection.close()
        raise


def staged(of: Opened, config: MilvusConfig) -> Opened:
    """A new, empty version beside the published one; see MilvusIndex.stage()."""
    schema = of.description.schema
    check_config(config, schema, of.description.dim, of.connection.is_lite)
    connection = of.connection.again()
    try:
        versions = Versions(connection, of.versions.name)
        number = max(versions.numbers(), default=0) + 1
        wanted = replace(of.description, config=config, created_at=_now(), lexical=bool(schema.text))
        return Opened(connection, versions, versions.make_fitting(wanted, number), number)
    except BaseException:
        connection.close()
        raise


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
