"""Every image part against the tower it trains; batch norms and augmentation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from encoders.towers import image_tower
from encoders.vision.config import DescriptorConfig, NoImageConfig, OpenClipConfig, TimmConfig
from training.trainees.augment import AREA, RATIO, random_views
from training.trainees.making import image_part

CONFIGS = {
    "open_clip": OpenClipConfig(model="tiny", seed=3),
    "vit": TimmConfig(model="test_vit", seed=3),
    "resnet": TimmConfig(model="test_resnet", seed=3),
}


@pytest.fixture(params=CONFIGS)
def config(request):
    return CONFIGS[request.param]


def test_a_part_embeds_trains_and_saves_what_its_tower_encodes(config, drawings, held, tmp_path):
    part, tower = image_part(config), image_tower(config, "float32")
    with ThreadPoolExecutor(4) as pool:
        pixels = list(pool.map(part.preprocess, drawings))
    for own, expected in zip(pixels, map(tower.preprocess, drawings), strict=True):
        assert (own == expected).all()
    rows = part.embed(pixels)
    assert (rows.dtype, tuple(rows.shape), part.shrink_to) == (torch.float32, (6, part.dim), tower.shrink_to)
    np.testing.assert_allclose(held.unit(rows), tower.encode(pixels), atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = part.embed(pixels)
    assert rounded.dtype == torch.float32
    assert 1e-5 < abs(held.unit(rounded) - held.unit(rows)).max() < 0.1
    part.module.train()
    before, after = held.learns(part.module, lambda: part.embed(pixels))
    assert after < before - 0.01
    part.module.eval()
    held.gradients_reach(part.module, part.embed(pixels))
    trained = held.unit(part.embed(pixels))
    assert abs(trained - held.unit(rows)).max() > 1e-3
    part.save(tmp_path / "image")
    saved = image_tower(config.saved_as("image").located_in(tmp_path), "float32")
    np.testing.assert_allclose(saved.encode(pixels), trained, atol=1e-5)
    assert (saved.preprocess(drawings[0]) == pixels[0]).all()
    part.begin(False)
    assert not part.embed(pixels).requires_grad


def test_the_other_half_of_a_clip_model_is_saved_as_it_was(tmp_path):
    from safetensors.torch import load_file

    from encoders.text.config import OpenClipTextConfig
    from training.trainees.making import text_part

    folder = tmp_path / "stored"
    image_tower(CONFIGS["open_clip"], "float32").save(folder)
    stored = load_file(folder / "open_clip_model.safetensors")
    image, text = (kind(model=str(folder)) for kind in (OpenClipConfig, OpenClipTextConfig))
    for part, own in ((image_part(image), True), (text_part(text), False)):
        with torch.no_grad():
            for weight in part.module.parameters():
                weight.add_(1)
        part.save(tmp_path / str(own))
        saved = load_file(tmp_path / str(own) / "open_clip_model.safetensors")
        assert saved.keys() == stored.keys()
        changed = {name for name in stored if not torch.equal(saved[name], stored[name])}
        assert changed == {name for name in stored if name.startswith("visual.") == own and name != "logit_scale"}


def test_the_statistics_of_batch_norms_stand_still_in_training(drawings):
    part = image_part(CONFIGS["resnet"])
    pixels = [part.preprocess(one) for one in drawings]
    expected = part.embed(pixels)
    buffers = {name: value.clone() for name, value in part.module.named_buffers()}
    assert any("running_mean" in name for name in buffers)
    part.module.train()
    # Rows do not depend on the others of a micro-batch.
    alone = torch.cat([part.embed([one]) for one in pixels])
    torch.testing.assert_close(alone, expected, rtol=1e-4, atol=1e-5)
    assert all(torch.equal(value, buffers[name]) for name, value in part.module.named_buffers())


def test_pictures_are_augmented_in_training_alone_and_by_torchs_generator(drawings):
    part = image_part(CONFIGS["open_clip"], augment=True)
    plain = image_part(CONFIGS["open_clip"])
    pixels = [part.preprocess(one) for one in drawings]
    assert torch.equal(part.embed(pixels), plain.embed(pixels))
    part.module.train()
    plain.module.train()
    state = torch.get_rng_state()
    first = part.embed(pixels)
    assert not torch.allclose(first, part.embed(pixels), atol=1e-4)
    torch.set_rng_state(state)
    assert torch.equal(part.embed(pixels), first)
    assert torch.equal(plain.embed(pixels), plain.embed(pixels))


def test_a_random_view_is_a_box_of_the_picture(monkeypatch):
    # Red is the column, green the row, in units where the middle is 0: what a view shows says where it looks.
    side = 64
    middle = (torch.arange(side) + 0.5) / side * 2 - 1
    ramp = torch.stack([middle.expand(side, side), middle[:, None].expand(side, side), torch.zeros(side, side)])
    views = random_views(ramp.expand(200, 3, side, side))
    red, green = views[:, 0], views[:, 1]
    width, height = (red[:, 32, 40] - red[:, 32, 24]) * 2, (green[:, 40, 32] - green[:, 24, 32]) * 2
    flipped = width < 0
    assert 60 < int(flipped.sum()) < 140
    width = width.abs()
    assert bool((height > 0).all())
    # Sides as parts of the picture's, which are cut at 1, so that shares and ratios hold but for those.
    assert float(torch.maximum(width, height).max()) < 1.01
    area, inside = width * height, (width < 0.98) & (height < 0.98)
    assert float(area.min()) > AREA[0] * 0.85
    assert bool((area[inside] < AREA[1]).all())
    ratio = (width / height)[inside]
    assert float(ratio.min()) > RATIO[0] * 0.97
    assert float(ratio.max()) < RATIO[1] * 1.03
    # A box does not leave the picture: its middle is at most what its sides leave.
    assert bool((red[:, 31:33, 31:33].mean(dim=(1, 2)).abs() <= 1 - width + 0.02).all())
    assert bool((green[:, 31:33, 31:33].mean(dim=(1, 2)).abs() <= 1 - height + 0.02).all())


def test_what_a_picture_costs():
    # 32 pixels in patches of 8; a CNN of 160 pixels counts 16 × 16 as one.
    assert image_part(CONFIGS["open_clip"]).cost == (32 // 8) ** 2
    assert image_part(CONFIGS["vit"]).cost == (160 // 16) ** 2
    assert image_part(CONFIGS["resnet"]).cost == 160 * 160 // 256


def test_there_is_no_part_without_weights():
    assert image_part(DescriptorConfig()) is None
    assert image_part(NoImageConfig()) is None
