"""Whether an encoder was trained on what an evaluation holds out, by the record that training leaves with it."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from encoders.lineage import trainings
from retrieval.evaluation.errors import LeakFound
from retrieval.evaluation.split import DataDigests, Split, Stage


class TrainedOn(BaseModel):
    """One training: on which data, and what was held out.

    corpus: its name. data: digests, those of no interactions where it had pairs alone. split: None where nothing was
    held out. stage: `validation` saw neither validation nor test, `test` all but the test, `none` everything.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    corpus: str
    data: DataDigests
    split: Split | None = None
    stage: Literal["validation", "test", "none"]


def check_trained_on(name: str, config: BaseModel | Mapping[str, Any], split: Split, stage: Stage) -> list[str]:
    """Hold what an encoder was trained on against an evaluation; returns remarks where that cannot be told.

    config: the encoder's, as it was read from its folder or as an index keeps it. An encoder without a record passes.
    Raises LeakFound where it learned from what is held out here.
    """
    remarks = []
    for trained in _records(config):
        if trained is None:
            remarks.append(f"{name} has a record of training that this notelens cannot read: it may know the answers")
        elif trained.split is not None and trained.split.config.as_json() == split.config.as_json():
            if trained.stage == "test" and stage == "validation":
                raise LeakFound(
                    f"{name} was trained on the validation notes that are asked here (stage test of this split): "
                    "evaluate it with --stage test, or train with --stage validation"
                )
        elif _is_other(trained.data, split.data):
            remarks.append(
                f"{name} was trained on other data ({trained.corpus}): should it have notes or people in common with "
                "this, figures are too good"
            )
        else:
            held = "and nothing was held out" if trained.split is None else "with another split"
            mend = "evaluate on other data" if trained.split is None else "evaluate with its own (--split split.json)"
            raise LeakFound(
                f"{name} was trained on these notes or interactions {held}, so it may know the answers: {mend}, or "
                "train one with this split"
            )
    return remarks


def _records(config: BaseModel | Mapping[str, Any]) -> Iterator[TrainedOn | None]:
    for values in trainings(config):
        try:
            yield TrainedOn.model_validate(values)
        except ValidationError:
            yield None


def _is_other(trained: DataDigests, here: DataDigests) -> bool:
    """Whether both notes and interactions are other ones than those evaluated on."""
    return trained.notes != here.notes and trained.interactions != here.interactions
