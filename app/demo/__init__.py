"""The demo corpus: generated notes, drawn covers and simulated readers (see `app.demo.corpus`)."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from app.demo.corpus import demo_queries, make_demo_corpus

__all__ = ["demo_queries", "make_demo_corpus"]


def __getattr__(name: str) -> Any:
    """Load the generator, and Pillow with it, only when it is asked for."""
    if name in __all__:
        from app.demo import corpus

        return getattr(corpus, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
