"""The systems that benchmarks/vector_index.py holds side by side, one family a file, each in a process of its own."""
