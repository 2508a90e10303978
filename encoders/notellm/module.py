"""The torch module of NoteLLM: the language model and the linear layer to the embedding; what training trains."""

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from encoders.errors import WeightsError
from encoders.notellm.backbone import Backbone, Prefix

PROJECTION_FILE = "projection.safetensors"


class NoteModule(nn.Module):
    """Token ids of notes to embeddings; differentiable in the model's weights and the projection's.

    The projection is float32 whatever the model's number format: it is small, and its rounding would be the last.
    """

    def __init__(self, backbone: Backbone, project: int, seed: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection = nn.Linear(backbone.hidden, project, bias=False)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            # Random directions of equal spread keep angles, in expectation (Johnson and Lindenstrauss 1984).
            self.projection.weight.copy_(torch.randn(project, backbone.hidden, generator=generator) / project**0.5)

    def forward(self, inputs: Sequence[Tensor], prefix: Prefix | None = None) -> Tensor:
        """Return the embeddings float32 [N, project], not yet of unit length, of N prompts int64 [T_i] (at least one).

        A prompt ends with the token just before [EMB], whose state is the embedding (section 4.1); prefix: the
        instruction, if the prompts are without it.
        """
        taps = [[len(ids) - 1] for ids in inputs]
        states = torch.cat(self.backbone.states(inputs, taps, prefix))  # [N, H]
        projected: Tensor = self.projection(states)
        return projected

    def load_projection(self, folder: Path) -> bool:
        """Read the projection from a folder that has one; raises WeightsError for one of another shape."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        path = folder / PROJECTION_FILE
        if not path.is_file():
            return False
        try:
            tensors = load_file(path)
        except SafetensorError as error:
            raise WeightsError(f"{path} cannot be read ({error}): copy it again") from error
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        wanted = {"weight": tuple(self.projection.weight.shape)}
        if found != wanted:
            raise WeightsError(
                f"{path} holds {found}, wanted {wanted}: set project to what it was saved with, or remove the file "
                "for a random projection"
            )
        self.projection.load_state_dict(tensors)
        return True

    def save_projection(self, folder: Path) -> None:
        """Write the projection into a folder."""
        from safetensors.torch import save_file

        save_file({"weight": self.projection.weight.detach().cpu().contiguous()}, folder / PROJECTION_FILE)
