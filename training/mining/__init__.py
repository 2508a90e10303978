"""Positive pairs from what people look at one after another, or together: NoteLLM's co-occurrence, out of core.

    interactions ──reading.py──> events ──log.py──> meetings, one a user and note ──met.py──> N_u, cap
                     │ held.py: what a split holds out                                           │
                     v                                                                           v
    pairs.parquet <──writing.py── top t <──choosing.py── bounds <── sums of pairs <──sums.py── windows.py

config.py    what is counted (MiningConfig) and what is kept (Bounds)
errors.py    what can go wrong
report.py    what came in, and what each rule removed
workspace.py the folder beside the output in which a run spills
database.py  a DuckDB file, its limits and errors
days.py      what lets a later day be folded in (`--incremental`)
mine.py      all of it, in order
"""
