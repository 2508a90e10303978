"""Which part a configuration names; only its own module is imported."""

from encoders.config import ImageConfig, TextConfig
from training.errors import TrainingError
from training.trainees.parts import ImagePart, TextPart


def text_part(config: TextConfig, hashtags: float | None = None, checkpointing: bool = False) -> TextPart:
    """Make the text part of a configuration.

    hashtags: r of CSFT, for a language model, which then has `embed_and_generate`. checkpointing: where the model can,
    layers are run again for their gradients. Raises EncoderError as the tower does, and TrainingError where text is to
    be written by a tower that cannot.
    """
    if hashtags is not None and config.tower != "notellm":
        raise TrainingError(
            f"a {config.tower} text tower writes nothing: set generation to 0 (its heads are trained in a stage of "
            "kind `heads`), or take a notellm encoder"
        )
    match config.tower:
        case "minilm":
            from training.trainees.text_minilm import MiniLMPart

            return MiniLMPart(config)
        case "transformer":
            from training.trainees.text_transformer import TransformerPart

            return TransformerPart(config, checkpointing)
        case "sentence_transformer":
            from training.trainees.text_sentence_transformer import SentenceTransformerPart

            return SentenceTransformerPart(config)
        case "notellm":
            from training.trainees.text_notellm import NoteLLMPart

            return NoteLLMPart(config, hashtags, checkpointing)
        case "open_clip":
            from training.trainees.text_open_clip import OpenClipTextPart

            return OpenClipTextPart(config)


def image_part(config: ImageConfig, augment: bool = False) -> ImagePart | None:
    """Make the image part of a configuration; None where no picture is read, or there are no weights to train.

    augment: random crops and flips in training. Raises EncoderError and WeightsError as the tower does.
    """
    match config.tower:
        case "open_clip":
            from training.trainees.image_open_clip import OpenClipPart

            return OpenClipPart(config, augment)
        case "timm":
            from training.trainees.image_timm import TimmPart

            return TimmPart(config, augment)
        case "descriptor" | "none":
            return None
