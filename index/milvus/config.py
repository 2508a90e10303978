"""What a Milvus index is made with, and how its server is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from index.errors import NoteIndexError

BUILD: Final[dict[str, tuple[str, ...]]] = {
    "FLAT": (),
    "HNSW": ("M", "efConstruction"),
    "IVF_FLAT": ("nlist",),
    "IVF_SQ8": ("nlist",),
    "IVF_PQ": ("nlist", "m", "nbits"),
    "AUTOINDEX": (),
}
"""The index types that may be asked for, with the parameters each is built with."""


@dataclass(frozen=True, slots=True)
class MilvusConfig:
    """How vectors are indexed, rows partitioned, and requests sent; kept with the index, but for the last four.

    Raises NoteIndexError for a value out of its range.
    """

    index_type: str = "HNSW"
    """FLAT (exhaustive), HNSW, IVF_FLAT, IVF_SQ8, IVF_PQ (servers only) or AUTOINDEX (Milvus chooses)."""
    links: int = 16
    """HNSW: links a node (M), 2 to 2,048."""
    ef_construction: int = 200
    """HNSW: candidates while building."""
    ef_search: int = 128
    """HNSW: candidates while searching; raised to what a search asks for."""
    lists: int = 128
    """IVF: clusters, 1 to 65,536."""
    probes: int = 32
    """IVF: clusters that a search visits."""
    pq_parts: int = 8
    """IVF_PQ: parts that a vector is cut into; must divide dim."""
    pq_bits: int = 8
    """IVF_PQ: bits a part."""
    partition_key: str | None = None
    """The text attribute that rows are partitioned by, so that a filter on it reads less."""
    batch_rows: int = 1_000
    """Rows a request at most. One request is stored whole or not at all; a longer upsert is several."""
    timeout: float = 10.0
    """Seconds a request may take."""
    attempts: int = 5
    """Tries, where a server cannot be reached or is too slow; other errors are raised at once."""
    retry_seconds: float = 30.0
    """Time after which no further try starts."""

    def __post_init__(self) -> None:
        if self.index_type not in BUILD:
            raise NoteIndexError(f"index_type is {self.index_type!r}, expected one of {', '.join(BUILD)}.")
        for name, lowest, highest in (
            ("links", 2, 2048),
            ("ef_construction", 1, 65_536),
            ("ef_search", 1, 32_768),
            ("lists", 1, 65_536),
            ("probes", 1, 65_536),
            ("pq_parts", 1, 32_768),
            ("pq_bits", 1, 16),
            ("batch_rows", 1, 16_384),
            ("attempts", 1, 100),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
                raise NoteIndexError(f"{name} is {value!r}, expected a whole number from {lowest:,} to {highest:,}.")
        for name in ("timeout", "retry_seconds"):
            if not getattr(self, name) > 0:
                raise NoteIndexError(f"{name} is {getattr(self, name)!r}, expected seconds, more than 0.")

    def build_params(self) -> dict[str, int]:
        """The index's parameters, under Milvus' names."""
        known = {
            "M": self.links,
            "efConstruction": self.ef_construction,
            "nlist": self.lists,
            "m": self.pq_parts,
            "nbits": self.pq_bits,
        }
        return {name: known[name] for name in BUILD[self.index_type]}

    def search_params(self, limit: int) -> dict[str, int]:
        """The parameters of a search for `limit` rows, under Milvus' names."""
        # Both, because a version of another index type may be published while this index is open.
        return {"ef": max(self.ef_search, limit), "nprobe": self.probes}


@dataclass(frozen=True, slots=True)
class MilvusAccess:
    """How a server lets us in. The token never shows: not in repr, info() or a message."""

    token: str = field(default="", repr=False)
    """`user:password` or an API key."""
    database: str = ""
    """Empty for the server's default one."""
    ca_file: str = ""
    """PEM of the authority that signed the server's certificate; empty for the system's own."""
    certificate_file: str = ""
    """PEM of the client's certificate, where the server asks for one; goes with key_file and ca_file."""
    key_file: str = ""
    server_name: str = ""
    """The name in the server's certificate, where it is not the host's."""

    def __post_init__(self) -> None:
        given = [bool(each) for each in (self.certificate_file, self.key_file, self.ca_file)]
        if any(given[:2]) and not all(given):
            raise NoteIndexError(
                "a client's certificate needs certificate_file, key_file and ca_file, all three. "
                "Give the missing ones, or ca_file alone where the server asks for no certificate."
            )

    def tls_options(self) -> dict[str, str]:
        """The files and the name, under pymilvus' names; it ignores `ca_pem_path` where it stands alone."""
        if self.certificate_file:
            options = {
                "ca_pem_path": self.ca_file,
                "client_pem_path": self.certificate_file,
                "client_key_path": self.key_file,
            }
        else:
            options = {"server_pem_path": self.ca_file}
        return {name: value for name, value in (options | {"server_name": self.server_name}).items() if value}
