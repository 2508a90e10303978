"""What a collection holds: its fields, its index, and its description, which is kept in a property.

id        VARCHAR, primary   the record's id, escaped as filter literals are
vector    FLOAT_VECTOR       metric IP
seq       INT64              microseconds since 1970 of the write, each row of a process its own: the insertion order
document  ARRAY of VARCHAR   [content_hash, payload] as JSON text, cut to what a VARCHAR holds
a_<name>                     the schema's attributes, as index/filters/milvus.py stores them
words     VARCHAR            what keyword search reads (where the server has BM25), and
bm25      SPARSE_FLOAT       what the server makes of it
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from index.base import JSON
from index.errors import NoteIndexError, UnsupportedFormat
from index.filters.milvus import SEQUENCE, field_name
from index.milvus.config import MilvusConfig
from index.schema import AttributeType, IndexSchema

if TYPE_CHECKING:
    from pymilvus import CollectionSchema, MilvusClient
    from pymilvus.milvus_client.index import IndexParams

FORMAT: Final = 1
PROPERTY: Final = "notelens"
ID: Final = "id"
VECTOR: Final = "vector"
DOCUMENT: Final = "document"
WORDS: Final = "words"
BM25: Final = "bm25"
VARCHAR_BYTES: Final = 65_535
MOST_ELEMENTS: Final = 4_096
"""Of an array: the server's limit."""
_BM25: Final[dict[str, float]] = {"bm25_k1": 1.2, "bm25_b": 0.75}  # as the other back-ends have them
_OF_REQUESTS = ("batch_rows", "timeout", "attempts", "retry_seconds")  # of the opener, not of the index


@dataclass(frozen=True, slots=True)
class Description:
    """What an index is; equal for every version of it, but for what it was built with."""

    dim: int
    fingerprint: str
    meta: dict[str, JSON]
    schema: IndexSchema
    config: MilvusConfig
    lexical: bool
    created_at: str

    def as_text(self) -> str:
        """The description as the JSON text of the collection's property."""
        kept = {name: value for name, value in asdict(self.config).items() if name not in _OF_REQUESTS}
        return json.dumps(
            {
                "format": FORMAT,
                "dim": self.dim,
                "fingerprint": self.fingerprint,
                "meta": self.meta,
                "schema": self.schema.as_json(),
                "config": kept,
                "lexical": self.lexical,
                "created_at": self.created_at,
            }
        )

    def without_bm25(self) -> Description:
        """The same for a server without BM25."""
        return replace(self, lexical=False)

    @classmethod
    def from_text(cls, text: str, where: str, opener: MilvusConfig) -> Description:
        """Read what as_text() wrote, with the opener's own settings of requests. Raises UnsupportedFormat."""
        try:
            read = json.loads(text)
            if read["format"] != FORMAT:
                raise UnsupportedFormat(
                    f"{where}: its format is {read['format']}, this notelens reads {FORMAT}. "
                    "Upgrade notelens, or build the index again."
                )
            config = MilvusConfig(**read["config"], **{name: getattr(opener, name) for name in _OF_REQUESTS})
            schema = IndexSchema.from_json(read["schema"])
            return cls(
                read["dim"], read["fingerprint"], read["meta"], schema, config, read["lexical"], read["created_at"]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise UnsupportedFormat(
                f"{where}: a collection that notelens did not make, or not with this version. Name another one."
            ) from error


def check_config(config: MilvusConfig, schema: IndexSchema, dim: int, is_lite: bool) -> None:
    """Refuse what this server would take without a word. Raises NoteIndexError."""
    if is_lite and config.index_type == "IVF_PQ":
        raise NoteIndexError("milvus-lite has no IVF_PQ, though it accepts the name. Use IVF_SQ8, HNSW or FLAT.")
    if config.index_type == "IVF_PQ" and dim % config.pq_parts:
        raise NoteIndexError(f"pq_parts is {config.pq_parts}, which does not divide dim {dim}. Choose a divisor.")
    key = config.partition_key
    attribute = None if key is None else schema.attribute(key)
    if key is not None and (attribute is None or attribute.type is not AttributeType.TEXT):
        texts = ", ".join(each.name for each in schema.attributes if each.type is AttributeType.TEXT)
        raise NoteIndexError(f"partition_key is {key!r}, expected one of the text attributes: {texts or 'none here'}.")


def fields(client: MilvusClient, description: Description, is_lite: bool) -> CollectionSchema:
    """The collection's fields; with BM25 where the description says so."""
    from pymilvus import DataType, Function, FunctionType

    made = client.create_schema(auto_id=False, enable_dynamic_field=False)
    made.add_field(ID, DataType.VARCHAR, is_primary=True, max_length=VARCHAR_BYTES)
    made.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=description.dim)
    made.add_field(SEQUENCE, DataType.INT64)
    texts: dict[str, Any] = {"element_type": DataType.VARCHAR, "max_length": VARCHAR_BYTES}
    made.add_field(DOCUMENT, DataType.ARRAY, max_capacity=MOST_ELEMENTS, **texts)
    for attribute in description.schema.attributes:
        name = field_name(attribute.name)
        if attribute.type is AttributeType.TEXTS:
            made.add_field(name, DataType.ARRAY, max_capacity=MOST_ELEMENTS, **texts)
        elif attribute.type is AttributeType.TEXT:
            key = attribute.name == description.config.partition_key
            made.add_field(name, DataType.VARCHAR, max_length=VARCHAR_BYTES, is_partition_key=key)
        else:
            made.add_field(name, DataType.INT8 if attribute.type is AttributeType.BOOL else DataType.INT64)
    if description.lexical:
        made.add_field(
            WORDS,
            DataType.VARCHAR,
            max_length=VARCHAR_BYTES,
            enable_analyzer=True,
            # The words are cut already; milvus-lite knows no "whitespace", and its "standard" keeps our words whole.
            analyzer_params={"tokenizer": "standard" if is_lite else "whitespace"},
        )
        made.add_field(BM25, DataType.SPARSE_FLOAT_VECTOR)
        made.add_function(
            Function(
                name="words_bm25",
                input_field_names=[WORDS],
                output_field_names=[BM25],
                function_type=FunctionType.BM25,
            )
        )
    return made


def indexes(client: MilvusClient, description: Description, is_lite: bool) -> IndexParams:
    """The indexes of the vector fields."""
    made = client.prepare_index_params()
    config = description.config
    parameters: dict[str, tuple[str, str, Mapping[str, float]]] = {
        VECTOR: (config.index_type, "IP", config.build_params())
    }
    if description.lexical:
        parameters[BM25] = ("SPARSE_INVERTED_INDEX", "BM25", _BM25)
    for name, (index_type, metric, params) in parameters.items():
        # pymilvus 3 spreads parameters out, milvus-lite reads them under "params" and drops all others unsaid.
        given = {"params": params} if is_lite else params
        made.add_index(name, index_type=index_type, metric_type=metric, params=given)
    return made
