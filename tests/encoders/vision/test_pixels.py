"""Pixels made with Pillow alone are those of open_clip's and timm's own transforms, bit for bit."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from timm.data import create_transform
from torchvision.transforms import Normalize, ToTensor

from encoders.vision.open_clip_tower import clip_transform
from encoders.vision.pixels import PixelTransform
from encoders.vision.timm_tower import timm_transform

SIZES = [
    (160, 120),
    (120, 160),
    (64, 64),
    (30, 17),
    (17, 30),
    (301, 203),
    (97, 400),
    (1, 1),
    (64, 63),
    (333, 65),
    (48, 40),
]
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def noise(size, seed=0):
    """Every pixel its own, so that a shift by one or another rounding shows."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3)).astype(np.uint8))


def steps_before_normalising(transform, image):
    """The library's own transform up to the tensor, as uint8 [3, H, W]."""
    for step in transform.transforms:
        if isinstance(step, Normalize):
            continue
        image = (image * 255).round().to(torch.uint8) if isinstance(image, torch.Tensor) else step(image)
        if isinstance(step, ToTensor):
            break
    return (image * 255).round().to(torch.uint8).numpy()


@pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("side", [64, (64, 48), (48, 80)], ids=str)
def test_the_pixels_are_those_of_open_clip(mode, interpolation, side):
    config = PreprocessCfg(side, "RGB", MEAN, STD, interpolation, mode, fill_color=9)
    theirs = image_transform_v2(config, is_train=False)
    described = {
        key: getattr(config, key) for key in ("size", "mean", "std", "interpolation", "resize_mode", "fill_color")
    }
    ours = clip_transform(described)
    for seed, size in enumerate(SIZES):
        image = noise(size, seed)
        pixels = ours.pixels(image)
        assert pixels.dtype == np.uint8
        np.testing.assert_array_equal(pixels, steps_before_normalising(theirs, image), err_msg=str(size))
        normalised = ours.stack([pixels], "cpu", torch.float32)[0]
        np.testing.assert_allclose(normalised, theirs(image), atol=1e-6)


@pytest.mark.parametrize("mode", ["center", "border", "squash"])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "lanczos"])
@pytest.mark.parametrize(("side", "crop"), [((64, 64), 0.875), ((64, 64), 1.0), ((64, 48), 0.9), ((60, 60), 0.95)])
def test_the_pixels_are_those_of_timm(mode, interpolation, side, crop):
    config = {
        "input_size": (3, *side),
        "interpolation": interpolation,
        "mean": MEAN,
        "std": STD,
        "crop_pct": crop,
        "crop_mode": mode,
    }
    theirs, ours = create_transform(**config), timm_transform(config)
    for seed, size in enumerate(SIZES):
        image = noise(size, seed)
        pixels = ours.pixels(image)
        np.testing.assert_array_equal(pixels, steps_before_normalising(theirs, image), err_msg=str(size))
        np.testing.assert_allclose(ours.stack([pixels], "cpu", torch.float32)[0], theirs(image), atol=1e-6)


@pytest.mark.parametrize("size", [(600, 64), (50, 700), (1000, 10), (3, 500)])
def test_of_a_slender_picture_only_what_is_kept_is_resized(size):
    """The same as resizing all of it, but where Pillow takes rows and columns in another order and so rounds anew."""
    down, across = np.mgrid[: size[1], : size[0]]
    waves = np.stack([np.sin(across / 3), np.cos(down / 4), np.sin((across + down) / 5)], axis=-1)
    image = Image.fromarray((waves * 100 + 128).astype(np.uint8))
    config = PreprocessCfg(64, "RGB", MEAN, STD)
    theirs = steps_before_normalising(image_transform_v2(config, is_train=False), image).astype(int)
    ours = PixelTransform(64, 64, MEAN, STD, "shortest", (64, 64)).pixels(image).astype(int)
    assert np.abs(ours - theirs).max() <= 2
    along = 2 if size[0] > size[1] else 1
    assert np.abs(ours - np.roll(theirs, 1, axis=along)).mean() > 0.4  # one pixel off would be seen


@pytest.mark.parametrize("fit", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("size", [(1, 10_000), (10_000, 1), (1, 1)])
def test_extreme_proportions_cost_no_memory(fit, size):
    """224 × 2,240,000 pixels, which is what covering would make, are 1.5 GB."""
    image = Image.new("RGB", size, (10, 20, 30))
    transform = PixelTransform(224, 224, MEAN, STD, fit, (224, 224))
    tracemalloc.start()
    pixels = transform.pixels(image)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert pixels.shape == (3, 224, 224)
    assert pixels.max(axis=(1, 2)).tolist() == [10, 20, 30]
    assert peak < 5e6


def test_a_batch_is_channels_last_and_of_the_wanted_format():
    transform = PixelTransform(8, 8, MEAN, STD, "squash", (8, 8))
    pixels = [transform.pixels(noise((9, 9), seed)) for seed in range(3)]
    batch = transform.stack(pixels, "cpu", torch.bfloat16)
    assert batch.shape == (3, 3, 8, 8)
    assert batch.dtype == torch.bfloat16
    assert batch.is_contiguous(memory_format=torch.channels_last)
    copied = transform.stack([np.ascontiguousarray(one) for one in pixels], "cpu", torch.bfloat16)
    assert torch.equal(batch, copied)
    exact = transform.stack(pixels, "cpu", torch.float32)
    assert torch.equal(batch, exact.bfloat16())  # rounded once, at the end
