"""An encoder folder as a model of sentence-transformers: `SentenceTransformer(folder)`."""

from pathlib import Path


def write_modules(folder: Path) -> None:
    """Write what sentence-transformers looks for in an encoder folder."""
