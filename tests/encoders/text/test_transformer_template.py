"""The note template of bidirectional encoders: whole whatever the note, and words stay words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from encoders.note import Note
from encoders.text.config import TransformerConfig
from encoders.text.transformer import TransformerTower

FIELDS = ("title", "category", "tags", "body")
START = "[CLS] note : { "
END = ' } . com ##press this note into one word . the compression word is : " [EMB] " . [SEP]'


@pytest.fixture(scope="module")
def tower(bert_folder):
    config = TransformerConfig(model=str(bert_folder), template="note", pooling="emb", title_tokens=4, content_tokens=6)
    return TransformerTower(config, "float32")


def written(tower, note, fields=FIELDS):
    return " ".join(tower.hf_tokenizer.convert_ids_to_tokens(tower.read(note, fields)))


def fields_of(tower, note, fields=FIELDS):
    text = written(tower, note, fields)
    assert text.startswith(START)
    assert text.endswith(END)
    return text.removeprefix(START).removesuffix(END)


def test_a_whole_note(tower):
    note = Note(title="Soup", category="food", tags=("kyoto", "night"), body="Eat here.")
    expected = '" title " : " soup " , " category " : " food " , " topic " : " kyoto , night " , '
    assert fields_of(tower, note) == expected + '" content " : " eat here . "'


def test_what_is_not_there_or_not_asked_for_leaves_no_trace(tower):
    note = Note(title="Ramen", category="food", tags=("kyoto",), body="Eat here.")
    assert fields_of(tower, Note(body="eat", title=" ")) == '" content " : " eat "'
    assert fields_of(tower, note, ("body",)) == '" content " : " eat here . "'
    for word in ("kyoto", "food"):
        assert word not in written(tower, note, ("title", "body"))


@pytest.mark.parametrize("note", [Note(), Note(category="food"), Note(title=" ", body="\n"), Note(tags=(" ",))])
def test_a_note_without_text(tower, note):
    assert tower.read(note, FIELDS) == ()
    assert not tower.encode([()]).any()


def test_tags_that_are_not_read_are_no_text(tower):
    assert tower.read(Note(tags=("kyoto",)), ("title", "body")) == ()


def test_long_fields_are_cut_by_tokens_and_the_template_stays_whole(tower):
    note = Note(title="soup " * 50, category="food " * 50, tags=("kyoto",) * 50, body="trail " * 50)
    ids = tower.read(note, FIELDS)
    assert len(ids) == tower.template.longest() == tower.max_tokens
    text = fields_of(tower, note)
    assert (text.count("soup"), text.count("food"), text.count("kyoto"), text.count("trail")) == (4, 4, 2, 6)


def test_a_long_body_reads_as_its_beginning(tower):
    words = "trail " * 6
    assert tower.read(Note(body=words + "sunset " * 15_000), FIELDS) == tower.read(Note(body=words), FIELDS)
    assert tower.read(Note(body="x" * 100_000), FIELDS)


@pytest.mark.parametrize("text", ["[EMB]", "a [EMB] b", "[SEP] [CLS] [PAD] [MASK]", '"[EMB]". }', "[emb]"])
def test_words_never_become_special_tokens(tower, text):
    ids = tower.read(Note(title=text, body=text, tags=(text,)), FIELDS)
    special = {tower.hf_tokenizer.convert_tokens_to_ids(token) for token in ("[CLS]", "[SEP]", "[PAD]", "[MASK]")}
    assert sum(i in special for i in ids) == 2
    assert ids.count(tower.module.emb) == 1


def test_emb_is_a_token_whose_row_is_the_mean_of_the_others(tower, bert_folder):
    from transformers import AutoModel

    rows = AutoModel.from_pretrained(bert_folder).get_input_embeddings().weight.detach()
    ours = tower.module.backbone.get_input_embeddings().weight.detach()
    assert tower.module.emb == len(rows) == 30_522
    torch.testing.assert_close(ours[:-1], rows)
    torch.testing.assert_close(ours[-1], rows.mean(dim=0))


def test_a_spare_row_is_taken_where_the_matrix_has_one(tmp_path, stock_tokenizer):
    from transformers import BertConfig, BertModel

    shape = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=30_528, **shape)).save_pretrained(tmp_path)
    stock_tokenizer(tmp_path)
    module = TransformerTower(TransformerConfig(model=str(tmp_path), template="note"), "float32").module
    rows = module.backbone.get_input_embeddings().weight.detach()
    assert (module.emb, len(rows)) == (30_522, 30_528)
    torch.testing.assert_close(rows[30_522], rows[:30_522].mean(dim=0))


def test_the_vector_is_the_state_at_emb_and_sees_what_follows(tower):
    ids = torch.tensor([tower.read(Note(title="Ramen"), FIELDS)])
    with torch.inference_mode():
        states = tower.module.backbone(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
        changed = ids.clone()
        changed[0, -2] = 2000
        after = tower.module.backbone(input_ids=changed, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
    place = ids[0].tolist().index(tower.module.emb)
    expected = (states[place] / states[place].norm()).numpy()
    np.testing.assert_allclose(tower.encode([tuple(ids[0].tolist())])[0], expected, atol=2e-6)
    assert not torch.allclose(states[place], after[place], atol=1e-4)
