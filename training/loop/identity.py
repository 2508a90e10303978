"""Whether a checkpoint is of the training at hand, and if not, where they part."""

import json
from collections.abc import Iterator, Mapping

from training.recipes.config import Stage


def identity_of(stage: Stage, seed: int, further: Mapping[str, object]) -> dict[str, object]:
    """All that a stage's course follows from, as JSON has it. further: digests of the caller's, of pairs and corpus."""
    whole = {"stage": stage.model_dump(mode="json"), "seed": seed, **further}
    as_json: dict[str, object] = json.loads(json.dumps(whole, sort_keys=True))
    return as_json


def differences(theirs: object, ours: object, path: str = "") -> Iterator[str]:
    """Say of each value that differs where it stands, what it is there, and what it is here."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in sorted(theirs.keys() | ours.keys()):
            inner = f"{path}.{key}" if path else str(key)
            if key not in theirs or key not in ours:
                yield f"{inner} is only {'here' if key in ours else 'in the checkpoint'}"
            else:
                yield from differences(theirs[key], ours[key], inner)
    elif theirs != ours:
        yield f"{path} was {json.dumps(theirs, ensure_ascii=False)} and is now {json.dumps(ours, ensure_ascii=False)}"
