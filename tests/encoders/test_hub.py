"""Models by name and by folder: what is found without a network, and what every fault is told as."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForCausalLM

from encoders import hub
from encoders.errors import EncoderError, WeightsError
from encoders.hub import find_model, load_model, load_tokenizer, state_digest

COMMIT, OLDER = "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"
INDEX = "model.safetensors.index.json"
PARTS = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
CONTENTS = {INDEX: json.dumps(PARTS).encode()}


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache of the hub's."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def answer(cache, monkeypatch):
    """A hub on this machine that gives one answer to everything: answer(status, headers, seconds) → its requests."""
    servers = []

    def start(status, headers=(), seconds=0.0):
        asked = []
        ending = threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                ending.wait(seconds)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        servers.append((server, ending))
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        return asked

    yield start
    for server, ending in servers:
        ending.set()
        server.shutdown()
        server.server_close()


@pytest.fixture
def serving(cache, monkeypatch):
    """A hub on this machine with one commit of owner/name: serving(commit, files, revision) → the requests for it."""
    servers = []

    def start(commit, files, revision="main"):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = unquote(self.path.partition("?")[0])
                asked.append(path)
                listed = [
                    {"type": "file", "path": name, "size": len(held), "oid": hashlib.sha1(held).hexdigest()}
                    for name, held in files.items()
                ]
                known = {
                    f"/owner/name/resolve/{commit}/{name}": (held, hashlib.sha1(held).hexdigest())
                    for name, held in files.items()
                }
                model = json.dumps({"id": "owner/name", "sha": commit, "siblings": []}).encode()
                known["/api/models/owner/name"] = (model, "")
                known[f"/api/models/owner/name/revision/{revision}"] = (model, "")
                known[f"/api/models/owner/name/tree/{commit}"] = (json.dumps(listed).encode(), "")
                content, tag = known.get(path, (b"", ""))
                self.send_response(200 if path in known else 404)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("X-Repo-Commit", commit)
                self.send_header("ETag", f'"{tag}"')
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            do_HEAD = do_GET

            def log_message(self, *args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setattr(
            "huggingface_hub.constants.HUGGINGFACE_CO_URL_TEMPLATE",
            f"http://127.0.0.1:{server.server_port}/{{repo_id}}/resolve/{{revision}}/{{filename}}",
        )
        return asked

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def keep(cache, commit, *files):
    """Put a commit of owner/name into the cache, the newest of `main`, with these files of it."""
    kept = cache / "models--owner--name"
    snapshot = kept / "snapshots" / commit
    snapshot.mkdir(parents=True)
    for name in files:
        (snapshot / name).write_bytes(CONTENTS.get(name, b"{}"))
    (kept / "refs").mkdir(exist_ok=True)
    (kept / "refs" / "main").write_text(commit)
    return snapshot


@pytest.fixture
def copied(bert_folder, tmp_path):
    """A copy of the small BERT's folder, to be damaged."""
    return Path(shutil.copytree(bert_folder, tmp_path / "bert"))


def edit_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({k: v for k, v in config.items() if v is not None}))


