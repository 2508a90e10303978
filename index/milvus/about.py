"""What info() tells about an index in Milvus; nothing secret is in it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from index.base import JSON, Capabilities
from index.files import bytes_under
from index.milvus.connection import Connection
from index.milvus.layout import Description
from index.milvus.reading import count
from index.milvus.versions import Versions


def about(
    connection: Connection, versions: Versions, collection: str, opened: Description, capabilities: Capabilities
) -> dict[str, JSON]:
    """The index as people and logs want it; of what is published now where `collection` is the alias."""
    description = versions.describe(collection, opened.config)
    config = description.config
    listed = versions.listed(opened.config)
    published = next((version.collection for version in listed if version.published), None)
    return {
        "type": "milvus",
        "rows": count(connection, collection, ""),
        "dim": description.dim,
        "uri": connection.uri,
        "name": versions.name,
        "collection": published if collection == versions.name else collection,
        "server": connection.version,
        "index_type": config.index_type,
        "index_params": dict(config.build_params()),
        "partition_key": config.partition_key,
        "created_at": description.created_at,
        "capabilities": asdict(capabilities),
        "versions": [asdict(version) for version in listed],
        "bytes_on_disk": bytes_under(Path(connection.uri)) if connection.is_lite else None,
    }
