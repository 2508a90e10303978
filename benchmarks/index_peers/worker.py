"""One phase of one system in a process of its own: reads a job (JSON file), writes the figures beside it.

    python -m benchmarks.index_peers.worker JOB.json

Only the standard library is imported before the processors are set, because numeric libraries count them at import.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def pin(threads: int) -> None:
    """Keep this process to `threads` processors, the last ones, where the platform can."""
    if hasattr(os, "sched_setaffinity"):
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, allowed[-threads:])


def main() -> None:
    """Run the job; a failure is written down and never raised."""
    path = Path(sys.argv[1])
    job: dict[str, Any] = json.loads(path.read_text())
    pin(job["threads"])
    from .base import SYSTEMS

    result: dict[str, Any]
    try:
        peer = SYSTEMS[job["system"]].load(job["threads"])
    except ImportError as error:
        result = {"missing": f"{error}. pip install {SYSTEMS[job['system']].install}"}
    else:
        from . import phases

        peer.target = job["target"]
        try:
            result = getattr(phases, job["phase"])(peer, job)
        except Exception as error:  # whatever a peer raises is a line of the table
            result = {"error": f"{type(error).__name__}: {str(error).strip()[:300]}", "trace": traceback.format_exc()}
    made = path.with_suffix(".part")
    made.write_text(json.dumps(result, default=str))
    made.replace(path.with_suffix(".out"))
    sys.stdout.flush()
    os._exit(0)  # some peers' background threads take seconds to end, or never do


if __name__ == "__main__":
    main()
