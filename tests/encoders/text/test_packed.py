"""The fast forms of the text network: packed without padding, and in int8, beside the network they are made from."""

from __future__ import annotations

from threading import Barrier, Thread

import numpy as np
import pytest
import torch

from encoders import device
from encoders.errors import EncoderError
from encoders.text import minilm
from encoders.text.bert import Bert, BertShape
from encoders.text.int8 import Int8Linear, Range, calibrate, packed_int8
from encoders.text.minilm import MiniLM, load_bert
from encoders.text.packed import PackedBert
from encoders.text.stock import find_minilm

SMALL = BertShape(vocabulary=1200, hidden=48, layers=2, heads=4, intermediate=96)
SHORT = ["a heist in Las Vegas", "ramen", "京都", "مرحبا", "🍜" * 40, "how to mend an engine", "a. b", "trail " * 60]


@pytest.fixture(scope="module")
def bert() -> Bert:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network = Bert(SMALL).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3 if parameter.ndim == 2 else 1)
    return network


@pytest.fixture(scope="module")
def vnni() -> None:
    """Skip where the CPU does not multiply bytes: there int8 is refused, and its sums of 16 bits overflow."""
    try:
        device.needs_int8("cpu")
    except EncoderError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def rounded(vnni) -> MiniLM:
    """The stock text tower in int8."""
    return MiniLM(precision="int8")


@pytest.fixture
def tower(request, encoder) -> MiniLM:
    """The text tower in the precision that a test is parametrised with."""
    return encoder.text if request.param == "float32" else request.getfixturevalue("rounded")


precisions = pytest.mark.parametrize("tower", ["float32", pytest.param("int8", marks=pytest.mark.vnni)], indirect=True)


def alone(network: Bert, text: list[int]) -> torch.Tensor:
    return network(torch.tensor([text]), torch.tensor([len(text)]))[0]


def random_texts(lengths):
    rng = np.random.default_rng(5)
    return [rng.integers(0, SMALL.vocabulary, length).tolist() for length in lengths]


# 400 and more take the tiled kernel; lengths that come back apart are groups of their own
@pytest.mark.parametrize("lengths", [[1], [7, 7, 7], [512, 400, 400, 383, 2, 1, 1], [3, 9, 3, 9, 9]], ids=str)
@torch.inference_mode()
def test_packed_is_the_network_text_by_text(bert, lengths):
    texts = random_texts(lengths)
    means = PackedBert(bert, torch.float32).means(texts)
    assert means.shape == (len(texts), 48)
    assert means.dtype == torch.float32
    for mean, text in zip(means, texts, strict=True):
        torch.testing.assert_close(mean, alone(bert, text), atol=2e-6, rtol=1e-4)


@torch.inference_mode()
def test_bfloat16_means_are_near(bert):
    texts = random_texts([40, 40, 5])
    exact, rounded = (PackedBert(bert, dtype).means(texts) for dtype in (torch.float32, torch.bfloat16))
    assert rounded.dtype == torch.float32
    assert torch.cosine_similarity(exact, rounded).min() > 0.9995


def test_making_the_fast_forms_leaves_the_network_alone(bert):
    before = {name: tensor.clone() for name, tensor in bert.state_dict().items()}
    PackedBert(bert, torch.bfloat16)
    packed_int8(bert, torch.float32)
    for name, tensor in bert.state_dict().items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, before[name]), name


def test_the_network_stays_differentiable():
    network = load_bert(find_minilm() / "model.safetensors")
    loss = network(torch.tensor([[101, 8223, 102]]), torch.tensor([3])).square().sum()
    loss.backward()
    assert all(parameter.grad is not None for parameter in network.parameters() if parameter.requires_grad)
    assert "encoder.layer.0.attention.self.query.weight" in dict(network.named_parameters())


def test_calibration_sees_what_the_layers_read(bert):
    ranges = calibrate(bert)
    assert len(ranges) == 4 * SMALL.layers
    assert all((found.low <= found.high).all() for found in ranges.values())
    # GELU's outputs are bounded below, and come close to the bound somewhere
    assert (
        -0.17
        <= min(
            float(ranges[name].low.min())
            for name in ranges
            if name.endswith("output.dense") and "attention" not in name
        )
        < -0.1
    )
    again = calibrate(bert)
    assert all(torch.equal(ranges[name].high, again[name].high) for name in ranges)


