"""A quantised MobileNetV2 of TensorFlow Lite, as arrays, to the state of timm's model of the same shape.

The arrays stand in an .npz as `t<index>` (uint8 weights, int32 biases, batch norms already folded in), and beside it
a graph `<name>_graph.json` says what each is: `tensors` with scale and zero point, and `ops` in the order they run.
A value is (t − zero point) × scale (arXiv 1712.05877, equation 1). No TensorFlow is needed.

TensorFlow's "SAME" padding puts the odd row at the bottom and the right, which timm does with pad_type="same".
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from encoders.errors import WeightsError

if TYPE_CHECKING:
    import torch

# The input is quantised as (x − 128) / 128 for x of 0 … 255, and the model was trained on whole pictures brought to
# 224 × 224: the graph has no crop.
PREPROCESSING: dict[str, Any] = {
    "mean": (128 / 255,) * 3,
    "std": (128 / 255,) * 3,
    "interpolation": "bilinear",
    "crop_pct": 1.0,
    "crop_mode": "squash",
}


@dataclass(frozen=True, slots=True)
class Convolution:
    """One layer in float32: weight [out, in / groups, height, width] as torch has it, bias [out]."""

    depthwise: bool
    weight: NDArray[np.float32]
    bias: NDArray[np.float32]


def graph_beside(path: Path) -> Path:
    """Return where the graph of an .npz is expected: `mobilenet_v2_tensors.npz` goes with `mobilenet_v2_graph.json`."""
    return path.with_name(path.stem.removesuffix("_tensors") + "_graph.json")


def read_arrays(path: Path) -> list[Convolution]:
    """Read the convolutions in the order they run, the classifier's included. Raises WeightsError."""
    beside = graph_beside(path)
    if not beside.is_file():
        raise WeightsError(f"{path} needs its graph beside it, {beside.name}: it says what each array is")
    try:
        graph = json.loads(beside.read_text(encoding="utf-8"))
        described = {int(one["index"]): one for one in graph["tensors"]}
        operations = [one for one in graph["ops"] if one["op"] in ("CONV_2D", "DEPTHWISE_CONV_2D")]
        with np.load(path, allow_pickle=False) as arrays:

            def real(index: int) -> NDArray[np.float32]:
                one = described[index]
                steps = arrays[f"t{index}"].astype(np.float64) - np.asarray(one["zero_point"], np.float64)
                value: NDArray[np.float32] = (steps * np.asarray(one["scale"], np.float64)).astype(np.float32)
                return value

            return [_convolution(one["op"], *(real(index) for index in one["inputs"][1:3])) for one in operations]
    except (ValueError, KeyError, TypeError, IndexError, OSError, EOFError, BadZipFile, ZlibError) as error:
        raise WeightsError(
            f"{path} with {beside.name} is not a TFLite model as arrays ({type(error).__name__}: {error}): wanted are "
            "arrays t<index>, and a graph with tensors (index, scale, zero_point) and ops (op, inputs)"
        ) from error


def _convolution(operation: str, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Convolution:
    """TensorFlow's [out, h, w, in], or [1, h, w, channels] of a depthwise one, to torch's order."""
    if weight.ndim != 4 or bias.ndim != 1:
        raise ValueError(f"a convolution has weights of {weight.ndim} and biases of {bias.ndim} axes, not 4 and 1")
    depthwise = operation == "DEPTHWISE_CONV_2D"
    ordered = weight.transpose(3, 0, 1, 2) if depthwise else weight.transpose(0, 3, 1, 2)
    return Convolution(depthwise, np.ascontiguousarray(ordered), bias)


def state_of(layers: list[Convolution], model: "torch.nn.Module") -> dict[str, "torch.Tensor"]:
    """Return the state dict of timm's `model` (made without a classifier); raises WeightsError where shapes differ.

    Convolutions pair up in the order they run. A folded batch norm becomes one that adds the bias alone.
    """
    import torch

    convolutions = [(name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.Conv2d)]
    norms = [(name, part) for name, part in model.named_modules() if isinstance(part, torch.nn.BatchNorm2d)]
    # The last layer of the file is its classifier, which the model does not have.
    if not len(layers) - 1 == len(convolutions) == len(norms):
        raise WeightsError(
            f"the arrays hold {len(layers) - 1} convolutions before the classifier, the timm model has "
            f"{len(convolutions)} with {len(norms)} norms: the arrays are those of a mobilenetv2"
        )
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    for layer, (name, part), (norm, batch_norm) in zip(layers[:-1], convolutions, norms, strict=True):
        if layer.weight.shape != tuple(part.weight.shape) or layer.depthwise != (part.groups > 1):
            raise WeightsError(
                f"the arrays do not fit timm's {name}: theirs are {list(layer.weight.shape)}, wanted "
                f"{list(part.weight.shape)}: name the timm model of that width (mobilenetv2_100 for 1.0)"
            )
        state[f"{name}.weight"] = torch.from_numpy(layer.weight)
        state[f"{norm}.weight"] = torch.ones(len(layer.bias))
        state[f"{norm}.bias"] = torch.from_numpy(layer.bias)
        state[f"{norm}.running_mean"] = torch.zeros(len(layer.bias))
        # With what the norm adds for safety, its divisor is then one.
        state[f"{norm}.running_var"] = torch.full((len(layer.bias),), 1 - batch_norm.eps)
    return state
