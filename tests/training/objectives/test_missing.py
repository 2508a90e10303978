"""What an objective lacks is said before the first step."""

import numpy as np
import pytest

from training.batches.graph import PairGraph
from training.errors import TrainingError
from training.objectives.objective import Objective
from training.pairs import Pairs
from training.recipes.config import BatchConfig, HardConfig, LossConfig, MaskConfig
from training.trainees.base import View

VIEWS = (View("note", 0, 4), View("image", 4, 7), View("generation", 7, 9))


def graph() -> PairGraph:
    names = [f"{i:02}" for i in range(12)]
    return PairGraph.of(Pairs(list(zip(names[::2], names[1::2], strict=True)), None), names)


@pytest.mark.parametrize(
    ("loss", "said"),
    [
        ({"views": {"pictures": 1.0}}, "loss.views names pictures: .*note, image, generation"),
        ({"views": {"generation": 1.0}}, "loss.views names generation"),
        ({"dims": (2, 4)}, "loss.dims names 4: rows have 4 numbers, give 1 to 3"),
        ({"masks": MaskConfig(duplicates=0.9)}, "masks.duplicates needs .* 12 notes, got none"),
        ({"alignment": 1.0}, "loss.alignment needs .* 12 notes, got none"),
        ({"hard": HardConfig()}, r"Batches\.hard"),
    ],
)
def test_what_is_missing_is_named(loss: dict, said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        Objective(LossConfig(**loss), BatchConfig(), VIEWS, graph())


def test_generation_needs_a_trainee_that_writes() -> None:
    with pytest.raises(TrainingError, match=r"loss.generation is 0\.5"):
        Objective(LossConfig(generation=0.5), BatchConfig(), VIEWS[:2], graph())
    with pytest.raises(TrainingError, match="12 notes, got 11"):
        Objective(LossConfig(alignment=1.0), BatchConfig(), VIEWS, graph(), collaborative=np.ones((11, 3), np.float32))
