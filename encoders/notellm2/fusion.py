"""Late fusion: the picture's own vector mixed into the compressed states (NoteLLM-2, arXiv 2405.16789, section 4.2)."""

import torch
from torch import Tensor, nn


class LateFusion(nn.Module):
    """ĥ = z ⊙ v + (1 − z) ⊙ h with v = W_p · CLS and z = σ(W [v; h]): how much of each number the picture decides.

    One gate serves both states, n_v and n_m. A note without a picture has nothing to fuse: ĥ = h. There is no
    learned vector for a missing picture, so a text alone does not depend on the vision tower.
    """

    def __init__(self, vision: int, hidden: int) -> None:
        super().__init__()
        self.project_vision = nn.Linear(vision, hidden, bias=False)
        self.gate = nn.Linear(2 * hidden, hidden, bias=False)
        # CLS is a unit vector, so that unit variance here gives v the size of a state after the final norm.
        nn.init.normal_(self.project_vision.weight)

    def forward(self, states: Tensor, pooled: Tensor, present: Tensor) -> Tensor:
        """Fuse states [N, H] with the pooled vectors of the pictures [N, V] where present (bool [N]); [N, H]."""
        vision = self.project_vision(pooled)
        gate = torch.sigmoid(self.gate(torch.cat([vision, states], dim=-1)))
        fused = gate * vision + (1 - gate) * states
        return torch.where(present[:, None], fused, states)
