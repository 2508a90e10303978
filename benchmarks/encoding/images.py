"""Throughput of pictures through an image tower, and memory over growing numbers of them.

    python -m benchmarks.encoding.images [--pictures FOLDER] [--weights mobilenet_v2_tensors.npz] [--quick] [--out FILE]

Three ways, interleaved, medians: the model alone on pixels made beforehand; ours from JPEG bytes, decoding and
resizing in threads while the model works; and the library's own preprocessing in a plain loop before the same
model in the same number format. Memory is the peak of a process of its own that encodes so many notes as a build does.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from encoders import Note, NoteEncoder, NoteImage, TowersConfig
from encoders.base import Pixels, Prepared
from encoders.blocks import Vectors, unit_rows
from encoders.config import OpenClipConfig, TimmConfig
from encoders.images import decode
from encoders.vision.open_clip_tower import OpenClipTower
from encoders.vision.timm_tower import TimmTower

Tower = OpenClipTower | TimmTower
BATCH = 32  # of the plain loop; ours takes the same
AHEAD = 32  # pictures a chunk; one chunk is prepared while the one before is encoded, as retrieval.build does


def some_jpegs(count: int, size: tuple[int, int], seed: int = 0) -> list[bytes]:
    """Pictures with the detail of photographs: noise in octaves, uint8, JPEG of quality 90."""
    rng = np.random.default_rng(seed)
    files = []
    for _ in range(count):
        total = np.zeros((size[1], size[0], 3))
        for octave in (4, 16, 64):
            coarse = Image.fromarray(rng.integers(0, 256, (octave, octave, 3)).astype(np.uint8))
            total += np.asarray(coarse.resize(size, Image.Resampling.BICUBIC)) / octave**0.5
        buffer = BytesIO()
        Image.fromarray((total * (255 / total.max())).astype(np.uint8)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def prepared_by(tower: Tower, data: bytes) -> Pixels:
    """What a build does with a picture before the model: decode, in draft mode where that spares work, and resize."""
    return tower.preprocess(decode(NoteImage.from_bytes(data), shrink_to=tower.shrink_to))


def pipeline(tower: Tower, files: Sequence[bytes], pool: ThreadPoolExecutor) -> Vectors:
    """Ours: one chunk is decoded and resized by the pool while the one before is encoded."""
    rows, source, waiting = [], iter(files), list[Future[Pixels]]()
    while True:
        following = [pool.submit(prepared_by, tower, data) for data in islice(source, AHEAD)]
        if waiting:
            rows.append(tower.encode([one.result() for one in waiting]))
        if not following:
            return np.concatenate(rows)
        waiting = following


def own_transform(tower: Tower) -> Callable[[Image.Image], torch.Tensor]:
    """The library's evaluation transform, as its users call it."""
    if isinstance(tower, OpenClipTower):
        from open_clip.transform import PreprocessCfg, image_transform_v2

        return image_transform_v2(PreprocessCfg(**tower.preprocess_config), is_train=False)
    from timm.data import create_transform

    transform: Callable[[Image.Image], torch.Tensor] = create_transform(**tower.preprocess_config)
    return transform


def plain_loop(tower: Tower, files: Sequence[bytes], transform: Callable[[Image.Image], torch.Tensor]) -> Vectors:
    """The peer: open, convert, transform, one after another; then the same model."""
    model: Any = tower.visual if isinstance(tower, OpenClipTower) else tower.model
    rows = []
    with torch.inference_mode():
        for start in range(0, len(files), BATCH):
            batch = [transform(Image.open(BytesIO(data)).convert("RGB")) for data in files[start : start + BATCH]]
            rows.append(model(torch.stack(batch).to(tower.device, tower.dtype)).float().cpu().numpy())
    return unit_rows(np.concatenate(rows))


def throughput(tower: Tower, files: Sequence[bytes], runs: int) -> dict[str, float]:
    """Pictures a second of each way, and how far our vectors are from those of the plain loop."""
    transform = own_transform(tower)
    pixels = [prepared_by(tower, data) for data in files]
    vectors: dict[str, Vectors] = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ways: dict[str, Callable[[], Vectors]] = {
            "model": lambda: tower.encode(pixels),
            "ours": lambda: pipeline(tower, files, pool),
            "loop": lambda: plain_loop(tower, files, transform),
        }
        tower.encode(pixels[:BATCH])
        took: dict[str, list[float]] = {name: [] for name in ways}
        worked: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(runs):
            for name, way in ways.items():
                started, busy = time.perf_counter(), time.process_time()
                vectors[name] = way()
                took[name].append(time.perf_counter() - started)
                worked[name].append(time.process_time() - busy)
    rate = {name: len(files) / statistics.median(seconds) for name, seconds in took.items()}
    # Of the ratio, the median over runs: what slows the machine down slows neighbours in time alike.
    of_model = statistics.median(model / ours for model, ours in zip(took["model"], took["ours"], strict=True))
    over_loop = statistics.median(loop / ours for loop, ours in zip(took["loop"], took["ours"], strict=True))
    # The same in time of the cores: what it comes to where other programs share them.
    of_model_cores = statistics.median(worked["model"]) / statistics.median(worked["ours"])
    cosine = float((vectors["ours"] * vectors["loop"]).sum(axis=1).mean())
    return {
        **{f"{name}, pictures/s": rate[name] for name in ways},
        "ours / model": of_model,
        "ours / model, CPU": of_model_cores,
        "ours / loop": over_loop,
        "cosine to loop": cosine,
    }


