"""Golden vectors of NoteLLM-2 by plain torch, transformers and open_clip: float32, one note and one picture at a time.

python tests/encoders/golden/make_notellm2.py writes notellm2.npz beside it. Weights are made from their names, so the
vectors do not depend on torch's generators. The prompt is written as one string and tokenised whole.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from encoders.text.stock import find_minilm

GOLDEN = Path(__file__).with_name("notellm2.npz")
HIDDEN, PROJECT, VISUAL, LAYERS, HEADS = 96, 24, 5, 2, 2
WIDTH, EMBED = 128, 40  # of the vision tower: two heads of 64 in the resampler
INSTRUCTION = (
    "Look at the pictures of the note below, if it has any, and compress them into one word. Then read "
    "its text, given as JSON, and compress the whole note into one word by which similar notes can be recommended. "
    "Then name its category.\nNote:"
)
CLIP = {
    "embed_dim": EMBED,
    "vision_cfg": {"image_size": 32, "patch_size": 8, "layers": 2, "width": WIDTH, "head_width": 32},
    "text_cfg": {"context_length": 8, "vocab_size": 50, "width": 32, "heads": 2, "layers": 1},
}
PREPROCESS = {"mean": [0.48, 0.45, 0.4], "std": [0.27, 0.26, 0.25], "interpolation": "bicubic"}
# Title, topics, content, and the seeds of the pictures.
NOTES = [
    ("Ramen in Kyoto", "ramen, 京都", "Broth, noodles, an egg.", ()),
    ("", "", "", (1,)),
    ("Ramen in Kyoto", "ramen, 京都", "Broth, noodles, an egg.", (1,)),
    ("Ramen in Kyoto", "ramen, 京都", "Broth, noodles, an egg.", (2,)),
    ("A trail", "", "", (3, 1)),
    ("A trail", "", "", (1, 3)),
    ("", "", "the old garden by the water " * 40, (2, 3, 4)),
]


def fill(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Values that depend on a weight's name alone, of a size that keeps activations about one."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    scale = shape[-1] ** -0.5 if len(shape) > 1 else 0.2
    values = np.random.default_rng(seed).normal(0, scale, shape).astype(np.float32)
    is_norm = len(shape) == 1 and name.endswith("weight")
    return torch.from_numpy(values + 1 if is_norm else values)


def fill_all(model: torch.nn.Module) -> None:
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.dtype.is_floating_point and tensor.ndim:
                tensor.copy_(fill(name, tuple(tensor.shape)))


def connector() -> dict[str, torch.Tensor]:
    """The weights of connector.safetensors, by their names and shapes."""
    w, prefix = WIDTH, "connector.resampler"
    shapes: dict[str, tuple[int, ...]] = {
        f"{prefix}.queries": (VISUAL, w),
        f"{prefix}.norm_patches.weight": (w,),
        f"{prefix}.norm_patches.bias": (w,),
        f"{prefix}.norm.weight": (w,),
        f"{prefix}.norm.bias": (w,),
        "connector.mlp.0.weight": (HIDDEN, w),
        "connector.mlp.0.bias": (HIDDEN,),
        "connector.mlp.2.weight": (HIDDEN, HIDDEN),
        "connector.mlp.2.bias": (HIDDEN,),
        "fusion.project_vision.weight": (HIDDEN, EMBED),
        "fusion.gate.weight": (HIDDEN, 2 * HIDDEN),
        "projection.weight": (PROJECT, HIDDEN),
    }
    for i in range(LAYERS):
        for part in ("self", "cross"):
            for name, rows in (("query", w), ("key_value", 2 * w), ("out", w)):
                shapes[f"{prefix}.layers.{i}.attend_{part}.{name}.weight"] = (rows, w)
                shapes[f"{prefix}.layers.{i}.attend_{part}.{name}.bias"] = (rows,)
        for norm in ("norm_self", "norm_cross", "norm_mlp"):
            shapes[f"{prefix}.layers.{i}.{norm}.weight"] = shapes[f"{prefix}.layers.{i}.{norm}.bias"] = (w,)
        shapes[f"{prefix}.layers.{i}.mlp.0.weight"] = (4 * w, w)
        shapes[f"{prefix}.layers.{i}.mlp.0.bias"] = (4 * w,)
        shapes[f"{prefix}.layers.{i}.mlp.2.weight"] = (w, 4 * w)
        shapes[f"{prefix}.layers.{i}.mlp.2.bias"] = (w,)
    return {name: fill(name, shape) for name, shape in shapes.items()}


def write_models(folder: Path) -> None:
    """Write lm/, clip/ and connector.safetensors."""
    import open_clip
    from safetensors.torch import save_model
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=30_522,
            hidden_size=HIDDEN,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            tie_word_embeddings=True,
        )
    )
    fill_all(model)
    model.save_pretrained(folder / "lm")
    PreTrainedTokenizerFast(
        tokenizer_file=str(find_minilm() / "tokenizer.json"), pad_token="[PAD]", unk_token="[UNK]", sep_token="[SEP]"
    ).save_pretrained(folder / "lm")
    (folder / "clip").mkdir()
    described = {"model_cfg": CLIP, "preprocess_cfg": PREPROCESS}
    (folder / "clip" / "open_clip_config.json").write_text(json.dumps(described))
    clip = open_clip.create_model(f"local-dir:{folder / 'clip'}", load_weights=False, pretrained_text=False)
    fill_all(clip)
    save_model(clip, str(folder / "clip" / "open_clip_model.safetensors"))
    save_file(connector(), folder / "connector.safetensors")


def picture(seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    low = rng.integers(0, 256, (5 + seed, 6, 3)).astype(np.uint8)
    return Image.fromarray(low).resize((60, 40 + 10 * seed), Image.Resampling.BILINEAR)


class Reference:
    """NoteLLM-2 written out, over the files of write_models."""

    def __init__(self, folder: Path) -> None:
        import open_clip
        from transformers import PreTrainedTokenizerFast, Qwen2ForCausalLM

        self.weights = load_file(folder / "connector.safetensors")
        self.tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "lm")
        self.tokenizer.add_special_tokens({"additional_special_tokens": ["[EMB]", "<IMG_EMB>"]})
        self.model = Qwen2ForCausalLM.from_pretrained(folder / "lm", dtype=torch.float32).eval()
        mean = self.model.get_input_embeddings().weight.detach().double().mean(dim=0).float()
        self.model.resize_token_embeddings(len(self.tokenizer), mean_resizing=False)
        with torch.no_grad():
            self.model.get_input_embeddings().weight[-2:] = mean
        path = folder / "clip" / "open_clip_model.safetensors"
        self.clip, _, self.transform = open_clip.create_model_and_transforms(
            f"local-dir:{folder / 'clip'}", pretrained=str(path)
        )
        self.clip.eval()
        self.clip.visual.output_tokens = True

    def ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def cut(self, text: str, tokens: int) -> str:
        return self.tokenizer.decode(self.ids(text)[:tokens])

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def attention(self, name: str, queries: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """torch's own multi-head attention, given these weights."""
        own = torch.nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
        parts = (f"{name}.query", f"{name}.key_value")
        own.in_proj_weight.copy_(torch.cat([self.weights[f"{part}.weight"] for part in parts]))
        own.in_proj_bias.copy_(torch.cat([self.weights[f"{part}.bias"] for part in parts]))
        own.out_proj.weight.copy_(self.weights[f"{name}.out.weight"])
        own.out_proj.bias.copy_(self.weights[f"{name}.out.bias"])
        return own(queries[None], context[None], context[None], need_weights=False)[0][0]

    def visual_tokens(self, patches: torch.Tensor) -> torch.Tensor:
        resampler = "connector.resampler"
        patches = self.norm(f"{resampler}.norm_patches", patches)
        x = self.weights[f"{resampler}.queries"]
        for i in range(LAYERS):
            layer = f"{resampler}.layers.{i}"
            normed = self.norm(f"{layer}.norm_self", x)
            x = x + self.attention(f"{layer}.attend_self", normed, normed)
            x = x + self.attention(f"{layer}.attend_cross", self.norm(f"{layer}.norm_cross", x), patches)
            inner = functional.gelu(self.linear(f"{layer}.mlp.0", self.norm(f"{layer}.norm_mlp", x)))
            x = x + self.linear(f"{layer}.mlp.2", inner)
        inner = functional.gelu(self.linear("connector.mlp.0", self.norm(f"{resampler}.norm", x)))
        return self.linear("connector.mlp.2", inner)

    def finish(self, state: torch.Tensor, cls: torch.Tensor | None) -> np.ndarray:
        """Gate, projection, unit length."""
        if cls is not None:
            v = self.linear("fusion.project_vision", cls)
            z = 1 / (1 + torch.exp(-self.linear("fusion.gate", torch.cat([v, state]))))
            state = z * v + (1 - z) * state
        vector = self.linear("projection", state)
        return (vector / vector.norm()).numpy()

    @torch.no_grad()
    def __call__(self, title: str, topic: str, content: str, seeds: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Return n_v (zeros without a picture) and n_m of one note."""
        parts = []
        if title:
            parts.append(f'"title": "{self.cut(title, 20)}"')
        if topic:
            parts.append(f'"topic": "{topic}"')
        if content:
            parts.append(f'"content": "{self.cut(content, 80)}"')
        text = " {" + ", ".join(parts) + '}. The compression word is:"[EMB]". The category is:'
        embed = self.model.get_input_embeddings()
        start = [self.tokenizer.convert_tokens_to_ids("[CLS]")]
        cls = None
        if not seeds:
            after = start + self.ids(INSTRUCTION + text)
            inputs = embed(torch.tensor(after))
            shift = 0
        else:
            before = start + self.ids(INSTRUCTION + " Picture:")
            after = self.ids('. The compression word is:"<IMG_EMB>".' + text)
            seen = [self.clip.visual(self.transform(picture(seed))[None]) for seed in seeds]
            cls = torch.stack([pooled[0] / pooled[0].norm() for pooled, _ in seen]).mean(dim=0)
            visual = [self.visual_tokens(patches[0]) for _, patches in seen]
            inputs = torch.cat([embed(torch.tensor(before)), *visual, embed(torch.tensor(after))])
            shift = len(inputs) - len(after)
        states = self.model(inputs_embeds=inputs[None], output_hidden_states=True).hidden_states[-1][0]
        emb, img_emb = (self.tokenizer.convert_tokens_to_ids(token) for token in ("[EMB]", "<IMG_EMB>"))
        n_m = self.finish(states[shift + after.index(emb) - 1], cls)
        n_v = self.finish(states[shift + after.index(img_emb) - 1], cls) if seeds else np.zeros_like(n_m)
        return n_v, n_m


def main() -> None:
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        write_models(Path(folder))
        reference = Reference(Path(folder))
        vectors = [reference(*note) for note in NOTES]
    np.savez_compressed(GOLDEN, visual=np.stack([v for v, _ in vectors]), whole=np.stack([m for _, m in vectors]))


if __name__ == "__main__":
    main()
