"""A step's random numbers as a function of its number, so that a resumed run draws what it would have."""

import hashlib
import json

import torch


def seed_of(*names: int | str) -> int:
    """A seed in [0, 2⁶³) from numbers and names, such as (seed, stage, step, purpose); equal ones give equal seeds."""
    digest = hashlib.blake2b(json.dumps(names).encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1


def reseed(*names: int | str) -> None:
    """Seed torch's global generators, of the CPU and of every CUDA device, by `seed_of`."""
    torch.manual_seed(seed_of(*names))
