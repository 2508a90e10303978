"""The commands, one function each: corpus.py (check, build, add), query.py, store.py (show, info, ...), system.py."""
