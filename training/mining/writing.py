"""Pairs as a Parquet file, written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from index.files import is_full, write_atomically
from training.mining.choosing import Chosen
from training.mining.database import Database
from training.mining.errors import MiningError

METADATA_KEY = b"notelens.mining"
ROW_GROUP = 1 << 18


class Shelf:
    """Collects chosen pairs in a table, whatever their number, and writes them in order."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._db.run(
            "CREATE TEMP TABLE chosen (note INTEGER, positive INTEGER, rank INTEGER, score DOUBLE, users INTEGER)"
        )

    def put(self, chosen: Chosen) -> None:
        """Add pairs."""
        import pyarrow as pa

        columns = ("note", "positive", "rank", "score", "users")
        with self._db.lent("batch", pa.table({name: getattr(chosen, name) for name in columns})):
            self._db.run("INSERT INTO chosen BY NAME SELECT * FROM batch")

    def write(self, out: Path, about: dict[str, Any]) -> None:
        """Write all pairs, by note and rank, with JSON about them in the file's metadata. Raises MiningError."""
        import pyarrow as pa
        import pyarrow.parquet

        schema = pa.schema(
            [("note", pa.string()), ("positive", pa.string()), ("score", pa.float64()), ("users", pa.int32())],
            metadata={METADATA_KEY: json.dumps(about, ensure_ascii=False).encode()},
        )

        def write(path: Path) -> None:
            rows = self._db.batches(
                "SELECT n.id AS note, p.id AS positive, c.score, c.users FROM chosen c "
                "JOIN notes n ON n.code = c.note JOIN notes p ON p.code = c.positive ORDER BY n.id, c.rank",
                ROW_GROUP,
            )
            with pyarrow.parquet.ParquetWriter(path, schema) as file:
                for batch in rows:
                    file.write_table(pa.Table.from_batches([batch]).cast(schema))

        try:
            write_atomically(out, write)
        except OSError as error:
            why = "the disk is full" if is_full(error) else error.strerror or error
            raise MiningError(f"{out} cannot be written: {why}") from error


def read_about(path: Path) -> dict[str, Any]:
    """Read what `write` wrote about the pairs: config, bounds, split, counts. Raises MiningError."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise MiningError(f"{path} is no Parquet file: {error}") from error
    if METADATA_KEY not in metadata:
        raise MiningError(f"{path} was not written by `notelens mine`: it does not say how its pairs were made")
    about: dict[str, Any] = json.loads(metadata[METADATA_KEY])
    return about
