"""One connection to Milvus: a server or milvus-lite; requests with a time limit, tried again where that helps."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from index.errors import BackendUnavailable, IndexClosed, IndexNotFound, NoteIndexError
from index.milvus import lite
from index.milvus.config import MilvusAccess, MilvusConfig
from index.milvus.quiet import quiet

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from pymilvus import MilvusClient

_T = TypeVar("_T")
_SCHEMES = ("http", "https", "tcp")
_BUSY_CODES = {1, 2, 8}  # service not ready, no connection, rate limit
_NO_COLLECTION = 100
_TOO_LARGE = ("larger than max", "maxOutputSize", "exceed the limit size")  # gRPC's, the proxy's, the query node's
SLOW = 12
"""Times the time limit of a request: what making, loading and flushing a collection may take."""
_GREETING = 2.0  # seconds for the first exchange; a server that is there answers in milliseconds


class TooLarge(BackendUnavailable):
    """The answer has more bytes than Milvus sends at once: ask for fewer rows."""


class Connection:
    """A client and what goes with it. The token is held by the client alone."""

    def __init__(self, uri: str, access: MilvusAccess, config: MilvusConfig, make: bool) -> None:
        """Connect; raises what lite.serve() raises, NoteIndexError for a strange address, and BackendUnavailable."""
        self._address = uri
        self._access = access
        self._secrets = _secrets(uri, access)
        self._config = config
        self._client: MilvusClient | None = None
        self.timeout = config.timeout
        self.uri = _without_secrets(uri) if "://" in uri else uri
        """Where it is, for people: without user, password and parameters."""
        remote = urlsplit(uri).scheme in _SCHEMES
        if "://" in uri and not remote:
            raise NoteIndexError(f"{self.uri}: expected http://host:port, https://host:port, or a path ending in .db.")
        self.is_lite = not remote
        """Whether this is milvus-lite, in this process."""
        address, self.writing = (uri, threading.RLock()) if remote else lite.serve(Path(uri), make)
        self._served = not remote
        try:
            self._client = self._connected(address)
            self.version: str = self.call(lambda client: client.get_server_version(), "tell its version")
        except BaseException:
            self.close()
            raise

    def call(self, request: Callable[[MilvusClient], _T], what: str, write: bool = False) -> _T:
        """The request's answer. It is sent again while the server cannot be reached: it must be repeatable.

        Raises IndexClosed, IndexNotFound where its collection is gone, and BackendUnavailable.
        """
        import stamina

        guard: AbstractContextManager[object] = self.writing if write else nullcontext()
        try:
            for attempt in stamina.retry_context(
                on=_may_pass,
                attempts=1 if self.is_lite else self._config.attempts,
                timeout=self._config.retry_seconds,
                wait_initial=0.1,
                wait_max=5.0,
            ):
                with attempt, guard, quiet():
                    return request(self._open())
        except NoteIndexError:
            raise
        except Exception as error:
            raise self._named(error, what) from None  # the cause may hold the token
        raise AssertionError("stamina always tries once")

    def again(self) -> Connection:
        """Another connection to the same place."""
        return Connection(self._address, self._access, self._config, make=False)

    def check_open(self) -> None:
        """Raise IndexClosed after close()."""
        self._open()

    def close(self) -> None:
        """Close the channel, and milvus-lite where nobody else here uses it; closing twice is fine."""
        client, self._client = self._client, None
        served, self._served = self._served, False
        if client is not None:
            with quiet():
                client.close()
        if served:
            lite.release(Path(self.uri))

    def _open(self) -> MilvusClient:
        if self._client is None:
            raise IndexClosed("This index was closed. Open it again.")
        return self._client

    def _connected(self, address: str) -> MilvusClient:
        try:
            import stamina
            from pymilvus import MilvusClient
        except ImportError as error:
            raise BackendUnavailable(f"{error.name} is not installed. Install notelens[milvus].") from error
        access = self._access
        tls = access.tls_options()
        try:
            for attempt in stamina.retry_context(
                on=_may_pass, attempts=self._config.attempts, timeout=self._config.retry_seconds
            ):
                with attempt, quiet():
                    return MilvusClient(
                        uri=address,
                        token="" if self.is_lite else access.token,
                        db_name=access.database,
                        timeout=min(self._config.timeout, _GREETING),
                        dedicated=True,  # pymilvus shares a channel by address and token, whatever the certificates
                        **tls,
                    )
        except Exception as error:
            raise self._named(error, "greet us") from None
        raise AssertionError("stamina always tries once")

    def _named(self, error: Exception, what: str) -> NoteIndexError:
        code, message = getattr(error, "code", None), getattr(error, "message", None) or str(error)
        for secret in self._secrets:
            message = message.replace(secret, "***")
        if _is_refused(error):
            return BackendUnavailable(
                f"{self.uri}: Milvus refuses this user. Check the token (user:password, or API key)."
            )
        if _is_too_large(error):
            return TooLarge(f"{self.uri}: Milvus did not {what}: {message}. Ask for fewer at a time.")
        if code == _NO_COLLECTION:
            return IndexNotFound(
                f"{self.uri}: {message}. Was it removed, or its version dropped? Open the index again."
            )
        if _may_pass(error):
            return BackendUnavailable(
                f"{self.uri}: Milvus did not {what} ({message}). Check that the server runs, the address, "
                "the token and the certificates; a slow server needs a longer timeout."
            )
        return BackendUnavailable(f"{self.uri}: Milvus refused to {what}: {message}")


def _status(error: BaseException) -> str:
    """The name of the gRPC status behind the error, or ""."""
    code = getattr(error, "code", None)
    if callable(code):  # of a grpc.RpcError
        code = code()
    return str(getattr(code, "name", ""))


def _is_refused(error: BaseException) -> bool:
    statuses = {_status(error), _status(error.__cause__) if error.__cause__ else ""}
    return bool(statuses & {"UNAUTHENTICATED", "PERMISSION_DENIED"})


def _is_too_large(error: BaseException) -> bool:
    return any(words in str(error) for words in _TOO_LARGE)


def _may_pass(error: Exception) -> bool:
    """Whether the same request may do better later."""
    if isinstance(error, NoteIndexError) or _is_refused(error) or _is_too_large(error):
        return False
    if _status(error):
        return _status(error) in {"UNAVAILABLE", "DEADLINE_EXCEEDED", "RESOURCE_EXHAUSTED"}
    return type(error).__module__.startswith("pymilvus") and getattr(error, "code", None) in _BUSY_CODES


def _secrets(uri: str, access: MilvusAccess) -> list[str]:
    parts = urlsplit(uri)
    known = {access.token, access.token.partition(":")[2], parts.password or ""}
    return sorted((secret for secret in known if secret), key=len, reverse=True)


def _without_secrets(uri: str) -> str:
    parts = urlsplit(uri)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, host if parts.port is None else f"{host}:{parts.port}", parts.path, "", ""))
