"""Processes to kill: one that has everything loaded and forks a child for each job, so that a death costs little.

Run as a script. A job is a line of JSON on standard input: {"job": NAME, "out": FILE, "arguments": {…}}; its child
runs the function of that name in fault_jobs.py with its output going to FILE. {"wait": PID} waits for a child.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import fault_jobs

# Loaded before the first fork, so that no child pays for it. Nothing is run here that would start a thread.
import faiss  # isort: skip
import filelock  # isort: skip
import tantivy  # isort: skip

LOADED = (faiss, filelock, tantivy)


def run(job: dict) -> int:
    out = os.open(job["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    try:
        getattr(fault_jobs, job["job"])(**job["arguments"])
    except BaseException:
        os.write(2, traceback.format_exc().encode())
        return 1
    return 0


def main() -> None:
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        if "wait" in asked:
            answer = os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1])
        else:
            answer = os.fork()
            if not answer:
                os._exit(run(asked))
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
