"""Time, memory and disk of mining as the log grows, as a command.

    python benchmarks/mining.py [--events 2 5 10 20] [--threads 2] [--memory 4] [--out FILE.json] [--engines] [--days]

A made-up log: a million users and 200,000 notes for 20 million events, power laws on both sides (activity: Pareto
1.5; popularity: rank to the −0.8), 30 days, ids as text, in order of time. Each size is mined in a child, so that
its peak memory is its own; disk is the most that the run's folder came to. --engines compares, on the first size, the
heavy step (pairs within a week, added up) in duckdb, polars and as it is done here. --days folds the last of 30 days
into the others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from time import sleep
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

DAY, DAYS, START = 86_400, 30, 1_700_000_000
CHUNK = 1_000_000
# Prints what a child took: its peak memory would otherwise hold that of the sizes before.
CHILD = """
import json, resource, sys
from pathlib import Path
from time import perf_counter
from training.mining.database import Resources
from training.mining.mine import Task, mine
class Stages:
    def __init__(self): self.seconds, self.title, self.begun = {}, "read", perf_counter()
    def restart(self, title, total): self.end(); self.title, self.begun = title, perf_counter()
    def advance(self, count): pass
    def end(self): self.seconds[self.title] = perf_counter() - self.begun
file, out, memory, threads, *state = sys.argv[1:]
started, stages, limits = perf_counter(), Stages(), Resources(float(memory), int(threads))
mined = mine(Task(Path(file)), Path(out), Path(state[0]) if state else None, limits, stages)
stages.end()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
took = {"seconds": perf_counter() - started, "peak GiB": peak, "stages": stages.seconds}
print(json.dumps(took | mined.report.as_json()))
"""
MET = """
CREATE TABLE met AS SELECT "user", note, time, n, CAST(281474976710656 / n AS BIGINT) AS share FROM (
    SELECT *, count(*) OVER (PARTITION BY "user") AS n,
        row_number() OVER (PARTITION BY "user" ORDER BY time DESC) AS place
    FROM (SELECT user_id AS "user", note_id AS note, min(timestamp) AS time FROM read_parquet(?) GROUP BY ALL)
) WHERE place <= 500
"""
DUCKDB = f"""
SELECT count(*), sum(users) FROM (
    SELECT x.note, y.note AS positive, sum(x.share) AS total, count(*) AS users
    FROM met x JOIN met y ON x."user" = y."user"
    WHERE x.note <> y.note AND y.time > x.time AND y.time - x.time <= {7 * DAY} GROUP BY x.note, y.note
)
"""


def main() -> None:
    """Run, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=float, nargs="+", default=[2, 5, 10, 20], help="Millions.")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", type=float, default=4.0)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/mining.json"))
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--days", action="store_true")
    args = parser.parse_args()
    runs: list[dict[str, Any]] = []
    engines: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for millions in args.events:
            file = make_log(folder / "log.parquet", round(millions * 1e6))
            runs.append({"events": millions * 1e6, "load": os.getloadavg()[0], **mined(file, folder, args)})
        if args.days:
            runs += by_day(folder, round(args.events[0] * 1e6), args)
        if args.engines:
            engines = compared(make_log(folder / "log.parquet", round(args.events[0] * 1e6)), folder, args)
    show(runs, engines, args)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps({"runs": runs, "engines": engines, "threads": args.threads}, indent=2))


def make_log(path: Path, events: int, days: range = range(DAYS)) -> Path:
    """Write a log, the same for the same number of events; of some of its days only."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    users, notes = max(1, events // 20), max(1, events // 100)
    activity = rng.pareto(1.5, users) + 1
    popularity = np.cumsum(np.arange(1, notes + 1) ** -0.8)
    user = np.repeat(np.arange(users), rng.multinomial(events, activity / activity.sum()))
    note = rng.permutation(notes)[np.searchsorted(popularity / popularity[-1], rng.random(events)).clip(max=notes - 1)]
    time = START + rng.integers(0, DAYS * DAY, events)
    order = np.argsort(time, kind="stable")
    first, last = np.searchsorted(time[order], [START + days.start * DAY, START + days.stop * DAY])
    order = order[first:last]
    columns = {"user_id": ("user-", user), "note_id": ("note-", note)}
    schema = pa.schema([("user_id", pa.string()), ("note_id", pa.string()), ("timestamp", pa.int64())])
    with pq.ParquetWriter(path, schema) as file:
        for start in range(0, len(order), CHUNK):
            part = order[start : start + CHUNK]
            texts = [pa.array(np.char.add(prefix, codes[part].astype(str))) for prefix, codes in columns.values()]
            file.write_table(pa.table([*texts, pa.array(time[part])], schema=schema))
    return path


def mined(file: Path, folder: Path, args: argparse.Namespace, *state: Path) -> dict[str, Any]:
    """Mine one log in a child, and watch its folder."""
    out = folder / "pairs.parquet"
    command = [sys.executable, "-c", CHILD, str(file), str(out), str(args.memory), str(args.threads), *map(str, state)]
    most, ended = [0], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            most[0] = max(most[0], used(out.with_name(f"{out.name}.mining")))
            sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    finally:
        ended.set()
        watcher.join()
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"disk GiB": most[0] / 2**30, "pairs MB": out.stat().st_size / 1e6}


def used(folder: Path) -> int:
    """Bytes on disk under a folder, files that vanish meanwhile left out."""
    from index.files import bytes_under

    return bytes_under(folder) if folder.exists() else 0


def by_day(folder: Path, events: int, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Fold 29 days at once, then the last one."""
    found = []
    for title, days in (("29 days into a new folder", range(DAYS - 1)), ("one day more", range(DAYS - 1, DAYS))):
        file = make_log(folder / "log.parquet", events, days)
        run = mined(file, folder, args, folder / "state")
        found.append(
            {"events": title, "load": os.getloadavg()[0], **run} | {"state GiB": used(folder / "state") / 2**30}
        )
    return found


