"""Low-rank changes (LoRA, arXiv 2106.09685) of the transformers within a module, through peft; merged to save."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from encoders.text.bert import Bert
from training.errors import TrainingError

if TYPE_CHECKING:
    from training.recipes.config import LoraConfig

# The name peft gives an adapter unless told otherwise.
ADAPTER = "default"


def add_lora(module: nn.Module, lora: "LoraConfig", seed: int = 0) -> None:
    """Put adapters on every linear layer of the models of transformers in a module, and freeze their own weights.

    The models stay the same objects, and give the same vectors until the first step. What is outside of them, such as
    a projection, is left as it is; so is a language model's head. Raises TrainingError where there is no such model,
    or peft is not installed.
    """
    try:
        import peft
    except ImportError as error:
        raise TrainingError(f"low-rank training needs peft ({error}): pip install 'notelens[train]'") from error
    from transformers import PreTrainedModel

    models = list(_outermost(module, (PreTrainedModel, Bert)))
    if not models:
        raise TrainingError(
            "low-rank training is for models of transformers, and there is none in this part: leave `lora` out, and "
            "all its weights are trained"
        )
    make: Any = peft.LoraConfig  # its annotations know no alpha but whole numbers
    for model in models:
        # peft knows which layers are the head of a model of transformers; ours has none.
        layers = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
        targets = layers if isinstance(model, Bert) else "all-linear"
        config = make(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=targets)
        training = model.training
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            try:
                peft.inject_adapter_in_model(config, model)
            except ValueError as error:
                raise TrainingError(
                    f"LoRA cannot be put on a {type(model).__name__} ({error}): leave `lora` out"
                ) from error
        for parent, name, layer in _adapted(model):
            base = layer.get_base_layer()
            if isinstance(base.weight, nn.Parameter):
                layer.train(training)  # peft makes them in training mode, whatever the model is in
            else:
                setattr(parent, name, base)  # set aside: no vector depends on it


@torch.no_grad()
def fold_lora(module: nn.Module) -> None:
    """Add the adapters in a module to the weights they change, and take them away."""
    for parent, name, layer in _adapted(module):
        base = layer.get_base_layer()
        base.weight.copy_(merged_weight(layer))
        setattr(parent, name, base)
    for model in module.modules():
        if "peft_config" in vars(model):
            del model.peft_config


@contextmanager
def merged_lora(module: nn.Module) -> Iterator[None]:
    """Within, adapted layers are plain ones with the sum as their weights, as they are saved; afterwards as before."""
    adapted = _adapted(module)
    for parent, name, layer in adapted:
        setattr(parent, name, _plain(layer))
    try:
        yield
    finally:
        for parent, name, layer in adapted:
            setattr(parent, name, layer)


def _adapted(module: nn.Module) -> list[tuple[nn.Module, str, Any]]:
    """Return the layers with an adapter: the module each is in, its name there, and peft's layer."""
    return [
        (parent, name, layer)
        for parent in module.modules()
        for name, layer in parent.named_children()
        if hasattr(layer, "lora_A") and hasattr(layer, "get_base_layer")
    ]


def merged_weight(layer: Any) -> Tensor:
    """Return a linear layer's weight with its adapter's change, if it has one; differentiable in both."""
    if not hasattr(layer, "get_base_layer"):
        plain: Tensor = layer.weight
        return plain
    weight: Tensor = layer.get_base_layer().weight
    change: Tensor = layer.get_delta_weight(ADAPTER)
    return weight + change.to(weight.dtype)


@torch.no_grad()
def _plain(layer: Any) -> nn.Module:
    base: nn.Module = layer.get_base_layer()
    plain = copy.copy(base)
    # The copy shares the dictionary of its parameters with the original.
    plain._parameters = dict(base._parameters)
    plain.weight = nn.Parameter(merged_weight(layer), requires_grad=False)
    return plain


def _outermost(module: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[nn.Module]:
    """Yield the modules of some kinds that are in no other of them, the module itself included."""
    if isinstance(module, kinds):
        yield module
        return
    for child in module.children():
        yield from _outermost(child, kinds)
