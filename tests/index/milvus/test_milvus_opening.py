"""Making and opening: what is refused, how it is mended, and that no secret is told."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from index.base import Record
from index.errors import (
    BackendUnavailable,
    FingerprintMismatch,
    IndexClosed,
    IndexExists,
    IndexLocked,
    IndexNotFound,
    NoteIndexError,
    UnsupportedFormat,
)
from index.milvus import MilvusAccess, MilvusConfig, MilvusIndex
from index.milvus.connection import Connection
from index.milvus.versions import Versions
from index.schema import IndexSchema

ONCE = MilvusConfig(attempts=2, timeout=1.0, retry_seconds=1.0)


def test_an_index_opens_as_it_was_made(milvus: Any, notes: Callable[..., list[Record]]) -> None:
    config = MilvusConfig(index_type="HNSW", links=24, ef_construction=64)
    with milvus.create("kept", config=config) as made:
        made.upsert(notes(3))
        schema = made.schema
    with milvus.open("kept", "print-1") as index:
        assert (index.dim, index.fingerprint, index.meta, index.schema) == (8, "print-1", {"template": "v1"}, schema)
        index.meta["template"] = "changed"
        assert index.meta == {"template": "v1"}
        assert [record.id for record in index.scan()] == [record.id for record in notes(3)]
        told = index.info()
    assert told | {"created_at": "", "bytes_on_disk": 0, "versions": [], "uri": "", "server": ""} == {
        "type": "milvus",
        "rows": 3,
        "dim": 8,
        "uri": "",
        "name": "kept",
        "collection": "kept_v1",
        "server": "",
        "index_type": "HNSW",
        "index_params": {"M": 24, "efConstruction": 64},
        "partition_key": None,
        "created_at": "",
        "capabilities": {
            "lexical": not milvus.is_server,
            "exact": False,
            "durable": milvus.is_server,
            "shared": milvus.is_server,
        },
        "versions": [],
        "bytes_on_disk": 0,
    }
    assert json.dumps(told)


def test_what_is_there_is_not_made_again(milvus: Any) -> None:
    milvus.create("twice").close()
    with pytest.raises(IndexExists, match="'twice' is there already"):
        milvus.create("twice")
    with pytest.raises(FingerprintMismatch, match="built with the encoder 'print-1', the one given is 'print-2'"):
        milvus.open("twice", "print-2")
    with pytest.raises(IndexNotFound, match="there is no index 'thrice'"):
        milvus.open("thrice")


def test_of_two_makers_at_once_one_is_told(lite: Any, notes: Callable[..., list[Record]], monkeypatch: Any) -> None:
    """The second finds no index, and then its alias taken: what the first made, and was given since, stays."""
    first = lite.create("notes")
    first.upsert(notes(3))
    taken = Versions._refuse_taken
    answers = [lambda versions: None, taken]
    with monkeypatch.context() as patched:
        patched.setattr(Versions, "_refuse_taken", lambda versions: answers.pop(0)(versions))
        with pytest.raises(IndexExists):
            lite.create("notes")
    assert first.count() == 3
    assert lite.open("notes").count() == 3


def test_collections_of_others_are_left_alone(milvus: Any) -> None:
    connection = Connection(milvus.uri, milvus.access, ONCE, make=True)
    make = lambda client: client.create_collection("foreign", dimension=4)  # noqa: E731 - two lines would hide the point
    connection.call(make, "make a collection")
    with pytest.raises(IndexExists):
        milvus.create("foreign")
    with pytest.raises(UnsupportedFormat, match="stands for 'foreign', which notelens did not make"):
        milvus.open("foreign")
    connection.call(lambda client: client.create_alias("foreign", "notes_of_others"), "name it")
    with pytest.raises(UnsupportedFormat, match="stands for 'foreign', which notelens did not make"):
        milvus.open("notes_of_others")
    connection.close()


def test_a_newer_format_is_refused(milvus: Any) -> None:
    milvus.create("newer").close()
    connection = Connection(milvus.uri, milvus.access, ONCE, make=False)

    def rename(client: Any) -> None:
        told = client.describe_collection("newer")["properties"]["notelens"]
        client.alter_collection_properties("newer_v1", {"notelens": json.dumps(json.loads(told) | {"format": 2})})

    connection.call(rename, "change a property")
    connection.close()
    with pytest.raises(UnsupportedFormat, match=r"its format is 2, this notelens reads 1\. Upgrade notelens"):
        milvus.open("newer")


@pytest.mark.parametrize("name", ["", "1st", "a-b", "上海", "a" * 201, "x; drop", "notes_v1"])
def test_names_that_milvus_does_not_take_are_refused(lite: Any, name: str) -> None:
    with pytest.raises(NoteIndexError, match="expected letters, digits and _"):
        MilvusIndex.create(lite.uri, name, 8)


def test_other_values_that_cannot_be_are_refused(lite: Any) -> None:
    with pytest.raises(NoteIndexError, match="dim is 0, expected 1 to 32,768"):
        MilvusIndex.create(lite.uri, "notes", 0)
    with pytest.raises(NoteIndexError, match="meta is not JSON"):
        MilvusIndex.create(lite.uri, "notes", 8, meta={"x": float("nan")})
    with pytest.raises(NoteIndexError, match=r"expected http://host:port, https://host:port, or a path"):
        MilvusIndex.open("ftp://user:hush@127.0.0.1/notes", "notes")
    with pytest.raises(NoteIndexError, match=r"a folder that ends in \.db"):
        MilvusIndex.create(lite.uri.removesuffix(".db"), "notes", 8)
    with pytest.raises(IndexNotFound, match="there is no milvus-lite data"):
        MilvusIndex.open(lite.uri, "notes")
    assert not Path(lite.uri).exists()


def test_every_call_after_close_says_so(lite: Any, notes: Callable[..., list[Record]]) -> None:
    index = lite.create()
    index.upsert(notes(1))
    index.close()
    index.close()
    vector = notes(1)[0].vector[None, :]
    calls: list[Callable[[], object]] = [
        lambda: index.upsert(notes(1)),
        lambda: index.delete(["a"]),
        lambda: index.search(vector, 1),
        lambda: index.keyword("a", 1),
        lambda: index.get(["a"]),
        lambda: index.scan(),
        index.count,
        index.snapshot,
        index.compact,
        index.info,
        index.versions,
        index.stage,
        index.publish,
        index.rollback,
        lambda: index.drop_version(1),
    ]
    for call in calls:
        with pytest.raises(IndexClosed):
            call()


def test_two_handles_on_one_folder_share_it(lite: Any, notes: Callable[..., list[Record]]) -> None:
    first = lite.create("first")
    second = lite.create("second")
    second.upsert(notes(2))
    second.close()
    first.upsert(notes(3))
    assert (first.count(), lite.open("second").count()) == (3, 2)


def test_a_second_process_on_one_folder_is_told(lite: Any) -> None:
    index = lite.create("notes")
    script = f"from index.milvus import MilvusIndex; MilvusIndex.open({lite.uri!r}, 'notes').close(); print('opened')"
    run = [sys.executable, "-c", script]
    told = subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert told.returncode == 1
    assert f"{IndexLocked.__name__}: {lite.uri}: another process has this milvus-lite data open" in told.stderr
    index.close()
    assert subprocess.run(run, capture_output=True, text=True, cwd=Path(__file__).parents[3]).stdout == "opened\n"


def test_a_server_that_is_not_there_is_named_without_secrets() -> None:
    with socket.socket() as free:  # bound, but it does not listen
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(BackendUnavailable, match="Check that the server runs") as caught:
            MilvusIndex.open(f"http://anna:hush-hush@{address}/?token=abc", "notes", config=ONCE)
    assert f"http://{address}" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "abc" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.milvus_server
def test_a_wrong_token_is_refused_at_once_and_not_told(server: Any) -> None:
    for token in ("root:not-the-password", "", "an-api-key"):
        with pytest.raises(BackendUnavailable, match=r"Milvus refuses this user\. Check the token") as caught:
            MilvusIndex.open(server.uri, "notes", access=MilvusAccess(token))
        assert not token or token not in str(caught.value)
    address = server.uri.replace("http://", "http://root:Milvus@")
    with MilvusIndex.create(address, "by_address", 8) as index:
        assert index.info()["uri"] == server.uri
        assert "Milvus@" not in repr(index)


@pytest.mark.milvus_server
def test_a_database_of_its_own(server: Any, notes: Callable[..., list[Record]]) -> None:
    access = MilvusAccess(server.access.token, database="shelf")
    with pytest.raises(BackendUnavailable, match="database not found"):
        MilvusIndex.create(server.uri, "notes_apart", 8, access=access, config=ONCE)
    connection = Connection(server.uri, server.access, ONCE, make=False)
    connection.call(lambda client: client.create_database("shelf"), "make a database")
    with MilvusIndex.create(server.uri, "notes_apart", 8, schema=IndexSchema(), access=access) as index:
        index.upsert(notes(4))
        assert index.count() == 4
    with pytest.raises(IndexNotFound):
        server.open("notes_apart")
    connection.close()


def test_certificates_and_names_reach_the_client(monkeypatch: pytest.MonkeyPatch) -> None:
    import pymilvus

    given: dict[str, object] = {}

    class Recorder:
        def __init__(self, **options: object) -> None:
            given.update(options)

        def get_server_version(self) -> str:
            return "v2.6.0"

        def close(self) -> None:
            given["closed"] = True

    monkeypatch.setattr(pymilvus, "MilvusClient", Recorder)
    access = MilvusAccess("anna:hush", "shelf", "/ca.pem", "/us.pem", "/us.key", "milvus.example")
    connection = Connection("https://127.0.0.1:19530", access, ONCE, make=False)
    assert "hush" not in repr(access)
    connection.close()
    assert given == {
        "uri": "https://127.0.0.1:19530",
        "token": "anna:hush",
        "db_name": "shelf",
        "timeout": 1.0,
        "dedicated": True,
        "ca_pem_path": "/ca.pem",
        "client_pem_path": "/us.pem",
        "client_key_path": "/us.key",
        "server_name": "milvus.example",
        "closed": True,
    }
    assert MilvusAccess(ca_file="/ca.pem").tls_options() == {"server_pem_path": "/ca.pem"}
    assert MilvusAccess().tls_options() == {}
    with pytest.raises(NoteIndexError, match="all three"):
        MilvusAccess(certificate_file="/us.pem", key_file="/us.key")


def test_nothing_heavy_is_imported_before_the_first_connection() -> None:
    script = (
        "import sys, index.milvus; print([name for name in ('pymilvus', 'milvus_lite', 'grpc') if name in sys.modules])"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert told.stdout == "[]\n"


def test_refusals_are_raised_not_logged(lite: Any, caplog: pytest.LogCaptureFixture) -> None:
    index = lite.create("notes")
    staged = index.stage()
    index.drop_version(2)
    with pytest.raises(IndexNotFound):
        staged.count()
    list(index.scan())
    staged.close()
    assert [record.message for record in caplog.records if record.name.startswith(("pymilvus", "milvus_lite"))] == []
