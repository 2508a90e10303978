"""Throughput of the NoteLLM tower against a plain loop, and of its layouts.

    python -m benchmarks.encoding.notellm [--quick] [--peak TFLOPS] [--out FILE.json]

The model has the shape of Qwen2-0.5B and random weights; notes have titles of about 12 tokens, contents of about 80.
The peer is what a first implementation does: transformers' model, one note at a time, the whole prompt, float32.
Runs are interleaved, times are medians. On a CUDA device model FLOPs utilisation is 2·parameters·tokens / time / peak.
"""

import argparse
import gc
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from encoders.blocks import Vectors, unit_rows
from encoders.device import Precision
from encoders.note import Note
from encoders.notellm.config import NoteLLMConfig
from encoders.notellm.layouts import Layout
from encoders.notellm.tiny import make_tiny
from encoders.notellm.tower import NoteLLM

PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
LAYOUTS: tuple[Layout, ...] = ("right", "left", "packed")
# Dense bfloat16 tensor TFLOP/s by the makers' data sheets; a name is looked for in the device's.
PEAKS = {"H200": 989, "H100 PCIe": 756, "H100": 989, "A100": 312, "L40S": 362, "L4": 121, "A10": 125, "T4": 65}


def make_notes(count: int, rng: np.random.Generator) -> list[Note]:
    """Notes of common words of the stock vocabulary, a token each: title 12 ± 3, content 80 ± 25, three hashtags."""
    _, vocabulary = make_tiny(0, ())
    names = [word for word in vocabulary.tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) > 3]
    words = sorted(names)[:: max(1, len(names) // 5000)]

    def some(mean: float, spread: float) -> str:
        return " ".join(rng.choice(words, max(2, round(rng.normal(mean, spread)))))

    return [Note(title=some(12, 3), body=some(80, 25), tags=tuple(rng.choice(words, 3))) for _ in range(count)]


def write_shape(folder: Path, quick: bool) -> None:
    """Write config.json of a Qwen2-0.5B (quick: of four layers) and the stock tokenizer."""
    from transformers import Qwen2Config

    _, vocabulary = make_tiny(0, ())
    vocabulary.save(folder)
    Qwen2Config(
        hidden_size=896,
        num_hidden_layers=4 if quick else 24,
        num_attention_heads=14,
        num_key_value_heads=2,
        intermediate_size=4864,
        vocab_size=32_000 if quick else 151_936,
        tie_word_embeddings=True,
        architectures=["Qwen2ForCausalLM"],
    ).save_pretrained(folder)


@torch.no_grad()
def plain_loop(tower: NoteLLM, notes: list[Note]) -> Vectors:
    """The peer: one note at a time, the whole prompt with its output guidance, the state before [EMB], projected."""
    rows = []
    for note in notes:
        prompt = [*tower.template.instruction(), *tower.read(note), *tower.template.guidance()]
        ids = torch.tensor([prompt], device=tower.device)
        states = tower.backbone.decoder(input_ids=ids, use_cache=False).last_hidden_state
        rows.append(tower.module.projection(states[0, prompt.index(tower.template.emb) - 1].float()).cpu().numpy())
    return unit_rows(np.stack(rows))


def ours(tower: NoteLLM, notes: list[Note], layout: Layout | None = None) -> Vectors:
    """Encode as users do; with a layout, in that one."""
    texts = [tower.read(note) for note in notes]
    if layout is None:
        return tower.encode(texts)
    inputs = [torch.tensor(text[len(tower.template.opening) :]) for text in texts]
    with torch.no_grad():
        taps = [[len(ids) - 1] for ids in inputs]
        states = tower.backbone.states(inputs, taps, tower.prefix("category", opened=True), layout)
        return unit_rows(tower.module.projection(torch.cat(states)).cpu().numpy())


def interleave(ways: dict[str, Callable[[], Vectors]], repeats: int) -> tuple[dict[str, float], dict[str, Vectors]]:
    """Median seconds of each way, run in turns after one run to warm up, and its vectors."""
    vectors = {name: way() for name, way in ways.items()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(repeats):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - start)
    return {name: float(np.median(runs)) for name, runs in seconds.items()}, vectors


def measure(quick: bool, folder: Path) -> dict[str, Any]:
    """Run everything on one machine; `notes_per_second`, fidelity to the float32 loop, and tokens."""
    # The loop takes few notes: on a CPU it is slow, and on a GPU it is the same speed for any number.
    few, many = (8, 8) if quick else (32, 2048 if torch.cuda.is_available() else 32)
    notes = make_notes(many, np.random.default_rng(0))
    repeats = 1 if quick else 3
    config = NoteLLMConfig(model=str(folder), seed=0)
    rates: dict[str, float] = {}
    fidelity: dict[str, float] = {}
    reference: Vectors | None = None
    tokens = parameters = 0
    difference = 0.0
    for precision in PRECISIONS:
        tower = NoteLLM(config, precision)
        tokens = sum(len(tower.read(note)) - len(tower.template.opening) for note in notes)
        parameters = sum(weight.numel() for weight in tower.backbone.decoder.parameters())
        parameters -= tower.backbone.causal.get_input_embeddings().weight.numel()
        ways: dict[str, Callable[[], Vectors]] = {
            f"plain loop, {precision}": partial(plain_loop, tower, notes[:few]),
            f"notelens, {precision}": partial(ours, tower, notes),
        }
        if precision == "float32":
            ways |= {f"layout {layout}, float32": partial(ours, tower, notes, layout) for layout in LAYOUTS}
        seconds, vectors = interleave(ways, repeats)
        if reference is None:
            reference = vectors[f"plain loop, {precision}"]
        for way, taken in seconds.items():
            rates[way] = len(vectors[way]) / taken
            fidelity[way] = float((vectors[way][:few] * reference).sum(axis=1).min())
        if precision == "float32":
            difference = float(np.abs(vectors["notelens, float32"][:few] - reference).max())
        del tower, ways
        gc.collect()
    return {
        "shape": "Qwen2, 4 layers of 0.5B" if quick else "Qwen2-0.5B, random weights",
        "device": _device(),
        "notes": len(notes),
        "tokens_run_a_note": tokens / len(notes),
        "parameters_run": parameters,
        "notes_per_second": rates,
        "least_cosine_to_float32_loop": fidelity,
        "largest_difference_float32": difference,
        "ratio_to_loop": rates["notelens, float32"] / rates["plain loop, float32"],
    }


def _device() -> str:
    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads"


def run(quick: bool = False, peak: float | None = None) -> dict[str, Any]:
    """Measure and, on a CUDA device, add tokens/s and model FLOPs utilisation; peak: TFLOP/s, by name if None."""
    with tempfile.TemporaryDirectory() as scratch:
        write_shape(Path(scratch), quick)
        result = measure(quick, Path(scratch))
    if torch.cuda.is_available():
        found = [value for name, value in PEAKS.items() if name in torch.cuda.get_device_name()]
        peak = peak or (found[0] if found else None)
        speed = result["notes_per_second"]["notelens, bfloat16"] * result["tokens_run_a_note"]
        result["tokens_per_second_bfloat16"] = speed
        result["peak_tflops"] = peak
        result["flops_utilisation"] = 2 * result["parameters_run"] * speed / (peak * 1e12) if peak else None
    return result


def table(result: dict[str, Any]) -> Table:
    """Lay the result out for reading."""
    made = Table(title=f"NoteLLM: {result['shape']}, {result['notes']} notes, {result['device']}")
    for column in ("way", "notes/s", "× plain loop float32", "least cosine to it"):
        made.add_column(column, justify="left" if column == "way" else "right")
    base = result["notes_per_second"]["plain loop, float32"]
    for way, rate in result["notes_per_second"].items():
        made.add_row(way, f"{rate:.2f}", f"{rate / base:.2f}", f"{result['least_cosine_to_float32_loop'][way]:.6f}")
    made.caption = f"largest difference in float32: {result['largest_difference_float32']:.1e}"
    if "tokens_per_second_bfloat16" in result:
        used = result["flops_utilisation"]
        share = f"{used:.1%} of {result['peak_tflops']} TFLOP/s" if used else "peak unknown: give --peak"
        made.caption += f"; bfloat16 {result['tokens_per_second_bfloat16']:,.0f} tokens/s, {share}"
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="four layers, eight notes")
    parser.add_argument("--peak", type=float, help="TFLOP/s of the device in bfloat16")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    result = run(options.quick, options.peak)
    Console(width=120).print(table(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
