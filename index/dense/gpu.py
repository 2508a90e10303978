"""The same searches on a CUDA device; needs faiss-gpu in the place of faiss-cpu.

On the device go flat storages and inverted files of 8-bit codes, the kinds that FAISS has there. It takes no
selector, so filtered searches and those around removed rows stay on the processor, as does re-ranking.
"""

from __future__ import annotations

from typing import Any

from index.dense.kinds import faiss
from index.errors import MissingCapability


def to_device(index: Any) -> Any:
    """A copy of a FAISS index on the first CUDA device. Raises MissingCapability where there is none."""
    module = faiss()
    count = getattr(module, "get_num_gpus", lambda: 0)()
    if not count:
        raise MissingCapability(
            "device cuda: this FAISS sees no CUDA device. Install faiss-gpu in the place of faiss-cpu on a machine "
            'that has one (pip uninstall faiss-cpu; pip install "notelens[gpu]"), or set device = "cpu".'
        )
    resources = module.StandardGpuResources()
    moved = module.index_cpu_to_gpu(resources, 0, index)
    moved.referenced_objects = [resources]  # the device's memory lives as long as they do
    return moved
