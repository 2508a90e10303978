"""TFLite's MobileNetV2 in timm, against its graph run op by op in NumPy: real weights, and random ones everywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from encoders.config import TimmConfig
from encoders.errors import EncoderError, WeightsError
from encoders.images import NoteImage, decode
from encoders.vision.timm_tower import TimmTower

ROOT = Path(__file__).parents[3]
# Expansion, channels at width 0.35, repeats, first stride: table 2 of arXiv 1801.04381.
STAGES = [(1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 3, 2), (6, 24, 4, 2), (6, 32, 3, 1), (6, 56, 3, 2), (6, 112, 1, 1)]
SIDE = 64


class Writer:
    """Random quantised layers, each with its op and the shape of what comes out."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.arrays: dict[str, np.ndarray] = {}
        self.graph: dict = {"tensors": [], "ops": [], "activations": {}}
        self.next = 1
        self.graph["activations"]["0"] = {"name": "input", "shape": [1, SIDE, SIDE, 3]}

    def index(self) -> int:
        self.next += 1
        return self.next

    def constant(self, values, kind, scale, zero) -> int:
        index = self.index()
        self.arrays[f"t{index}"] = values.astype(kind)
        self.graph["tensors"].append({"index": index, "scale": [scale], "zero_point": [zero]})
        return index

    def op(self, kind, inputs, side, channels, name) -> int:
        index = self.index()
        self.graph["ops"].append({"op": kind, "inputs": inputs, "outputs": [index]})
        self.graph["activations"][str(index)] = {"name": name, "shape": [1, side, side, channels]}
        return index

    def conv(self, before, side, out, kernel, stride, name, depthwise=False) -> int:
        came = self.graph["activations"][str(before)]["shape"][3]
        shape = (1, kernel, kernel, came) if depthwise else (out, kernel, kernel, came)
        zero = int(self.rng.integers(90, 160))
        fan = kernel * kernel * (1 if depthwise else came)
        weight = self.constant(self.rng.integers(0, 256, shape), np.uint8, float(2 / fan**0.5 / 74), zero)
        bias = self.constant(self.rng.integers(-999, 999, out), np.int32, 1e-3, 0)
        kind = "DEPTHWISE_CONV_2D" if depthwise else "CONV_2D"
        return self.op(kind, [before, weight, bias], -(-side // stride), out, name)


@pytest.fixture(scope="module")
def random_arrays(tmp_path_factory) -> Path:
    """A MobileNetV2 of width 0.35 with random weights, written as the real one is."""
    writer = Writer(3)
    last, side = writer.conv(0, SIDE, 16, 3, 2, "Conv/Relu6"), SIDE // 2
    channels = 16
    for expansion, width, repeats, first in STAGES:
        for repeat in range(repeats):
            stride, entry = (first if repeat == 0 else 1), last
            if expansion > 1:
                last = writer.conv(last, side, channels * expansion, 1, 1, "expand/Relu6")
            inner = channels * expansion
            last = writer.conv(last, side, inner, 3, stride, "depthwise/Relu6", depthwise=True)
            side = -(-side // stride)
            last = writer.conv(last, side, width, 1, 1, "project/add_fold")
            if stride == 1 and channels == width:
                last = writer.op("ADD", [last, entry], side, width, "add")
            channels = width
    last = writer.conv(last, side, 1280, 1, 1, "Conv_1/Relu6")
    last = writer.op("AVERAGE_POOL_2D", [last], 1, 1280, "Logits/AvgPool")
    writer.conv(last, 1, 11, 1, 1, "Logits/BiasAdd")
    folder = tmp_path_factory.mktemp("tflite")
    np.savez(folder / "small_tensors.npz", **writer.arrays)
    (folder / "small_graph.json").write_text(json.dumps(writer.graph))
    return folder / "small_tensors.npz"


@pytest.fixture(scope="module")
def real_arrays() -> Path:
    """The pretrained ones: NOTELENS_WEIGHTS, or the neighbouring folder; absent, skipped (in CI: fails)."""
    folder = Path(os.environ.get("NOTELENS_WEIGHTS") or ROOT.parent / "shared" / "weights")
    path = folder / "mobilenet_v2_tensors.npz"
    if not path.is_file():  # not ours to ship; in CI the hook of tests/conftest.py makes this a failure
        pytest.skip(f"{path.name} is not in {folder}; NOTELENS_WEIGHTS names another place")
    return path


def run_graph(path: Path, rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One picture, uint8 [S, S, 3], through the graph in float: pooled features, and the classifier's scores."""
    graph = json.loads(path.with_name(path.name.replace("_tensors.npz", "_graph.json")).read_text())
    constants = np.load(path, allow_pickle=False)
    scales = {one["index"]: one for one in graph["tensors"]}

    def constant(index):
        one = scales[index]
        return ((constants[f"t{index}"].astype(np.float64) - one["zero_point"][0]) * one["scale"][0]).astype(np.float32)

    values = {0: (rgb.astype(np.float32) / 128 - 1)}
    pooled = scores = None
    for op in graph["ops"]:
        first, out = op["inputs"][0], op["outputs"][0]
        if op["op"] in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            x, weight, bias = values[first], constant(op["inputs"][1]), constant(op["inputs"][2])
            name, shape = (graph["activations"][str(out)][key] for key in ("name", "shape"))
            size, kernel = shape[1], weight.shape[1]
            stride = -(-x.shape[0] // size)
            spare = max((size - 1) * stride + kernel - x.shape[0], 0)
            padded = np.pad(x, [(spare // 2, spare - spare // 2)] * 2 + [(0, 0)])
            y = np.zeros((size, size, len(bias)), np.float32)
            for row in range(kernel):
                for column in range(kernel):
                    ends = [slice(at, at + (size - 1) * stride + 1, stride) for at in (row, column)]
                    part = padded[ends[0], ends[1]]
                    if op["op"] == "CONV_2D":
                        y += part @ weight[:, row, column].T
                    else:
                        y += part * weight[0, row, column]
            y += bias
            values[out] = np.clip(y, 0, 6) if "Relu6" in name.split(";")[0] else y
            scores = y
        elif op["op"] == "ADD":
            values[out] = values[first] + values[op["inputs"][1]]
        elif op["op"] == "AVERAGE_POOL_2D":
            pooled = values[first].mean(axis=(0, 1))
            values[out] = pooled[None, None]
        else:
            break  # what comes after the scores: their shape, and a softmax
    return pooled, scores.ravel()


def classifier_scores(path: Path, pooled: np.ndarray) -> np.ndarray:
    """The classifier's layer alone, on features from elsewhere."""
    graph = json.loads(path.with_name(path.name.replace("_tensors.npz", "_graph.json")).read_text())
    last = [op for op in graph["ops"] if op["op"] == "CONV_2D"][-1]
    arrays, scales = np.load(path), {one["index"]: one for one in graph["tensors"]}
    weight, bias = (
        (arrays[f"t{i}"].astype(np.float64) - scales[i]["zero_point"][0]) * scales[i]["scale"][0]
        for i in last["inputs"][1:]
    )
    return weight.reshape(len(weight), -1) @ pooled + bias


def compare(path: Path, model: str, pictures: list[np.ndarray]) -> None:
    tower = TimmTower(TimmConfig(model=model, weights=str(path)), "float32")
    pixels = [rgb.transpose(2, 0, 1) for rgb in pictures]
    vectors = tower.encode(pixels)
    assert vectors.shape == (len(pictures), 1280)
    for rgb, one, vector in zip(pictures, pixels, vectors, strict=True):
        pooled, scores = run_graph(path, rgb)
        assert float(vector @ pooled / np.linalg.norm(pooled)) >= 0.99999
        whole = tower.patches([one])[0].mean(dim=0).numpy()  # before it is brought to unit length
        np.testing.assert_allclose(whole, pooled, atol=1e-3 * np.abs(pooled).max())
        assert classifier_scores(path, whole).argmax() == scores.argmax()


def test_random_weights(random_arrays):
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8) for _ in range(3)]
    compare(random_arrays, "mobilenetv2_035", pictures)


@pytest.mark.movies
def test_pretrained_weights_on_real_pictures(real_arrays, movies):
    files = sorted((movies / "images").iterdir())[::97][:4]
    pictures = [decode(NoteImage.from_file(file)).resize((224, 224)) for file in files]
    compare(real_arrays, "mobilenetv2_100", [np.asarray(one) for one in pictures])


def test_the_picture_is_made_as_the_graph_wants_it(random_arrays, picture):
    """Whole, without a crop, and x / 128 − 1."""
    import torch

    tower = TimmTower(TimmConfig(model="mobilenetv2_035", weights=str(random_arrays)), "float32")
    image = picture(3, (301, 203))
    pixels = tower.preprocess(image)
    expected = np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(pixels.transpose(1, 2, 0), expected)
    stacked = tower.transform.stack([pixels], "cpu", torch.float32)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(stacked, expected / 128 - 1, atol=1e-6)


def test_a_saved_folder_needs_neither_arrays_nor_graph(random_arrays, tmp_path, picture):
    tower = TimmTower(config := TimmConfig(model="mobilenetv2_035", weights=str(random_arrays)), "float32")
    tower.save(tmp_path / "image")
    assert sorted(path.name for path in (tmp_path / "image").iterdir()) == ["config.json", "model.safetensors"]
    again = TimmTower(config.saved_as("image").located_in(tmp_path), "float32")
    pixels = [tower.preprocess(picture(1))]
    np.testing.assert_array_equal(again.preprocess(picture(1)), pixels[0])
    np.testing.assert_array_equal(again.encode(pixels), tower.encode(pixels))
    rounded = TimmTower(config, "bfloat16")
    assert again.identity() == tower.identity() == rounded.identity()
    rounded.save(tmp_path / "rounded")
    of_rounded = TimmTower(config.saved_as("rounded").located_in(tmp_path), "bfloat16")
    assert of_rounded.identity() == tower.identity()


def test_arrays_of_another_width_are_refused(random_arrays):
    with pytest.raises(WeightsError, match=r"do not fit timm's conv_stem.*\[16, 3, 3, 3\].*\[32, 3, 3, 3\]"):
        TimmTower(TimmConfig(model="mobilenetv2_100", weights=str(random_arrays)))


def test_a_model_of_another_make_is_refused(random_arrays):
    with pytest.raises(WeightsError, match="52 convolutions before the classifier"):
        TimmTower(TimmConfig(model="test_efficientnet", weights=str(random_arrays)))
    with pytest.raises(EncoderError, match=r"cannot make 'test_resnet' with .*pad_type"):
        TimmTower(TimmConfig(model="test_resnet", weights=str(random_arrays)))


def test_arrays_without_a_graph(random_arrays, tmp_path):
    (tmp_path / "a.npz").write_bytes(random_arrays.read_bytes())
    with pytest.raises(WeightsError, match=r"needs its graph beside it, a_graph\.json"):
        TimmTower(TimmConfig(model="mobilenetv2_035", weights=str(tmp_path / "a.npz")))


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


@pytest.mark.parametrize("damage", ["pickled", "text", "cut", "no array", "no op"])
def test_damaged_arrays_are_refused(random_arrays, tmp_path, monkeypatch, damage):
    monkeypatch.chdir(tmp_path)
    graph = json.loads(random_arrays.with_name("small_graph.json").read_text())
    arrays = dict(np.load(random_arrays))
    path = tmp_path / "m_tensors.npz"
    if damage == "pickled":
        arrays["t2"] = np.array([Bomb()], dtype=object)
    elif damage == "no array":
        del arrays["t2"]
    elif damage == "no op":
        del graph["ops"][0]["op"]
    np.savez(path, **arrays)
    if damage == "text":
        path.write_text("no arrays")
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    (tmp_path / "m_graph.json").write_text(json.dumps(graph))
    with pytest.raises(WeightsError, match="is not a TFLite model as arrays"):
        TimmTower(TimmConfig(model="mobilenetv2_035", weights=str(path)))
    assert not (tmp_path / "exploded").exists()
