"""Where a training starts."""

from __future__ import annotations

import pytest

from encoders.config import TowersConfig
from encoders.errors import EncoderError
from encoders.load import load_encoder
from encoders.text.config import MiniLMConfig, TransformerConfig
from encoders.vision.config import NoImageConfig
from training.recipes.config import Recipe
from training.starting import make_trainee, merged, starting_config

STAGES = [{"name": "one", "train": ["text"], "steps": 1}]


def recipe(**values):
    return Recipe.model_validate({"stages": STAGES, **values})


def test_changes_are_laid_over_the_encoder_table_by_table():
    config = starting_config(recipe(changes={"image_share": 0.3, "text": {"max_tokens": 64}}))
    assert isinstance(config, TowersConfig)
    assert isinstance(config.text, MiniLMConfig)
    assert (config.image_share, config.text.max_tokens) == (0.3, 64)
    assert config.image == TowersConfig().image


def test_another_tower_takes_the_place_of_the_old_one():
    config = starting_config(recipe(changes={"image": {"tower": "none"}}))
    assert isinstance(config, TowersConfig)
    assert config.image == NoImageConfig()
    assert config.text == TowersConfig().text
    config = starting_config(recipe(changes={"text": {"tower": "transformer", "model": "bert"}}))
    assert isinstance(config, TowersConfig)
    assert config.text == TransformerConfig(model="bert")  # which has no `folder`, as the old one has


def test_a_change_of_no_field_is_told():
    with pytest.raises(EncoderError, match="image_shar"):
        starting_config(recipe(changes={"image_shar": 0.3}))


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_towers_that_stand_still_run_at_the_precision_asked_for(precision):
    config = starting_config(recipe())
    trainee = make_trainee(config, recipe().stages[0], precision=precision)
    served = load_encoder(config, precision).text.encode(["Ramen in Kyoto"])
    assert (trainee.encoder.text.encode(["Ramen in Kyoto"]) == served).all()


def test_merging_leaves_what_it_was_given():
    values = {"a": {"b": 1, "c": 2}, "d": 3}
    assert merged(values, {"a": {"b": 5}, "e": 6}) == {"a": {"b": 5, "c": 2}, "d": 3, "e": 6}
    assert merged(values, {"a": 4}) == {"a": 4, "d": 3}
    assert values == {"a": {"b": 1, "c": 2}, "d": 3}
