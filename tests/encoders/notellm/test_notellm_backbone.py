"""States of a backbone against plain transformers, one sequence at a time, in every layout."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoders.errors import EncoderError, WeightsError
from encoders.notellm.backbone import Backbone, Prefix
from encoders.notellm.layouts import arrange, batches
from encoders.notellm.template import EMB

LENGTHS = [5, 1, 17, 9, 9, 30, 2]
PREFIX = [101, 2023, 2003, 1037, 7953]


def plain(backbone, ids):
    """The oracle: the model with its head, the last of all hidden states."""
    with torch.no_grad():
        return backbone.causal(input_ids=ids[None], output_hidden_states=True).hidden_states[-1][0]


@pytest.fixture(scope="module")
def sequences():
    rng = np.random.default_rng(0)
    return [torch.from_numpy(rng.integers(1000, 30_000, length)) for length in LENGTHS]


@pytest.fixture(scope="module")
def taps():
    return [[length - 1, length // 2] for length in LENGTHS]


@pytest.fixture(params=["qwen", "qwen eager", "llama"])
def backbone(request, qwen_folder, llama_folder) -> Backbone:
    made = Backbone.load(str(llama_folder if request.param == "llama" else qwen_folder))
    if request.param.endswith("eager"):
        made.causal.set_attn_implementation("eager")
    return made


@pytest.mark.parametrize("layout", ["right", "left", "packed", "auto"])
@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("budget", [40, 4096])
def test_layouts_give_what_the_plain_model_gives(backbone, sequences, taps, layout, prefixed, budget, monkeypatch):
    monkeypatch.setitem(__import__("encoders.notellm.backbone").notellm.backbone.TOKEN_BUDGET, "cpu", budget)
    before = torch.tensor(PREFIX if prefixed else [], dtype=torch.int64)
    expected = [
        plain(backbone, torch.cat([before, ids]))[[len(before) + tap for tap in own]]
        for ids, own in zip(sequences, taps, strict=True)
    ]
    assert backbone.rearranges
    with torch.no_grad():
        prefix = backbone.prefix(PREFIX) if prefixed else None
        found = backbone.states(sequences, taps, prefix, layout)
        embedded = backbone.states([backbone.embed_tokens(ids) for ids in sequences], taps, prefix, layout)
        mixed = [ids if i % 2 else backbone.embed_tokens(ids) for i, ids in enumerate(sequences)]
        both = backbone.states(mixed, taps, prefix, layout)
    for got in (found, embedded, both):
        for mine, theirs in zip(got, expected, strict=True):
            assert mine.dtype == torch.float32
            torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=0)


def test_a_prefix_is_never_written_into(backbone, sequences, taps):
    with torch.no_grad():
        prefix = backbone.prefix(PREFIX)
        before = [(keys.clone(), values.clone()) for keys, values in prefix.layers]
        first = backbone.states(sequences, taps, prefix)
        again = backbone.states(sequences, taps, prefix)
    assert len(prefix.layers) == 2
    for (keys, values), (old_keys, old_values) in zip(prefix.layers, before, strict=True):
        assert keys.shape[2] == len(PREFIX)
        assert torch.equal(keys, old_keys)
        assert torch.equal(values, old_values)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.parametrize("layout", ["right", "left", "packed"])
def test_gradients_are_those_of_the_plain_model(qwen_folder, sequences, taps, layout):
    def gradient(states):
        backbone.zero_grad()
        sum((state**2).sum() for state in states).backward()
        return [weight.grad.clone() for weight in backbone.parameters()]

    backbone = Backbone.load(str(qwen_folder))
    prefix = backbone.prefix(PREFIX)
    expected = gradient(
        [
            backbone.causal(input_ids=torch.cat([prefix.ids, ids])[None], output_hidden_states=True).hidden_states[-1][
                0
            ][[len(PREFIX) + tap for tap in own]]
            for ids, own in zip(sequences, taps, strict=True)
        ]
    )
    found = gradient(backbone.states(sequences, taps, prefix, layout))
    for mine, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-4 * float(theirs.abs().max() + 1), rtol=0)


def test_what_stands_behind_the_last_tap_is_not_run(qwen_folder):
    backbone = Backbone.load(str(qwen_folder))
    ran = []
    backbone.decoder.register_forward_pre_hook(
        lambda _, args, kwargs: ran.append(kwargs["input_ids"].shape), with_kwargs=True
    )
    with torch.no_grad():
        none, some = backbone.states([torch.arange(50), torch.arange(50)], [[], [3, 0]])
    assert ran == [(1, 4)]
    assert none.shape == (0, 64)
    assert some.shape == (2, 64)
    assert backbone.states([], []) == []


@pytest.mark.parametrize("layout", ["right", "left", "packed"])
@pytest.mark.parametrize("kind", ["qwen", "llama"])
def test_the_last_feed_forward_reads_what_is_tapped_alone(kind, qwen_folder, llama_folder, sequences, layout):
    backbone = Backbone.load(str({"qwen": qwen_folder, "llama": llama_folder}[kind]))
    widths = []
    backbone.decoder.layers[-1].mlp.register_forward_hook(lambda _, args, out: widths.append(out.shape[:2]))
    places = [[len(ids) // 2] for ids in sequences]
    with torch.no_grad():
        found = backbone.states(sequences, places, backbone.prefix(PREFIX), layout)
        for ids, (place,), mine in zip(sequences, places, found, strict=True):
            expected = plain(backbone, torch.cat([torch.tensor(PREFIX), ids]))[len(PREFIX) + place]
            torch.testing.assert_close(mine[0], expected, atol=1e-5, rtol=0)
    # The prefix in full, then the batch, then the plain model's passes in full.
    read = (1, sum(place + 1 for (place,) in places)) if layout == "packed" else (len(sequences), 1)
    assert widths == [(1, 5), read, *[(1, 5 + len(ids)) for ids in sequences]]


def unsafe(kind):
    """Architectures whose sequences may share neither a row nor a prefix."""
    from transformers import GPT2Config, GPT2LMHeadModel, MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    if kind == "gpt2":
        return GPT2LMHeadModel(GPT2Config(vocab_size=30_523, n_positions=128, n_embd=32, n_layer=2, n_head=2)).eval()
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = MistralConfig(vocab_size=30_523, num_key_value_heads=2, sliding_window=8, **shape)
    return MistralForCausalLM(config).eval()


@pytest.mark.parametrize("kind", ["gpt2", "mistral"])
def test_other_architectures_are_padded_and_share_nothing(kind, tiny, sequences, taps):
    backbone = Backbone(unsafe(kind), tiny.backbone.vocabulary)
    assert not backbone.rearranges
    with torch.no_grad():
        prefix = backbone.prefix(PREFIX)
        assert prefix.layers == ()
        found = backbone.states(sequences, taps, prefix)
        for i, (ids, own) in enumerate(zip(sequences, taps, strict=True)):
            expected = plain(backbone, torch.cat([prefix.ids, ids]))[[len(PREFIX) + tap for tap in own]]
            torch.testing.assert_close(found[i], expected, atol=1e-5, rtol=0)
        with pytest.raises(EncoderError, match="layout 'packed' is not safe for a"):
            backbone.states(sequences, taps, None, "packed")


def test_a_packed_row_by_hand():
    arranged = arrange([2, 1], "packed", 1, torch.device("cpu"))
    # Columns: the prefix, two tokens of the first, one of the second.
    assert arranged.mask.int().tolist() == [[[[1, 1, 0, 0], [1, 1, 1, 0], [1, 0, 0, 1]]]]
    assert arranged.positions.tolist() == [[1, 2, 1]]
    padded = arrange([2, 1], "left", 1, torch.device("cpu"))
    assert padded.mask[1, 0].int().tolist() == [[1, 1, 0], [1, 0, 1]]
    assert padded.positions.tolist() == [[1, 2], [1, 1]]
    assert padded.fill(torch.tensor([7, 8, 9])).tolist() == [[7, 8], [0, 9]]
    assert arrange([2, 1], "right", 0, torch.device("cpu")).mask is None


@pytest.mark.parametrize("layout", ["right", "packed"])
def test_batches_hold_everything_once_within_the_budget(layout):
    lengths = np.random.default_rng(1).integers(1, 60, 100).tolist()
    found = list(batches(lengths, layout, 128))
    assert sorted(i for batch in found for i in batch) == list(range(100))
    for batch in found:
        own = [lengths[i] for i in batch]
        assert (sum(own) if layout == "packed" else max(own) * len(own)) <= 128
    assert list(batches([500], layout, 128)) == [[0]]
    assert list(batches([], layout, 128)) == []


def test_an_added_token_starts_as_the_mean(qwen_folder, llama_folder):
    for folder, tied in ((qwen_folder, True), (llama_folder, False)):
        backbone = Backbone.load(str(folder), added=(EMB, "<IMG_EMB>"))
        rows = backbone.causal.get_input_embeddings().weight
        head = backbone.causal.get_output_embeddings().weight
        assert rows.shape[0] == head.shape[0] == 30_524
        assert (head is rows) is tied
        for matrix in (rows, head):
            for token in (EMB, "<IMG_EMB>"):
                mean = matrix[:30_522].double().mean(dim=0)
                torch.testing.assert_close(matrix[backbone.vocabulary.id(token)].double(), mean, atol=1e-8, rtol=0)
        assert backbone.causal.config.vocab_size == 30_524


def test_rotary_frequencies_keep_their_precision(qwen_folder):
    backbone = Backbone.load(str(qwen_folder))
    before = backbone.decoder.rotary_emb.inv_freq.clone()
    backbone.place("cpu", torch.bfloat16)
    assert backbone.causal.get_input_embeddings().weight.dtype == torch.bfloat16
    assert torch.equal(backbone.decoder.rotary_emb.inv_freq, before)


def test_tiny_is_random_by_its_seed():
    first, same, other = (Backbone.load("tiny", seed=seed) for seed in (None, 0, 1))
    weights = [one.causal.get_input_embeddings().weight for one in (first, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert first.hidden == 128


def test_bad_folders(tmp_path, qwen_folder):
    with pytest.raises(WeightsError, match="there is no model folder"):
        Backbone.load(str(tmp_path / "nowhere"))
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        (pickled / name).write_bytes((qwen_folder / name).read_bytes())
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(WeightsError, match="pickled weights can run code and are refused"):
        Backbone.load(str(pickled))
    (pickled / "tokenizer.json").unlink()
    (pickled / "tokenizer_config.json").unlink()
    with pytest.raises(EncoderError, match="tokenizer"):
        Backbone.load(str(pickled), seed=0)


def test_an_encoder_is_no_causal_model(bert_folder):
    with pytest.raises(EncoderError, match=r"a BertLMHeadModel that reads both ways.*name it transformer:"):
        Backbone.load(str(bert_folder), seed=0)


def test_an_empty_prefix_is_none(tiny, sequences):
    with torch.no_grad():
        empty = tiny.backbone.prefix([])
        assert isinstance(empty, Prefix)
        a, b = (tiny.backbone.states(sequences[:1], [[0]], prefix)[0] for prefix in (empty, None))
    assert torch.equal(a, b)
