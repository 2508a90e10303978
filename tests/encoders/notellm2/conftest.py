"""The models of the golden vectors, an encoder over them, and its notes."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from encoders import Note, NoteImage
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.encoder import NoteLLM2
from encoders.vision.config import OpenClipConfig

SCRIPT = Path(__file__).parents[1] / "golden" / "make_notellm2.py"


@pytest.fixture(scope="session")
def golden():
    """The script that made the golden vectors, as a module."""
    spec = importlib.util.spec_from_file_location("make_notellm2", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def models(golden, tmp_path_factory):
    """A folder with lm/, clip/ and connector.safetensors."""
    folder = tmp_path_factory.mktemp("notellm2")
    golden.write_models(folder)
    return folder


@pytest.fixture(scope="session")
def notellm2_config(models, golden):
    return NoteLLM2Config(
        model=str(models / "lm"),
        vision=OpenClipConfig(model=str(models / "clip")),
        connector=str(models / "connector.safetensors"),
        project=golden.PROJECT,
        visual_tokens=golden.VISUAL,
        resampler_layers=golden.LAYERS,
    )


@pytest.fixture(scope="session")
def notellm2(notellm2_config):
    return NoteLLM2(notellm2_config, "float32")


@pytest.fixture(scope="session")
def images(golden, encoded):
    """images(seed, ...): the golden pictures as they come with a note."""

    def make(*seeds):
        return tuple(NoteImage.from_bytes(encoded(golden.picture(seed), "PNG")) for seed in seeds)

    return make


@pytest.fixture(scope="session")
def notes(golden, images):
    return [
        Note(title=title, tags=tuple(topic.split(", ")) if topic else (), body=body, images=images(*seeds))
        for title, topic, body, seeds in golden.NOTES
    ]


@pytest.fixture(scope="session")
def vectors(notellm2, notes):
    return notellm2.encode(notes)