# Each is given the table `met`, and leaves the number of pairs, and of the events behind them, in `found`.
ENGINES = {
    "duckdb": f"""
begun = perf_counter()
found = db.execute({DUCKDB!r}).fetchall()[0]
""",
    "polars": f"""
import polars as pl
met = pl.from_arrow(db.sql("FROM met").to_arrow_table()).lazy()
begun = perf_counter()
other, apart = met.select("user", positive="note", later="time"), pl.col("later") - pl.col("time")
near = (pl.col("positive") != pl.col("note")) & (apart > 0) & (apart <= {7 * DAY})
added = met.join(other, on="user").filter(near).group_by("note", "positive").agg(pl.col("share").sum(), users=pl.len())
found = added.select(pl.len(), pl.col("users").sum()).collect(engine="streaming").row(0)
""",
    "scipy, one thread": """
from training.mining.config import MiningConfig
from training.mining.database import Database
from training.mining.sums import pair_sums
db.execute("ALTER TABLE met RENAME TO texts").fetchall()
for kind in ("user", "note"):
    codes = f'SELECT (row_number() OVER () - 1)::INTEGER AS code, id FROM (SELECT DISTINCT "{kind}" AS id FROM texts)'
    db.execute(f"CREATE TABLE {kind}s AS {codes}").fetchall()
db.execute(
    'CREATE TABLE met AS SELECT u.code AS "user", n.code AS note, time * 1000000 AS viewed, viewed AS clicked, t.n '
    'FROM texts t JOIN users u ON u.id = t."user" JOIN notes n ON n.id = t.note'
).fetchall()
begun, found = perf_counter(), [0, 0]
for sums in pair_sums(Database(db), MiningConfig().resolved(True), folder):
    found = [found[0] + len(sums), found[1] + int(sums.users.sum())]
""",
}
BEFORE = """
import json, os, resource, sys
from pathlib import Path
from time import perf_counter
file, folder, memory, threads = sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4]
os.environ["POLARS_MAX_THREADS"] = threads
import duckdb
db = duckdb.connect(config={"memory_limit": memory + "GiB", "threads": int(threads), "temp_directory": str(folder)})
db.execute("SET enable_progress_bar = false").fetchall()
"""
AFTER = """
took = {"seconds": perf_counter() - begun, "peak GiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20}
print(json.dumps({"pairs": found[0], "events of pairs": int(found[1])} | took))
"""


def compared(file: Path, folder: Path, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The heavy step alone in three engines, each in a child; all must find the same pairs."""
    results = []
    for engine, code in ENGINES.items():
        script = f"{BEFORE}db.execute({MET!r}, [file]).fetchall()\n{code}{AFTER}"
        command = [sys.executable, "-c", script, str(file), str(folder), str(args.memory), str(args.threads)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        results.append({"engine": engine, "load": os.getloadavg()[0], **json.loads(done.stdout)})
    assert len({(each["pairs"], each["events of pairs"]) for each in results}) == 1, results
    return results


def show(runs: list[dict[str, Any]], engines: list[dict[str, Any]], args: argparse.Namespace) -> None:
    """Print both tables."""
    title = f"{args.threads} threads, database {args.memory:g} GiB"
    columns = ("events", "users", "notes", "candidates", "pairs", "seconds", "events/s", "peak GiB", "disk GiB", "load")
    shown = Table(*columns, box=None, title=title, title_justify="left")
    for run in runs:
        events = run["events"] if isinstance(run["events"], str) else f"{run['events']:,.0f}"
        counts = [f"{run[name]:,}" for name in ("users", "notes", "candidates", "pairs")]
        figures = [f"{run['seconds']:.1f}", f"{run['read'] / run['seconds']:,.0f}"]
        sizes = [f"{run[name]:.2f}" for name in ("peak GiB", "disk GiB", "load")]
        shown.add_row(events, *counts, *figures, *sizes)
    Console(width=140).print(shown)
    for run in runs:
        Console().print({name: round(seconds, 1) for name, seconds in run["stages"].items()})
    if engines:
        heavy = Table(*engines[0], box=None, title="the heavy step alone", title_justify="left")
        for each in engines:
            heavy.add_row(*(f"{value:,.2f}" if isinstance(value, float) else f"{value}" for value in each.values()))
        Console(width=140).print(heavy)


if __name__ == "__main__":
    main()
