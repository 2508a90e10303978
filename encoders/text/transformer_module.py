"""A bidirectional transformer with pooling and projection: the part of the tower that is trained."""

from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from encoders.errors import EncoderError, WeightsError

PROJECTION_FILE = "projection.safetensors"
Pooling = Literal["mean", "cls", "emb"]


class PooledTransformer(nn.Module):
    """Token ids to one vector a text; differentiable.

    backbone: a model of transformers that returns last_hidden_state. emb: the id of [EMB], for its pooling.
    """

    def __init__(self, backbone: nn.Module, pooling: Pooling, emb: int | None, projection: nn.Linear | None) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = projection
        self.pooling = pooling
        self.emb = emb

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Map ids [B, L] int64, padded at the right, with mask [B, L] (1 real, 0 padding), to float32 [B, dim].

        The rows are not of unit length. With pooling `emb` each row holds [EMB] once.
        """
        hidden: Tensor = self.backbone(input_ids=ids, attention_mask=mask).last_hidden_state  # [B, L, H]
        if self.pooling == "cls":
            pooled = hidden[:, 0].float()
        elif self.pooling == "emb":
            at = ids.eq(self.emb or 0).int().argmax(dim=1)
            pooled = hidden[torch.arange(len(ids), device=ids.device), at].float()
        else:
            # Summed in float32: a bfloat16 sum over 256 tokens would lose a digit.
            real = mask[:, :, None].float()
            pooled = (hidden.float() * real).sum(dim=1) / real.sum(dim=1)
        return pooled if self.projection is None else self.projection(pooled)


def make_projection(folder: Path, hidden: int, size: int, seed: int | None) -> nn.Linear:
    """Read the linear layer hidden → size from a model folder, or draw one where none is saved there.

    Raises WeightsError for a damaged file, EncoderError for one of another shape.
    """
    linear = nn.Linear(hidden, size, bias=False)
    path = folder / PROJECTION_FILE
    if seed is not None or not path.is_file():
        with torch.no_grad():
            generator = torch.Generator().manual_seed(seed or 0)
            linear.weight.copy_(torch.randn(size, hidden, generator=generator) * hidden**-0.5)
        return linear
    try:
        weight = load_file(path)["weight"]
    except (SafetensorError, OSError, KeyError) as error:
        raise WeightsError(f"{path} cannot be read ({error}): save or copy the encoder again") from error
    if weight.shape != linear.weight.shape:
        raise EncoderError(
            f"{path} projects {weight.shape[1]} numbers to {weight.shape[0]}, asked for were {hidden} to {size}: "
            f"give project={weight.shape[0]}, or remove the file to start from a random one"
        )
    linear.load_state_dict({"weight": weight.float()})
    return linear


def save_projection(linear: nn.Linear, folder: Path) -> None:
    """Write the linear layer beside the model's own files."""
    save_file({"weight": linear.weight.detach().cpu().contiguous()}, folder / PROJECTION_FILE)
