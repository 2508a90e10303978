"""What NoteLLM-2 adds to a vision tower and a language model: connector, gate, projection; one file of weights."""

from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from encoders.errors import WeightsError
from encoders.notellm2.config import NoteLLM2Config
from encoders.notellm2.fusion import LateFusion
from encoders.notellm2.resampler import Connector, Resampler


class Bridge(nn.Module):
    """The layers that are trained from scratch; float32, whatever the language model runs in.

    patch_width, vision: widths of the tower's patches and of its pooled vector; hidden: of the language model.
    """

    def __init__(
        self, config: NoteLLM2Config, patch_width: int, vision: int, hidden: int, embedding_rms: float = 1.0
    ) -> None:
        super().__init__()
        layers, width = config.resampler_layers, config.resampler_width
        self.connector = Connector(Resampler(patch_width, config.visual_tokens, layers, width), hidden, embedding_rms)
        self.fusion = LateFusion(vision, hidden)
        self.projection = nn.Linear(hidden, config.project, bias=False)

    def visual_tokens(self, patches: Tensor, dtype: torch.dtype) -> Tensor:
        """Turn patches [P, L, W] into visual tokens [P, visual_tokens, H] of a dtype.

        Computed in that dtype, or in that of an autocast around it where that is float32, as in training.
        """
        lower = dtype is torch.bfloat16
        with torch.autocast(patches.device.type, dtype) if lower else nullcontext():
            tokens: Tensor = self.connector(patches)
        return tokens.to(dtype)

    def forward(self, states: Tensor, pooled: Tensor, present: Tensor) -> Tensor:
        """Fuse compressed states [N, H] with pooled vectors [N, V] where present [N], and project: [N, project]."""
        projected: Tensor = self.projection(self.fusion(states.float(), pooled.float(), present))
        return projected


def make_bridge(config: NoteLLM2Config, patch_width: int, vision: int, hidden: int, embedding_rms: float) -> Bridge:
    """Make the layers with the weights of config.connector, or random ones. Raises WeightsError."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(config.seed or 0)  # of the CPU alone, where the layers are made
        bridge = Bridge(config, patch_width, vision, hidden, embedding_rms)
    if config.connector is None:
        return bridge
    weights = _read(Path(config.connector))
    _check(weights, bridge.state_dict(), config.connector)
    bridge.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
    return bridge


def save_bridge(bridge: Bridge, path: Path) -> None:
    """Write the weights as safetensors."""
    from safetensors.torch import save_file

    save_file({name: tensor.contiguous().cpu() for name, tensor in bridge.state_dict().items()}, path)


def _read(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(f"{path} is missing: it holds the resampler, the gate and the projection; copy it again")
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file, or a damaged one: {error}") from error


def _check(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], path: str) -> None:
    for name, tensor in wanted.items():
        if name not in weights:
            raise WeightsError(
                f"{path} has no tensor {name}: it is not of NoteLLM-2, or of fewer resampler layers than "
                "resampler_layers says"
            )
        if weights[name].shape != tensor.shape:
            raise WeightsError(
                f"{path}: {name} has shape {list(weights[name].shape)}, this language model, vision tower and "
                f"configuration (visual_tokens, resampler_width, project) want {list(tensor.shape)}"
            )
    if extra := sorted(weights.keys() - wanted.keys()):
        raise WeightsError(f"{path} has {len(extra)} tensors too many ({extra[0]}, ...): raise resampler_layers")
