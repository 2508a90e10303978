"""Which weights of a language model are trained."""

from typing import TYPE_CHECKING

from encoders.notellm.backbone import Backbone
from training.trainees.lora import add_lora, fold_lora

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig


def train_language_model(backbone: Backbone, train: bool, lora: "LoraConfig | None", writes: bool) -> None:
    """Train all weights, low-rank changes of them, or none; earlier low-rank changes become part of the weights.

    writes: whether a loss is taken of what the model writes. If not, a head of its own weights gets no gradient, and is
    frozen; one that shares the input embeddings' is trained with them.
    """
    fold_lora(backbone)
    backbone.requires_grad_(train)
    if not train:
        return
    if lora is not None:
        add_lora(backbone.causal, lora)
        return
    head, words = backbone.causal.get_output_embeddings(), backbone.causal.get_input_embeddings()
    if head is not None and head.weight is not words.weight:
        head.requires_grad_(writes)
