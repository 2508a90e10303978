"""Content vectors towards collaborative ones: what interactions know of warm notes, in a form that cold notes share.

The proxy of a warm note is a vector learnt from interactions (a factorisation, a sequence model). It is given, so no
gradient reaches it; a linear map takes content into its space.
"""

import torch
from torch import Tensor

from training.losses.contrastive import contrastive
from training.losses.precision import dot, unit


def cosine_alignment(content: Tensor, proxies: Tensor, projection: Tensor) -> Tensor:
    """Return the mean of 1 − cos(W c, p) over N warm notes, a scalar; 0 without notes.

    content [N, D], proxies [N, P] of any length, projection W [P, D]. On unit rows 2 (1 − cos) is the squared distance
    by which content is regressed on collaborative vectors (van den Oord et al. 2013, NeurIPS, "Deep content-based music
    recommendation"; Heater, Zhu et al. 2020, SIGIR). A zero row counts as cosine 0.
    """
    cosines = (unit(dot(content, projection.T)) * unit(proxies.detach())).sum(dim=1)
    return (1 - cosines).sum() / max(len(cosines), 1)


def contrastive_alignment(
    content: Tensor, proxies: Tensor, projection: Tensor, tau: Tensor, *, allowed: Tensor | None = None
) -> Tensor:
    """Return −log softmax of a note's proxy among those of all N warm notes, on average, a scalar.

    CLCRec (arXiv 2107.05315, section 3), its contrast between an item's features and collaborative embeddings; cosines
    times e^τ. content [N, D], proxies [N, P], projection W [P, D]. allowed bool [N, N]: whose proxies are negatives.
    """
    own = torch.arange(len(content), device=content.device)
    return contrastive(unit(dot(content, projection.T)), unit(proxies.detach()), own, tau, allowed=allowed)
