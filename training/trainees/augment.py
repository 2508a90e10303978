"""Random crops and flips of pictures in training, never at inference."""

import torch
from torch import Tensor
from torch.nn import functional as F

# Parts of the area that are kept, and ratios of the sides, as in Inception (arXiv 1409.4842, section 6).
AREA = (0.35, 1.0)
RATIO = (3 / 4, 4 / 3)


def random_views(pixels: Tensor) -> Tensor:
    """Cut a random box out of each picture [N, 3, H, W], bring it back to H × W, and flip one in two left to right.

    Random numbers are torch's global ones of the CPU, five a picture, on whatever device the pixels are.
    """
    count = len(pixels)
    area, ratio, x, y, flip = torch.rand(5, count)
    area = AREA[0] + (AREA[1] - AREA[0]) * area
    low, high = torch.tensor(RATIO).log()
    ratio = torch.exp(low + (high - low) * ratio)
    # Half-sides of the box, where the picture goes from -1 to 1; a side that would stick out is the picture's.
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    turned = torch.where(flip < 0.5, -width, width)
    boxes = torch.zeros(count, 2, 3)
    boxes[:, 0, 0], boxes[:, 0, 2] = turned, (2 * x - 1) * (1 - width)
    boxes[:, 1, 1], boxes[:, 1, 2] = height, (2 * y - 1) * (1 - height)
    grid = F.affine_grid(boxes.to(pixels), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
