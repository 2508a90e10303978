"""The log of who met what, as tables of a database: ids as codes, several events with one note as one meeting."""

from typing import Any

import numpy as np

from training.mining.database import Database
from training.mining.held import Held
from training.mining.report import MiningReport

# A meeting has a time and a weight on either side, null where there was none; in `together` both sides are the same.
SCHEMA = """
CREATE TABLE IF NOT EXISTS users (code INTEGER, id VARCHAR, held BOOLEAN);
CREATE TABLE IF NOT EXISTS notes (code INTEGER, id VARCHAR, held BOOLEAN);
CREATE TABLE IF NOT EXISTS meetings (
    "user" INTEGER, note INTEGER, viewed BIGINT, clicked BIGINT, view_weight DOUBLE, click_weight DOUBLE
);
CREATE TEMP TABLE events (
    "user" INTEGER, note INTEGER, time BIGINT, weight DOUBLE, viewed BOOLEAN, clicked BOOLEAN
);
"""
FRESH = """
SELECT "user", note,
    min(time) FILTER (viewed) AS viewed, min(time) FILTER (clicked) AS clicked,
    max(weight) FILTER (viewed) AS view_weight, max(weight) FILTER (clicked) AS click_weight
FROM events GROUP BY "user", note
"""
MERGED = """
SELECT "user", note, min(viewed) AS viewed, min(clicked) AS clicked,
    max(view_weight) AS view_weight, max(click_weight) AS click_weight
FROM (SELECT * FROM meetings SEMI JOIN touched USING ("user") UNION ALL BY NAME SELECT * FROM fresh)
GROUP BY "user", note
"""


class Log:
    """Takes events in, chunk by chunk, and makes meetings of them."""

    def __init__(self, db: Database, held: Held, report: MiningReport) -> None:
        self._db, self._held, self._report = db, held, report
        for statement in SCHEMA.split(";"):
            if statement.strip():
                db.run(statement)

    def take(self, chunk: Any) -> None:
        """Take events of an Arrow table, as reading.py makes them; those of users or notes held out are but counted."""
        with self._db.lent("chunk", chunk):
            self._take()

    def _take(self) -> None:
        for table, column in (("users", "user"), ("notes", "note")):
            self._enter(table, column)
        used, held_notes, held_users = self._db.one(
            """
            SELECT count(*) FILTER (NOT n.held AND NOT u.held), count(*) FILTER (n.held),
                count(*) FILTER (u.held AND NOT n.held)
            FROM chunk c JOIN users u ON u.id = c."user" JOIN notes n ON n.id = c.note
            """
        )
        self._report.used += used
        self._report.held_out_notes += held_notes
        self._report.held_out_users += held_users
        self._db.run(
            """
            INSERT INTO events SELECT u.code, n.code, c.time, c.weight, c.viewed, c.clicked
            FROM chunk c JOIN users u ON u.id = c."user" JOIN notes n ON n.id = c.note
            WHERE NOT u.held AND NOT n.held
            """
        )

    def _enter(self, table: str, column: str) -> None:
        """Give a code to every id of the chunk that has none."""
        import pyarrow as pa

        found = self._db.table(
            f'SELECT DISTINCT c."{column}" AS id FROM chunk c ANTI JOIN {table} t ON t.id = c."{column}"'  # noqa: S608 - own names
        )
        if not found.num_rows:
            return
        ids = found["id"].to_pylist()
        held = self._held.users(ids) if table == "users" else self._held.notes(ids)
        (known,) = self._db.one(f"SELECT count(*) FROM {table}")  # noqa: S608 - own names
        codes = np.arange(known, known + len(ids), dtype=np.int32)
        with self._db.lent("newcomers", pa.table({"code": codes, "id": found["id"], "held": held})):
            self._db.run(f"INSERT INTO {table} SELECT code, id, held FROM newcomers")  # noqa: S608 - own names

    def merge(self) -> None:
        """Bring the events taken into `meetings`, whose users may have met the same notes before."""
        self._db.run(f"CREATE TEMP TABLE fresh AS {FRESH}")
        self._db.run("DROP TABLE events")
        if self._db.one("SELECT count(*) FROM meetings") == (0,):
            self._db.run("INSERT INTO meetings BY NAME SELECT * FROM fresh")
        else:
            self._db.run('CREATE TEMP TABLE touched AS SELECT DISTINCT "user" FROM fresh')
            self._db.run(f"CREATE TEMP TABLE merged AS {MERGED}")
            self._db.run('DELETE FROM meetings WHERE "user" IN (SELECT "user" FROM touched)')
            self._db.run("INSERT INTO meetings BY NAME SELECT * FROM merged")
            self._db.run("DROP TABLE merged")
        self._db.run("DROP TABLE fresh")