def preparation(tower: Tower, files: Sequence[bytes]) -> dict[str, float]:
    """Milliseconds a picture before the model, on one thread: ours, and the library's."""
    transform = own_transform(tower)
    ways: dict[str, Callable[[bytes], object]] = {
        "ours, ms": lambda data: prepared_by(tower, data),
        "loop, ms": lambda data: transform(Image.open(BytesIO(data)).convert("RGB")),
    }
    took: dict[str, list[float]] = {name: [] for name in ways}
    for data in files:
        for name, way in ways.items():
            started = time.perf_counter()
            way(data)
            took[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.median(times) for name, times in took.items()}


def notes_with_pictures(count: int) -> Iterator[Note]:
    """So many notes with a title and a picture of 640 × 480, made as they are asked for."""
    files = some_jpegs(8, (640, 480))
    for number in range(count):
        yield Note(title=f"note {number}", images=(NoteImage.from_bytes(files[number % len(files)]),))


def peak_memory(count: int) -> dict[str, float]:
    """Encode so many notes with pictures as a build does, in this process; returns its peak in MiB."""
    from retrieval.build import CHUNK

    encoder = NoteEncoder(TowersConfig(image=TimmConfig(model="test_vit", seed=0)))
    source, waiting, done = notes_with_pictures(count), list[Future[Prepared]](), 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        while True:
            following = [pool.submit(encoder.prepare, note) for note in islice(source, CHUNK)]
            if waiting:
                done += len(encoder.embed([one.result() for one in waiting]))
            if not following:
                break
            waiting = following
    return {"notes": done, "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def memory(counts: Sequence[int]) -> list[dict[str, float]]:
    """Peaks over growing numbers of notes, a process each."""
    rows = []
    for count in counts:
        command = [sys.executable, "-m", "benchmarks.encoding.images", "--peak-memory", str(count)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout.splitlines()[-1]))
    return rows


def run(corpus_images: Path | None, quick: bool, mobilenet: Path | None = None) -> dict[str, Any]:
    """Measure everything; corpus_images: a folder of JPEGs, mobilenet: the arrays (random weights without)."""
    count, runs = (96, 1) if quick else (192, 5)
    found = sorted(corpus_images.glob("*.jpg"))[:count] if corpus_images else []
    small = [path.read_bytes() for path in found] or some_jpegs(16, (320, 240)) * (count // 16)
    large = some_jpegs(8, (1600, 1200)) * (count // 16)
    arrays = {"weights": str(mobilenet)} if mobilenet else {"seed": 0}
    makers: dict[str, Callable[[], Tower]] = {
        "open_clip ViT-B-32": lambda: OpenClipTower(OpenClipConfig(model="ViT-B-32", seed=0)),
        "timm mobilenetv2_100": lambda: TimmTower(TimmConfig(model="mobilenetv2_100", **arrays)),
    }
    rows = []
    for name, make in makers.items():
        tower = make()
        for kind, files in (("small", small), ("large", large)):
            if quick and kind == "large" and name.startswith("open_clip"):
                continue
            side = Image.open(BytesIO(files[0])).size
            about = {"tower": name, "pictures": f"{kind}, {side[0]} × {side[1]}", "format": str(tower.dtype)[6:]}
            rows.append({**about, **throughput(tower, files, runs), **preparation(tower, files[:32])})
            Console(stderr=True).print(rows[-1])
    return {
        "device": "cuda" if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads",
        "throughput": rows,
        "memory": memory((1024, 2048, 3072) if quick else (1024, 4096, 16384)),
    }


def show(result: dict[str, Any], console: Console) -> None:
    """Print the tables."""
    names = [name for name in result["throughput"][0] if name not in ("tower", "pictures", "format")]
    table = Table("tower", "pictures", "format", *names, title=f"pictures, {result['device']}", box=None)
    for row in result["throughput"]:
        table.add_row(row["tower"], row["pictures"], row["format"], *(f"{row[name]:,.4g}" for name in names))
    console.print(table)
    peaks = Table("notes", "peak MiB", title="memory of a build's encoding", box=None)
    for row in result["memory"]:
        peaks.add_row(f"{row['notes']:,}", f"{row['peak MiB']:,.0f}")
    console.print(peaks)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, help="a folder of JPEGs for the small pictures")
    parser.add_argument("--weights", type=Path, help="the arrays of a TFLite MobileNetV2")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peak-memory", type=int, metavar="N", help="only encode N notes and print the peak")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/images.json"))
    args = parser.parse_args()
    if args.peak_memory is not None:
        print(json.dumps(peak_memory(args.peak_memory)))
        return
    result = run(args.pictures, args.quick, args.weights)
    show(result, Console(width=200))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