@pytest.mark.vnni
@pytest.mark.parametrize("kind", ["plain", "levelled", "bounded"])
def test_int8_product_is_the_product_of_the_rounded(vnni, kind):
    """Against NumPy with the same rounding, in float64: the integer sums are exact."""
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(0, 0.1, (24, 64)).astype(np.float32), rng.normal(0, 1, 24).astype(np.float32)
    rows = rng.normal(0, 1, (5, 64)).astype(np.float32)
    rows[:, 3] = rows[:, 3] * 20 + 30  # such a channel there is in BERT
    if kind == "bounded":
        rows = np.maximum(rows, -0.17)
    among = Range(torch.from_numpy(rows.min(0)), torch.from_numpy(rows.max(0))) if kind == "levelled" else None
    dense = Int8Linear(
        torch.from_numpy(weight), torch.from_numpy(bias), among, least=-0.17 if kind == "bounded" else None
    )
    found = dense(torch.from_numpy(rows.copy())).numpy()

    w, x, b = weight.astype(np.float64), rows.astype(np.float64), bias.astype(np.float64)
    if kind == "levelled":
        centre = (x.min(0) + x.max(0)) / 2
        spread = np.sqrt((x.max(0) - centre) / np.abs(w).max(0))
        spread /= spread.mean()
        x, w, b = (x - centre) / spread, w * spread, b + w @ centre
    steps = np.abs(w).max(1) / 127
    w8 = np.rint(w / steps[:, None]) * steps[:, None]
    if kind == "bounded":
        step = (x.max(1, keepdims=True) + 0.17) / 255
        x8 = np.rint((x + 0.17) / step) * step - 0.17
    else:
        step = np.abs(x).max(1, keepdims=True) / 127
        x8 = np.rint(x / step) * step
    # a value halfway between two levels may be rounded either way
    np.testing.assert_allclose(found, x8 @ w8.T + b, atol=0.02 * np.abs(x8 @ w8.T).max())
    assert np.median(np.abs(found - (x8 @ w8.T + b))) < 1e-4 * np.abs(x8 @ w8.T).max()


def test_int8_rows_of_zeros():
    dense = Int8Linear(torch.randn(8, 16), torch.arange(8.0), None)
    torch.testing.assert_close(dense(torch.zeros(3, 16)), torch.arange(8.0).expand(3, 8), atol=1e-5, rtol=0)


@pytest.mark.vnni
def test_int8_is_near_float32(encoder, rounded):
    exact, found = (tower.encode(SHORT) for tower in (encoder.text, rounded))
    cosines = (exact * found).sum(axis=1)
    assert cosines.mean() >= 0.998  # single words are the hardest; notes reach 0.999
    assert cosines.min() >= 0.996
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.vnni
def test_int8_of_movies(encoder, rounded, movies):
    import json

    with (movies / "notes.jsonl").open(encoding="utf-8") as lines:
        notes = [json.loads(line) for line, _ in zip(lines, range(48), strict=False)]
    texts = [f"{note['title']}. {', '.join(note['tags'])}. {note['text']}" for note in notes]
    exact, found = (tower.encode(texts) for tower in (encoder.text, rounded))
    assert (exact * found).sum(axis=1).mean() >= 0.999


@precisions
def test_company_order_and_budget_change_nothing_beyond_rounding(tower, encoder, monkeypatch):
    together = tower.encode(SHORT)
    # bytes may round another way where attention, in bfloat16, differs in its last digit
    least = 0.999999 if tower is encoder.text else 0.9999
    order = np.random.default_rng(1).permutation(len(SHORT))
    assert ((tower.encode([SHORT[i] for i in order]) * together[order]).sum(axis=1) >= least).all()
    assert all(tower.encode([text])[0] @ row >= least for text, row in zip(SHORT[::3], together[::3], strict=True))
    for budget in (1, 64, 10**9):
        monkeypatch.setattr(minilm, "TOKEN_BUDGET", budget)
        assert ((tower.encode(SHORT) * together).sum(axis=1) >= least).all()


@pytest.mark.vnni
def test_int8_blank_and_very_long(rounded):
    blank, long, cut = rounded.encode(["", "ramen " * 20_000, "ramen " * 254])
    assert not blank.any()
    assert long @ cut >= 0.9999


def test_batches_hold_no_more_than_the_budget(encoder, monkeypatch):
    taken: list[list[int]] = []
    packed = encoder.text.packed
    assert packed is not None
    means = packed.means
    monkeypatch.setattr(packed, "means", lambda texts: taken.append([len(text) for text in texts]) or means(texts))
    monkeypatch.setattr(minilm, "TOKEN_BUDGET", 100)
    encoder.text.encode(["word " * count for count in (120, 40, 40, 30, 30, 5, 5, 5)])
    assert taken == [[122], [42, 42], [32, 32, 7, 7, 7]]


@precisions
def test_two_threads_at_once(tower):
    parts = [SHORT[:4], SHORT[4:]]
    expected = [tower.encode(part) for part in parts]
    found: dict[int, list[np.ndarray]] = {0: [], 1: []}
    start = Barrier(2)

    def work(part: int) -> None:
        start.wait()
        for _ in range(3):
            found[part].append(tower.encode(parts[part]))

    threads = [Thread(target=work, args=(part,)) for part in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in (0, 1):
        assert len(found[part]) == 3
        for vectors in found[part]:
            assert ((vectors * expected[part]).sum(axis=1) >= 0.9999).all()


@pytest.mark.vnni
def test_the_fingerprint_does_not_know_the_precision(encoder, rounded):
    assert rounded.identity() == encoder.text.identity()


def test_int8_where_it_cannot_be(monkeypatch):
    with pytest.raises(EncoderError, match="cuda"):
        device.needs_int8("cuda")
    monkeypatch.setattr(device, "_cpu_has", lambda *flags: False)
    with pytest.raises(EncoderError, match="VNNI"):
        MiniLM(precision="int8")