class TestFind:
    def test_a_folder_is_itself(self, bert_folder, unreached):
        assert find_model(str(bert_folder)) == bert_folder

    @pytest.mark.parametrize("name", ["/no/such/folder", "./bert", "~/bert", "a/b/c", "model.safetensors"])
    def test_a_path_that_is_none_is_not_asked_of_the_hub(self, name, unreached):
        with pytest.raises(WeightsError, match="no model folder"):
            find_model(name)

    def test_a_name_no_hub_has_is_refused(self, cache, unreached):
        with pytest.raises(WeightsError, match="neither a folder nor a hub name"):
            find_model("two words")

    def test_the_cache_needs_no_network(self, cache, unreached):
        kept = keep(cache, COMMIT, "config.json", "model.safetensors")
        assert find_model("owner/name") == kept
        assert find_model("owner/name", COMMIT) == kept

    def test_the_revision_is_looked_up_in_the_cache(self, cache, unreached):
        older, newer = (keep(cache, commit, "model.safetensors") for commit in (OLDER, COMMIT))
        (cache / "models--owner--name" / "refs" / "v1").write_text(OLDER)
        assert find_model("owner/name") == newer
        assert find_model("owner/name", OLDER) == find_model("owner/name", "v1") == older

    def test_a_cache_of_the_configuration_is_enough_without_weights(self, cache, unreached):
        kept = keep(cache, COMMIT, "config.json", "tokenizer.json")
        assert find_model("owner/name", weights=False) == kept

    @pytest.mark.parametrize("files", [("config.json",), ("config.json", "model-1.safetensors", INDEX)])
    def test_a_cache_without_all_weights_is_completed(self, cache, serving, files):
        kept = keep(cache, COMMIT, *files)
        served = ["config.json", "model-1.safetensors", "model-2.safetensors", INDEX, "pytorch_model.bin"]
        serving(COMMIT, {name: CONTENTS.get(name, b"{}") for name in served})
        assert find_model("owner/name") == kept
        assert sorted(path.name for path in kept.iterdir()) == sorted(served[:-1])

    def test_without_weights_none_are_fetched(self, cache, serving):
        asked = serving(COMMIT, {"config.json": b"{}", "model.safetensors": b"weights"})
        folder = find_model("owner/name", weights=False)
        assert [path.name for path in folder.iterdir()] == ["config.json"]
        assert not [path for path in asked if path.endswith(".safetensors")]
        assert sorted(path.name for path in find_model("owner/name").iterdir()) == ["config.json", "model.safetensors"]

    def test_the_revision_is_fetched(self, cache, serving):
        keep(cache, COMMIT, "model.safetensors")
        serving(OLDER, {"config.json": b"{}", "model.safetensors": b"weights"}, revision="v1")
        assert find_model("owner/name", "v1").name == OLDER

    @pytest.mark.parametrize("offline", [True, False])
    def test_a_cache_that_cannot_be_completed_says_what_completes_it(self, cache, monkeypatch, reached, offline):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", offline)
        keep(cache, COMMIT, "config.json", "tokenizer.json")
        wanted = rf"only partly in the hub's cache \(files.*hf download owner/name --revision {COMMIT} completes it\)"
        with pytest.raises(WeightsError, match=wanted) as caught:
            find_model("owner/name", COMMIT)
        assert "pickle" not in str(caught.value)
        assert ("HF_HUB_OFFLINE" in str(caught.value)) == offline

    def test_a_broken_off_download_says_what_completes_it(self, cache, serving, monkeypatch, unreached):
        serving(COMMIT, {"config.json": b"{}", "model.safetensors": b"weights"})
        find_model("owner/name", weights=False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(WeightsError, match=r"only partly in the hub's cache.*hf download owner/name completes it"):
            find_model("owner/name")

    def test_an_unreachable_hub_says_what_helps(self, cache, reached):
        with pytest.raises(WeightsError, match="hf download owner/name --local-dir FOLDER") as caught:
            find_model("owner/name")
        assert "name that folder" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_a_hub_that_keeps_silent_is_given_up(self, answer, monkeypatch):
        monkeypatch.setattr(hub, "PATIENCE", 0.3)
        asked = answer(200, seconds=60)
        with pytest.raises(WeightsError, match=r"Timeout.*hf download"):
            find_model("owner/name")
        assert len(asked) == 1

    def test_a_name_look_up_that_hangs_is_given_up(self):
        hanging = threading.Event()
        with pytest.raises(TimeoutError, match=r"within 0\.05 seconds"):
            hub.within(0.05, hanging.wait)
        hanging.set()

    def test_offline_by_choice(self, cache, monkeypatch, unreached):
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
        with pytest.raises(WeightsError, match="HF_HUB_OFFLINE is set: unset it"):
            find_model("owner/name")

    @pytest.mark.parametrize(
        ("status", "code", "message"),
        [
            (403, "GatedRepo", "accepted its terms"),
            (401, "GatedRepo", "accepted its terms"),
            (404, "RepoNotFound", "none of this name, or it is private"),
            (404, "RevisionNotFound", "no revision 'v9'"),
            (503, "", "could not be fetched"),
        ],
    )
    def test_a_hub_that_refuses_is_asked_once(self, answer, status, code, message):
        asked = answer(status, [("X-Error-Code", code)] if code else [])
        with pytest.raises(WeightsError, match=message):
            find_model("owner/name", "v9")
        assert asked == ["/api/models/owner/name/revision/v9"]


class TestLoad:
    def test_a_folder_loads_in_its_own_format(self, copied):
        state = load_file(copied / "model.safetensors")
        save_file({k: v.bfloat16() for k, v in state.items()}, copied / "model.safetensors", {"format": "pt"})
        edit_config(copied, dtype="bfloat16")
        module = load_model(AutoModel, copied)
        assert {weight.dtype for weight in module.parameters()} == {torch.bfloat16}
        assert not module.training

    def test_seeded_weights_are_the_same_and_leave_the_generator_alone(self, bert_folder):
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        first, again, other = (load_model(AutoModel, bert_folder, seed) for seed in (1, 1, 2))
        assert torch.equal(torch.rand(3), expected)
        assert state_digest(first) == state_digest(again) != state_digest(other)

    def test_a_seed_needs_no_weights(self, copied):
        (copied / "model.safetensors").unlink()
        assert load_model(AutoModel, copied, seed=0).config.hidden_size == 64

    def test_nothing_is_printed(self, bert_folder, capfd):
        load_model(AutoModel, bert_folder)
        load_tokenizer(bert_folder)
        assert capfd.readouterr() == ("", "")

    def test_no_config(self, copied):
        (copied / "config.json").unlink()
        with pytest.raises(EncoderError, match=r"has no config\.json \(it has .*model\.safetensors"):
            load_model(AutoModel, copied)

    @pytest.mark.parametrize("text", ["{", "[1]", '"bert"', "\x00"])
    def test_a_broken_config(self, copied, text):
        (copied / "config.json").write_text(text)
        with pytest.raises(EncoderError, match=r"config\.json (cannot be read|holds no JSON object)"):
            load_model(AutoModel, copied)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"model_type": None}, "names no model_type"),
            ({"model_type": "no-such-type"}, "no model type 'no-such-type'"),
            ({"hidden_size": "wide"}, "transformers cannot make the model"),
            ({"num_attention_heads": 7}, "transformers cannot make the model"),
            ({"hidden_size": 32}, "transformers cannot make the model|of another model"),
            ({"num_hidden_layers": 3}, r"lack 16 tensors .*encoder\.layer\.2"),
        ],
    )
    def test_a_config_that_does_not_fit(self, copied, changes, message):
        edit_config(copied, **changes)
        with pytest.raises(EncoderError, match=message):
            load_model(AutoModel, copied)

    def test_remote_code_is_never_run(self, copied, tmp_path):
        edit_config(copied, model_type="homemade", auto_map={"AutoConfig": "own.C", "AutoModel": "own.M"})
        (copied / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        with pytest.raises(EncoderError, match=r"auto_map.*never"):
            load_model(AutoModel, copied)
        assert not (tmp_path / "ran").exists()

    def test_remote_code_of_a_known_type_is_left_aside(self, copied, tmp_path):
        edit_config(copied, auto_map={"AutoModel": "own.M"})
        (copied / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
        assert type(load_model(AutoModel, copied)).__name__ == "BertModel"
        assert not (tmp_path / "ran").exists()

    def test_pickled_weights_are_refused_unread(self, copied, tmp_path):
        class Harmful:
            def __reduce__(self):
                return (open, (str(tmp_path / "ran"), "w"))

        (copied / "model.safetensors").unlink()
        (copied / "pytorch_model.bin").write_bytes(pickle.dumps(Harmful()))
        with pytest.raises(WeightsError, match=r"pytorch_model\.bin.*pickled weights can run code"):
            load_model(AutoModel, copied)
        assert not (tmp_path / "ran").exists()

    def test_safetensors_of_another_name_are_no_weights(self, copied):
        (copied / "model.safetensors").rename(copied / "decoy.safetensors")
        (copied / "pytorch_model.bin").write_bytes(b"a pickle")
        with pytest.raises(WeightsError, match=r"has no model\.safetensors \(it has .*pickled weights can run code"):
            load_model(AutoModel, copied)

    def test_safetensors_that_the_config_names(self, copied):
        whole = state_digest(load_model(AutoModel, copied))
        (copied / "model.safetensors").rename(copied / "other.safetensors")
        edit_config(copied, transformers_weights="other.safetensors")
        assert state_digest(load_model(AutoModel, copied)) == whole

    @pytest.mark.parametrize("name", ["weights.dat", "pytorch_model.bin", "../bert/weights.safetensors", 5])
    def test_a_config_that_names_other_weights(self, copied, name, monkeypatch):
        monkeypatch.setattr(torch, "load", lambda *given, **options: pytest.fail("unpickled"))
        torch.save({}, copied / "weights.dat")
        torch.save({}, copied / "pytorch_model.bin")
        edit_config(copied, transformers_weights=name)
        with pytest.raises(WeightsError, match=r"transformers_weights.*no safetensors file in this folder"):
            load_model(AutoModel, copied)

    def test_a_part_that_is_a_pickle(self, copied, monkeypatch):
        monkeypatch.setattr(torch, "load", lambda *given, **options: pytest.fail("unpickled"))
        (copied / "model.safetensors").unlink()
        torch.save({}, copied / "weights.dat")
        (copied / "model.safetensors.index.json").write_text('{"weight_map": {"a": "weights.dat"}}')
        with pytest.raises(WeightsError, match=r"names weights\.dat, which is no \.safetensors file"):
            load_model(AutoModel, copied)

    def test_an_adapter_is_no_model(self, copied, unreached):
        (copied / "adapter_config.json").write_text('{"base_model_name_or_path": "owner/base"}')
        with pytest.raises(EncoderError, match="holds an adapter"):
            load_model(AutoModel, copied)

    def test_truncated_weights(self, copied):
        whole = (copied / "model.safetensors").read_bytes()
        (copied / "model.safetensors").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(WeightsError, match="damaged"):
            load_model(AutoModel, copied)

    def test_a_missing_tensor(self, copied):
        state = load_file(copied / "model.safetensors")
        state.pop("encoder.layer.1.output.dense.weight")
        save_file(state, copied / "model.safetensors", {"format": "pt"})
        with pytest.raises(WeightsError, match=r"lack 1 tensors .*encoder\.layer\.1\.output\.dense\.weight"):
            load_model(AutoModel, copied)

    def test_a_missing_pooler_is_no_fault(self, copied):
        state = load_file(copied / "model.safetensors")
        save_file({k: v for k, v in state.items() if "pooler" not in k}, copied / "model.safetensors", {"format": "pt"})
        assert load_model(AutoModel, copied).config.model_type == "bert"

    def test_parts(self, qwen_folder, tmp_path):
        whole = load_model(AutoModelForCausalLM, qwen_folder)
        whole.save_pretrained(tmp_path, max_shard_size="4MB")
        parts = sorted(tmp_path.glob("model-*.safetensors"))
        assert len(parts) >= 2
        assert state_digest(load_model(AutoModelForCausalLM, tmp_path)) == state_digest(whole)
        parts[-1].unlink()
        with pytest.raises(WeightsError, match=rf"lacks 1 of its {len(parts)} weight files \({parts[-1].name}\)"):
            load_model(AutoModelForCausalLM, tmp_path)

    @pytest.mark.parametrize(
        ("index", "message"),
        [
            ("{", "cannot be read"),
            ("{}", "lists no weight_map"),
            ('{"weight_map": {"a": "../other/model.safetensors"}}', "outside its folder"),
        ],
    )
    def test_a_broken_list_of_parts(self, copied, index, message):
        (copied / "model.safetensors.index.json").write_text(index)
        with pytest.raises(WeightsError, match=message):
            load_model(AutoModel, copied)


class TestTokenizer:
    def test_it_is_the_one_of_the_folder(self, bert_folder):
        tokenizer = load_tokenizer(bert_folder)
        assert tokenizer("a note").input_ids == [101, 1037, 3602, 102]

    def test_none(self, copied):
        (copied / "tokenizer.json").unlink()
        with pytest.raises(EncoderError, match="has no tokenizer"):
            load_tokenizer(copied)

    @pytest.mark.parametrize("content", [b"{", b"[]", b'{"version": "1.0"}', b"\xff\xfe"])
    def test_a_broken_one(self, copied, content):
        (copied / "tokenizer.json").write_bytes(content)
        with pytest.raises(EncoderError, match="cannot make the tokenizer"):
            load_tokenizer(copied)


def test_a_digest_is_of_names_formats_and_values():
    one, same = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    same.load_state_dict(one.state_dict())
    assert state_digest(one) == state_digest(same)
    assert state_digest(same.bfloat16()) != state_digest(one)
    with torch.no_grad():
        one.bias[0] += 1
    assert state_digest(one) != state_digest(same.float())
