"""What a stage asks of an encoder is held against it before any work is done."""

from __future__ import annotations

import pytest

from encoders.config import TowersConfig
from encoders.images import ImageLimits
from training.errors import TrainingError
from training.recipes.config import HeadsStage, Stage
from training.recipes.read import shipped_recipes
from training.stages import check_stages
from training.starting import starting_config

SOUND = Stage(name="tune", train=("text", "fusion"), steps=1)


def check(**changes: object) -> None:
    stage = Stage.model_validate(SOUND.model_dump() | {"name": "later"} | changes)
    check_stages((SOUND, HeadsStage(), stage), TowersConfig(), ImageLimits(), "float32")


def test_a_sound_stage_passes():
    check()
    check(loss={"views": {"note": 9, "image": 1}, "dims": [4, 128]})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"train": ["image"]}, "stage later: there is no part image to train"),
        ({"train": ["fusion"], "lora": {}}, "stage later: lora changes the text tower"),
        ({"loss": {"views": {"title": 1}}}, "stage later: loss.views names title"),
        ({"loss": {"dims": [2]}}, "stage later: loss.dims names 2: an encoder of 2 blocks is served with 4 or more"),
        ({"loss": {"dims": [564]}}, "stage later: loss.dims names 564: rows have 564 numbers, give 1 to 563"),
    ],
)
def test_what_the_encoder_lacks_is_told_with_the_stage(changes, said):
    with pytest.raises(TrainingError) as caught:
        check(**changes)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize("name", ["fusion", "minilm", "minilm-vit"])
def test_recipes_that_need_no_weights_from_elsewhere_pass(name):
    recipe = dict(shipped_recipes())[name]
    check_stages(recipe.stages, starting_config(recipe), ImageLimits(), "float32")
