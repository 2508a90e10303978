"""The derived dense side: vectors in FAISS, built from the store and caught up with it before every search.

table.py       the whole, for one version        config.py    the settings
base.py        the immutable base                files.py     its files, their checksums
kinds.py       FAISS indexes by kind             search.py    one call of FAISS over a base
lists.py       rows grouped by nearness          postings.py  attributes, value by value
calibrate.py   width for a target recall         names.py     row → id
delta.py       what was written since            live.py      base + delta, in step with the store
allowed.py     a filter as a set of rows         plan.py      how many rows to score under one
settle.py      exact scores, order and ties      gpu.py       the same on CUDA
"""
