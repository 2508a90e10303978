"""Notes in Milvus: milvus-lite in a folder of this machine, or a server; one class, `MilvusIndex`.

Reading order: config.py, layout.py (what a collection holds), rows.py, connection.py, reading.py, neighbours.py,
versions.py, index.py. Filters are compiled by index/filters/milvus.py. pymilvus is imported on the first connection.
"""

from __future__ import annotations

from index.milvus.config import MilvusAccess, MilvusConfig
from index.milvus.index import MilvusIndex
from index.milvus.versions import Version

__all__ = ["MilvusAccess", "MilvusConfig", "MilvusIndex", "Version"]
