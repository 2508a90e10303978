"""What joins two towers, with gradients: learnt maps, the image's share, the query that pictures are pooled with."""

import math

import torch
from torch import Tensor, nn

from encoders.blocks import Vectors
from encoders.projection.projection import Projection
from encoders.vision.pooling import SHARPNESS
from training.losses.precision import unit


class Fusion(nn.Module):
    """Vectors of both towers to the blocks of a note's row, as NoteEncoder joins them.

    share: the image's, learnt through its log odds. query [D]: of attention over a note's pictures; None: their mean.
    """

    def __init__(self, projection: Projection | None, share: float, query: Vectors | None) -> None:
        super().__init__()
        self.projection = projection
        self.odds = nn.Parameter(torch.tensor(math.log(share / (1 - share))))
        self.query = None if query is None else nn.Parameter(torch.from_numpy(query.copy()))

    @property
    def share(self) -> Tensor:
        """The image's share s, a scalar."""
        return torch.sigmoid(self.odds)

    def texts(self, rows: Tensor) -> Tensor:
        """Map rows [N, T] of the text tower to unit rows; zero rows stay zero."""
        rows = unit(rows)
        return rows if self.projection is None or self.projection.text is None else unit(self.projection.text(rows))

    def pictures(self, rows: Tensor, owners: Tensor, count: int) -> Tensor:
        """Pool rows [P, D] of the notes they belong to, int64 [P], and map them: unit rows [count, …]."""
        rows = unit(rows)
        if self.query is not None and len(rows):
            scores = float(SHARPNESS) * (rows @ self.query)
            highest = torch.full((count,), -torch.inf, device=rows.device)
            highest = highest.scatter_reduce(0, owners, scores.detach(), "amax")
            rows = rows * (scores - highest[owners]).exp()[:, None]
        pooled = unit(torch.zeros(count, rows.shape[1], device=rows.device).index_add(0, owners, rows))
        if self.projection is None or self.projection.image is None:
            return pooled
        return unit(self.projection.image(pooled))
