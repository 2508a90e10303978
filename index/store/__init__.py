"""The truth: ids, payloads, attributes and vectors in SQLite, every write numbered."""
