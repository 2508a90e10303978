"""Linear layers in 8-bit integers, for CPUs that multiply those four at a time (AVX-512 VNNI).

Weights have one scale an output channel, activations one a token, found as the token comes (so a vector does not
depend on its company). Before that, channels are centred and evened out as in SmoothQuant (Xiao et al. 2023, section
4, with migration strength 0.5): a few channels of BERT's normalised states are many times larger than the others and
would cost those their digits. The ranges come from random tokens, run once when the weights are loaded: no text is
needed, and on the movies corpus they serve as well as ranges from the corpus itself.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from encoders.errors import EncoderError
from encoders.text.bert import Bert
from encoders.text.packed import Dense, PackedBert

_STRENGTH = 0.5
# GELU never goes below -0.16998; its outputs fill the range of a byte from there.
_GELU_MIN = -0.17
_FIRST_WORD = 999  # BERT's vocabulary begins with reserved and special tokens


class Range(NamedTuple):
    """The least and greatest value each input channel of a layer took, float32 [in]."""

    low: Tensor
    high: Tensor


def packed_int8(bert: Bert, attention: torch.dtype) -> PackedBert:
    """Return the fast form of a network with every linear layer in int8; attention: the dtype of attention.

    Raises EncoderError where this build of torch has no int8 products for the CPU.
    """
    if not hasattr(torch.ops.onednn, "qlinear_pointwise"):
        raise EncoderError("this torch has no int8 products (oneDNN) for the CPU: use precision bfloat16 or float32")
    ranges = calibrate(bert)

    def make(name: str, weight: Tensor, bias: Tensor) -> Dense:
        if name.endswith("attention.self"):
            return Int8Linear(weight, bias, ranges[name], attention)
        if name.endswith("attention.output.dense"):
            return Int8Linear(weight, bias, None)
        if name.endswith("intermediate.dense"):
            return Int8Linear(weight, bias, ranges[name])
        return Int8Linear(weight, bias, None, least=_GELU_MIN)

    return PackedBert(bert, torch.float32, make)


@torch.inference_mode()
def calibrate(bert: Bert) -> Mapping[str, Range]:
    """Return the ranges of what each layer reads, over 40 short and long texts of random words."""
    recorded: dict[str, Range] = {}

    def make(name: str, weight: Tensor, bias: Tensor) -> Dense:
        def dense(rows: Tensor) -> Tensor:
            low, high = rows.amin(dim=0), rows.amax(dim=0)
            if name in recorded:
                low, high = torch.minimum(low, recorded[name].low), torch.maximum(high, recorded[name].high)
            recorded[name] = Range(low, high)
            return torch.nn.functional.linear(rows, weight, bias)

        return dense

    words = torch.Generator().manual_seed(0)
    texts = [
        torch.randint(_FIRST_WORD, bert.shape.vocabulary, (length,), generator=words).tolist()
        for length in [62] * 16 + [6] * 24
    ]
    # 101 and 102 open and close a text in BERT's vocabulary.
    PackedBert(bert, torch.float32, make).means([[101, *text, 102] for text in texts])
    return recorded


class Int8Linear:
    """weight · x + bias with weight and x in bytes, sums exact in 32 bits, and the result in `out`.

    among: the ranges of the inputs, to even them out by; least: a bound of the inputs where they have one, which
    makes their range one-sided.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        among: Range | None,
        out: torch.dtype = torch.float32,
        least: float | None = None,
    ) -> None:
        self.out = out
        self.least = least
        self.levelled: tuple[Tensor, Tensor] | None = None
        if among is not None:
            centre = (among.low + among.high) / 2
            reach = (among.high - centre).clamp(min=1e-2)
            spread = reach**_STRENGTH / weight.abs().amax(dim=0).clamp(min=1e-5) ** (1 - _STRENGTH)
            spread /= spread.mean()
            bias = bias + weight @ centre
            weight = weight * spread
            self.levelled = (centre, 1 / spread)
        scale = weight.abs().amax(dim=1).clamp(min=1e-12) / 127
        rounded = (weight / scale[:, None]).round().to(torch.int8)
        if least is not None:
            # Bytes count from `least`, not from 0: that share of the result is the same for every input.
            bias = bias + least * scale * rounded.float().sum(dim=1)
        self.bias = bias.to(out)
        self.scale = scale
        self.zero = torch.zeros(len(scale), dtype=torch.int32)
        self.weight = torch.ops.onednn.qlinear_prepack(rounded, None)

    def __call__(self, rows: Tensor) -> Tensor:
        """Map rows [T, in] to [T, out] of dtype `out`."""
        if self.levelled is None:
            rows = rows.float()
        else:
            centre, even = self.levelled
            rows = rows.sub(centre).mul_(even)
        step = rows.amax(dim=1, keepdim=True)  # the width of one of a byte's 256 levels, [T, 1]
        if self.least is None:
            step = torch.maximum(step, rows.amin(dim=1, keepdim=True).neg_()).clamp_(min=1e-12).div_(127)
            zero = 128
            levels = rows.mul(step.reciprocal()).add_(128.5)
        else:
            step.sub_(self.least).clamp_(min=1e-12).div_(255)
            zero = 0
            levels = rows.mul(step.reciprocal()).add_(0.5 - self.least / step)
        # Truncation after adding a half is rounding; by way of int16, which is converted several at a time.
        bytes_ = levels.to(torch.int16).to(torch.uint8)
        product: Tensor = torch.ops.onednn.qlinear_pointwise(
            bytes_, 1.0, zero, self.weight, self.scale, self.zero, None, 1.0, 0, self.out, "none", [], ""
        )
        return product.mul_(step.to(self.out)).add_(self.bias)
