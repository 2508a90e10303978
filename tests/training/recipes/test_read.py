"""Recipes: those that come with notelens, fields set from outside, and what is said of mistakes."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from training.errors import TrainingError
from training.recipes.config import HeadsStage, Recipe, Stage
from training.recipes.read import parse_recipe, read_recipe, recipe_names, shipped_recipes
from training.recipes.write import as_toml

# Recipes that are not called as the encoder they start from.
OTHERWISE = {"sentence-transformers": "st", "fusion": "minilm", "minilm-vit": "minilm"}
NAMES = ["clip", "fusion", "minilm", "minilm-vit", "notellm", "notellm2", "sentence-transformers"]


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A recipe of three stages, in a file."""
    path = tmp_path / "own.toml"
    path.write_text(
        """
        encoder = "minilm"
        [[stages]]
        name = "fuse"
        train = ["fusion"]
        epochs = 1
        [[stages]]
        name = "tune"
        train = ["text"]
        epochs = 3
        [[stages]]
        kind = "heads"
        """,
        "utf-8",
    )
    return str(path)


def test_recipes_come_with_notelens_and_say_what_they_are_for():
    assert recipe_names() == NAMES
    for name, recipe in shipped_recipes():
        assert recipe.encoder.partition(":")[0] == OTHERWISE.get(name, name)
        assert 20 < len(recipe.about) < 130


def test_notellm_has_the_published_constants():
    recipe = read_recipe("notellm")
    (stage,) = recipe.stages
    assert isinstance(stage, Stage)
    assert (stage.batch.pairs, stage.loss.tau, stage.loss.generation, stage.loss.hashtags) == (64, 3.0, 0.01, 0.4)
    assert (stage.optimiser.weight_decay, stage.optimiser.warmup) == (1e-3, 0.1)
    assert stage.lora is not None
    assert stage.lora.rank == 16
    assert (recipe.bounds.at_least, recipe.bounds.at_most, recipe.bounds.top) == (0.01, 30.0, 10)


def test_notellm2_weighs_note_to_pictures_nine_to_one():
    for stage in read_recipe("notellm2").stages:
        assert isinstance(stage, Stage)
        assert stage.loss.views == {"note": 9.0, "image": 1.0}


def test_a_field_is_set_by_its_path_with_stages_by_name(own):
    recipe = read_recipe(
        own,
        [
            "stages.tune.optimiser.lr=2e-5",
            "stages.tune.loss.views={ note = 1, text = 0.5 }",
            "stages.tune.lora.rank = 4",
            "stages.heads.width=64",
            "encoder=notellm:tiny",
            "changes.image_share=0.3",
            "bounds.top=3",
            "mining.window=inf",
        ],
    )
    stages = {stage.name: stage for stage in recipe.stages}
    tune, heads = stages["tune"], stages["heads"]
    assert isinstance(tune, Stage)
    assert isinstance(heads, HeadsStage)
    assert (tune.optimiser.lr, tune.loss.views, heads.width) == (2e-5, {"note": 1.0, "text": 0.5}, 64)
    assert tune.lora is not None
    assert tune.lora.rank == 4
    assert (recipe.encoder, recipe.changes, recipe.bounds.top) == ("notellm:tiny", {"image_share": 0.3}, 3)
    assert recipe.mining.window == float("inf")


