"""The last states of a timm model as rows of tokens."""

from typing import Any

import torch


def flat_tokens(trunk: Any, features: torch.Tensor) -> torch.Tensor:
    """Bring what `forward_features` of a timm model returns to [N, P, W], without class or register tokens.

    A feature map is read place by place, in rows.
    """
    if features.ndim == 3:
        return features[:, int(getattr(trunk, "num_prefix_tokens", 0) or 0) :]
    if features.ndim == 4:
        if getattr(trunk, "output_fmt", "NCHW") == "NHWC":
            return features.flatten(1, 2)
        return features.flatten(2).transpose(1, 2)
    return features.reshape(len(features), 1, -1)
