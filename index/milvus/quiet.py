"""pymilvus and milvus-lite log every refusal with a trace; while we call them, our named errors say it instead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

_LOGGERS = (
    "pymilvus.decorators",
    "pymilvus.client.connection_manager",
    "pymilvus.client.iterator.query_iterator",
    "milvus_lite.server_manager",
)
_calling = threading.local()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop what those loggers say in this thread; calls of other parts of the program stay as loud as they were."""
    _install()
    before = getattr(_calling, "here", False)
    _calling.here = True
    try:
        yield
    finally:
        _calling.here = before


@lru_cache(maxsize=1)
def _install() -> None:
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_elsewhere)


def _elsewhere(_: logging.LogRecord) -> bool:
    return not getattr(_calling, "here", False)
