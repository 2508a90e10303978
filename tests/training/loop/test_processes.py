"""Two processes under torchrun take the steps of one process with the whole batch."""

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import Tensor

from training.loop.workplace import Workplace

WORLD = 2
NAMES = ("even", "uneven", "odd", "rarely")


@pytest.fixture(scope="module")
def found(toy: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights after two steps, of one process and of each of two."""
    together, alone = tmp_path_factory.mktemp("together"), tmp_path_factory.mktemp("alone")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={WORLD}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[3])}
    done = subprocess.run(
        [*command, toy.__file__, "processes", together], env=environment, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    toy.several(Workplace(), alone)
    for file in alone.glob("*.pt"):
        file.rename(together / file.name)
    return together


def read(folder: Path, name: str, world: int, rank: int) -> dict[str, Tensor]:
    found: dict[str, Tensor] = torch.load(folder / f"{name}-{world}-{rank}.pt", weights_only=True)
    return found


@pytest.mark.parametrize("name", NAMES)
def test_two_are_one(found: Path, toy: ModuleType, name: str) -> None:
    """Also where processes have other numbers of rows and micro-batches, and where some use no trained weight."""
    expected = read(found, name, 1, 0)
    began = toy.Toy().weights()
    parts = toy.PROCESSES[name][2]
    moved = {key for key in began if not expected[key].equal(began[key])}
    assert moved == {key for key in began if key.split(".")[0].replace("head", "text") in parts}
    for rank in range(WORLD):
        one = read(found, name, WORLD, rank)
        for key, weight in expected.items():
            torch.testing.assert_close(
                one[key], weight, atol=1e-5, rtol=1e-5, msg=lambda text, key=key: f"{key}: {text}"
            )


def test_the_cases_are_what_they_are_for(toy: ModuleType) -> None:
    """In `rarely` a process has a last micro-batch without a trained weight, and one has none at all in a step."""
    pairs, sizes, _, _ = toy.PROCESSES["rarely"]
    batches = toy.Batches(pairs, sizes)
    used = [
        [any(item[0] > 0.4 for item in part) for part in batches.micro_batches(batches.batch(step), rank, WORLD)]
        for step in range(2)
        for rank in range(WORLD)
    ]
    assert any(not parts[-1] for parts in used)
    assert any(not any(parts) for parts in used)
    pairs, sizes, _, _ = toy.PROCESSES["uneven"]
    batches = toy.Batches(pairs, sizes)
    numbers = {len(batches.micro_batches(batches.batch(0), rank, WORLD)) for rank in range(WORLD)}
    assert len(numbers) == 2
