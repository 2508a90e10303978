"""Meetings made ready for pairs: N_u, the cap, and how much each note was met in all."""

from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from training.mining.database import Database
from training.mining.report import MiningReport

# Sums are counted in whole units of 1/UNIT, so that neither their order nor the slices they come in change one; shares
# 1/N_u of people with up to 30 notes, and many others, are exact, so equal sums tie.
UNIT = lcm(*range(1, 31))


@dataclass(frozen=True, slots=True)
class Masses:
    """n_A and n_B (config.py) of N notes by code, float64 [N] each, in units."""

    view: NDArray[np.float64]
    click: NDArray[np.float64]


def make_met(db: Database, max_notes: int) -> None:
    """Make the temporary table `met`: meetings that the cap leaves, each with its user's N_u as n."""
    if not max_notes:
        capped, latest = "FALSE", ""
    else:
        capped = f"p.met > {max_notes:d}"
        latest = f"""
            UNION ALL
            SELECT * EXCLUDE (place) FROM (
                SELECT m.*, p.n, row_number() OVER (
                    PARTITION BY m."user"
                    ORDER BY least(coalesce(m.viewed, m.clicked), coalesce(m.clicked, m.viewed)) DESC, t.id
                ) AS place
                FROM meetings m JOIN per_user p USING ("user") JOIN notes t ON t.code = m.note WHERE {capped}
            ) WHERE place <= {max_notes:d}
        """  # noqa: S608 - a number
    db.run(
        f"""
        CREATE TEMP TABLE met AS
        WITH per_user AS (SELECT "user", count(clicked) AS n, count(*) AS met FROM meetings GROUP BY "user")
        SELECT m.*, p.n FROM meetings m JOIN per_user p USING ("user") WHERE NOT ({capped}) {latest}
        """  # noqa: S608 - own names and a number
    )


def count_all(db: Database, max_notes: int, report: MiningReport) -> None:
    """Count users, notes and meetings, and the users whom the cap touches, in the report."""
    report.users, report.meetings, report.capped = db.one(
        """
        SELECT count(*), coalesce(sum(met), 0)::BIGINT, count(*) FILTER (? > 0 AND met > ?)
        FROM (SELECT count(*) AS met FROM meetings GROUP BY "user")
        """,
        [max_notes, max_notes],
    )
    (report.notes,) = db.one("SELECT count(DISTINCT note) FROM meetings")


def masses(db: Database) -> Masses:
    """Sum the table `met` by note."""
    (notes,) = db.one("SELECT count(*) FROM notes")
    found = []
    for time, weight in (("viewed", "view_weight"), ("clicked", "click_weight")):
        rows = db.columns(
            f"""
            SELECT note, sum(CAST(floor({weight} * {weight} * {UNIT} / n + 0.5) AS BIGINT))::DOUBLE AS mass
            FROM met WHERE {time} IS NOT NULL AND n > 0 GROUP BY note
            """  # noqa: S608 - own names and a number
        )
        mass = np.zeros(notes)
        mass[rows["note"]] = rows["mass"]
        found.append(mass)
    return Masses(*found)
