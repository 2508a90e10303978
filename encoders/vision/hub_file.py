"""One weights file of the hub: from its cache, or fetched; an unreachable hub is told within seconds."""

from collections.abc import Sequence
from pathlib import Path

from encoders.errors import WeightsError
from encoders.hub import PATIENCE, within


def hub_file(repo: str, names: Sequence[str], instead: str) -> Path:
    """Return the first of `names` that the repository has, from the cache or fetched. Raises WeightsError.

    names: safetensors files, best first; instead: what the user may do where nothing can be fetched.
    """
    from huggingface_hub import constants, get_session, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in names:
        cached = try_to_load_from_cache(repo, name)
        if isinstance(cached, str):
            return Path(cached)
    try:
        within(PATIENCE, lambda: get_session().head(constants.ENDPOINT, timeout=PATIENCE))
        for name in names:
            try:
                return Path(hf_hub_download(repo, name))
            except LocalEntryNotFoundError:  # not in the cache, and the hub was not asked: not an answer
                raise
            except EntryNotFoundError:
                continue
    except Exception as error:
        # The hub client and its transport raise errors of several libraries; all mean: not to be had now.
        raise WeightsError(
            f"{names[0]} of {repo} is not in the hub's cache and could not be fetched "
            f"({type(error).__name__}: {error}); {instead}"
        ) from error
    raise WeightsError(
        f"{repo} has no {' or '.join(names)}; pickled weights can run code and are refused: take another tag, or "
        "convert them (safetensors.torch.save_file) and name the file"
    )
