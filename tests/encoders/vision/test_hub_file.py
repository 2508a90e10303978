"""A file of the hub: from the cache without a knock, or an error within seconds that says what to do."""

from __future__ import annotations

import time

import huggingface_hub
import huggingface_hub.constants
import pytest

from encoders.errors import WeightsError
from encoders.vision.hub_file import hub_file


def in_cache(folder, repo, name, content=b"weights"):
    """Lay a file where the hub's client keeps it."""
    place = folder / f"models--{repo.replace('/', '--')}"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text("abc")
    path = place / "snapshots" / "abc" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def test_what_is_cached_is_not_asked_for(cache, unreached):
    path = in_cache(cache, "owner/model", "b.safetensors")
    assert hub_file("owner/model", ["a.safetensors", "b.safetensors"], "nothing") == path


def test_an_unreachable_hub_is_asked_once(reached, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    with pytest.raises(
        WeightsError, match=r"a\.safetensors of owner/model is not in the hub's cache.*; do this instead"
    ):
        hub_file("owner/model", ["a.safetensors"], "do this instead")
    assert len(reached) == 1
    assert not slept
    reached.clear()


def test_told_to_stay_offline_it_does(unreached, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=r"could not be fetched.*; do this instead"):
        hub_file("owner/model", ["a.safetensors"], "do this instead")


def test_a_repository_without_such_a_file(monkeypatch):
    from huggingface_hub.errors import EntryNotFoundError

    asked = []

    def answer(repo, name):
        asked.append(name)
        raise EntryNotFoundError("404")

    monkeypatch.setattr("encoders.vision.hub_file.within", lambda *_: None)
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", answer)
    with pytest.raises(WeightsError, match=r"owner/model has no a\.safetensors or b\.safetensors; pickled"):
        hub_file("owner/model", ["a.safetensors", "b.safetensors"], "nothing")
    assert asked == ["a.safetensors", "b.safetensors"]