def test_steps_take_the_place_of_epochs_and_the_other_way_round():
    (stage,) = read_recipe("notellm", ["stages.tune.steps=7"]).stages
    assert isinstance(stage, Stage)
    assert (stage.steps, stage.epochs) == (7, None)
    (stage,) = read_recipe("notellm", ["stages.tune.steps=7", "stages.tune.epochs=0.5"]).stages
    assert isinstance(stage, Stage)
    assert (stage.steps, stage.epochs) == (None, 0.5)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("stages.tune.optimizer.lr=1", "stages.tune.optimizer is no field: did you mean optimiser?"),
        ("stages.tune.optimiser.rate=1", "there are lr, weight_decay, beta2, warmup, floor, clip, scale"),
        ("stages.tune.optimiser.lr=-1", "stages.tune.optimiser.lr: Input should be greater than 0"),
        ("stages.tune.loss.kind=glc", "stages.tune.loss.kind: Input should be 'gcl' or 'listwise'"),
        ("stages.tune.lora.rnk=3", "stages.tune.lora.rnk is no field: did you mean rank?"),
        ("stages.heads.widht=3", "stages.heads.widht is no field: did you mean width?"),
        ("stages.heads.width=130", "stages.heads.width: Input should be a multiple of 4"),
        ("stages.heads.name=../../thesis", "stages.../../thesis.name: String should match pattern"),
        ("stages.tune.loss.views={}", "stages.tune.loss.views: Dictionary should have at least 1 item"),
        ("stages.tune.epochs=inf", "stages.tune.epochs: Input should be a finite number"),
        ("seed=-1", "seed: Input should be greater than or equal to 0"),
        ("stages.tunes.steps=3", "has no stage 'tunes'; its stages are fuse, tune, heads"),
        ("stages.tune=3", "name one of its fields"),
        ("stages.tune.steps.x=3", "which has no fields"),
        ("bounds.topp=3", "bounds.topp is no field: did you mean top?"),
        ("seeds=3", "seeds is no field: did you mean seed?"),
        ("seed", "sets nothing: write FIELD=VALUE"),
        ("a..b=1", "sets nothing"),
        ("bounds.at_least=40", "bounds: no score is at least 40 and at most 30"),
    ],
)
def test_a_mistake_is_named_with_what_is_possible(own, change, said):
    # That a number has no fields is told where it is set.
    changes = ["stages.tune.steps=5", change] if "steps.x" in change else [change]
    with pytest.raises(TrainingError) as error:
        read_recipe(own, changes)
    assert said in str(error.value)


def test_a_recipe_that_is_not_there_lists_those_that_are(tmp_path: Path):
    with pytest.raises(
        TrainingError, match=r"'minlim' \(did you mean minilm\?\): there are clip, fusion, minilm, minilm-vit,"
    ):
        read_recipe("minlim")
    with pytest.raises(TrainingError, match=r"or give a file that ends in \.toml"):
        read_recipe(str(tmp_path / "gone.toml"))


def test_a_file_is_read_and_its_faults_are_told(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('encoder = "minilm"\n[[stages]]\nname = "one"\ntrain = ["text"]\nsteps = 3\n', "utf-8")
    recipe = read_recipe(str(path))
    assert [stage.name for stage in recipe.stages] == ["one"]
    path.write_text("encoder = ", "utf-8")
    with pytest.raises(TrainingError, match="is no TOML"):
        read_recipe(str(path))
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TrainingError, match="cannot be read"):
        read_recipe(str(path))
    for text, said in (
        ("", "stages: Field required"),
        ("stages = 3", "stages"),
        ('[[stages]]\nname = "a"\ntrain = ["text"]', "stages.a: give either steps or epochs"),
        (
            '[[stages]]\nname = "a"\ntrain = ["text"]\nsteps = 1\n[[stages]]\nname = "a"\ntrain = ["text"]\nsteps = 1',
            "two stages have one name",
        ),
        ('[[stages]]\nname = "a"\nkind = "tail"', "contrastive"),
    ):
        path.write_text(text, "utf-8")
        with pytest.raises(TrainingError, match=said):
            read_recipe(str(path))


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_written_as_toml_is_the_same_again(name):
    recipe = read_recipe(name)
    assert parse_recipe(tomllib.loads(as_toml(recipe))) == recipe


def test_strange_values_survive_toml():
    stage = {"name": "a", "train": ["text"], "steps": 1, "loss": {"views": {'的 "view"': 1.5}}}
    recipe = Recipe.model_validate(
        {
            "about": 'quotes " and \\ and \n lines \x7f 京都',
            "changes": {"text": {"model": "a'b", "layers": [1, 2]}, "on": True, "empty": {}},
            "mining": {"window": float("inf"), "weights": {"click=2": 0.5}},
            "stages": [stage],
        }
    )
    assert parse_recipe(tomllib.loads(as_toml(recipe))) == recipe
