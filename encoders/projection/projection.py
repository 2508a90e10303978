"""The learnt maps of a note encoder's blocks: a linear map and, beside it, a network with one hidden layer."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from encoders.blocks import Vectors, unit_rows
from encoders.errors import EncoderError, WeightsError
from encoders.hub import state_digest
from encoders.projection.config import ProjectionConfig

WEIGHTS_FILE = "projection.safetensors"
# What of the hidden layer training leaves out at random: without it the map learns the notes by heart.
DROPOUT = 0.3


class BlockProjection(nn.Module):
    """Unit rows [N, D] to rows [N, out]: A x + B gelu(C √D x), not of unit length; zero rows stay zero.

    At first A keeps angles (it is the identity where D = out, else rows or columns of a rotation) and B is zero, so
    untrained it changes nothing, or as little as a cut can.
    """

    def __init__(self, dim: int, out: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.dim, self.out = dim, out
        self.linear = nn.Linear(dim, out, bias=False)
        self.up = nn.Linear(dim, hidden) if hidden else None
        self.down = nn.Linear(hidden, out, bias=False) if hidden else None
        with torch.no_grad():
            if dim == out:
                self.linear.weight.copy_(torch.eye(dim))
            else:
                nn.init.orthogonal_(self.linear.weight, generator=generator)
            if self.up is not None and self.down is not None:
                self.up.weight.copy_(torch.randn(hidden, dim, generator=generator) * dim**-0.5)
                self.up.bias.zero_()
                self.down.weight.zero_()

    def forward(self, rows: Tensor) -> Tensor:
        """Map rows [N, D], float32."""
        mapped: Tensor = self.linear(rows)
        if self.up is not None and self.down is not None:
            # Unit rows have numbers of about D**-.5; the hidden layer learns fastest from numbers of about one.
            hidden = F.gelu(self.up(rows * self.dim**0.5))
            mapped = mapped + self.down(F.dropout(hidden, DROPOUT, self.training))
        # The bias of the hidden layer would give a note without a picture one.
        return torch.where(rows.any(dim=1, keepdim=True), mapped, 0)


class Projection(nn.Module):
    """The maps of the blocks; image 0: there is no image tower. Without any map it changes nothing.

    Raises EncoderError where the configuration names neither a folder nor a seed, or a folder of other sizes,
    WeightsError for a missing or damaged file.
    """

    def __init__(self, config: ProjectionConfig, text: int, image: int) -> None:
        super().__init__()
        if config.folder is None and config.seed is None:
            raise EncoderError("the projection has neither a folder nor a seed: name a folder, or a seed to train from")
        generator = torch.Generator().manual_seed(config.seed or 0)
        self.text = _block(text, config.text, config.hidden, generator)
        self.image = _block(image, config.image, config.hidden, generator)
        self.text_dim = self.text.out if self.text else text
        self.image_dim = self.image.out if self.image else image
        if config.folder is not None:
            self._load(Path(config.folder) / WEIGHTS_FILE)
        self.eval()

    @torch.inference_mode()
    def of_text(self, rows: Vectors) -> Vectors:
        """Map unit rows of the text tower, float32 [N, T], to unit rows float32; zero rows stay zero."""
        return rows if self.text is None else unit_rows(self.text(torch.from_numpy(rows)).numpy())

    @torch.inference_mode()
    def of_images(self, rows: Vectors) -> Vectors:
        """Map unit rows of the image tower, float32 [N, I], to unit rows float32; zero rows stay zero."""
        return rows if self.image is None else unit_rows(self.image(torch.from_numpy(rows)).numpy())

    def digest(self) -> str:
        """Hash of all weights."""
        return state_digest(self)

    def save(self, folder: Path) -> None:
        """Write the weights into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {name: tensor.detach().cpu().contiguous() for name, tensor in self.state_dict().items()}
        save_file(state, folder / WEIGHTS_FILE)

    def _load(self, path: Path) -> None:
        try:
            state = load_file(path)
        except (SafetensorError, OSError) as error:
            raise WeightsError(f"{path} cannot be read ({error}): save or copy the encoder again") from error
        wanted = {name: tuple(tensor.shape) for name, tensor in self.state_dict().items()}
        found = {name: tuple(tensor.shape) for name, tensor in state.items()}
        if wanted != found:
            name = min(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
            raise EncoderError(
                f"{path} does not fit its configuration: {name} is {found.get(name, 'missing')} there, "
                f"{wanted.get(name, 'nothing')} for these towers and this width"
            )
        self.load_state_dict(state)


def _block(dim: int, out: int | None, hidden: int, generator: torch.Generator) -> BlockProjection | None:
    """Make the map of a block; None where there is no such tower, or it is not to be mapped."""
    return BlockProjection(dim, out or dim, hidden, generator) if dim and out != 0 else None
