"""Vectors of notes from who looks at what alone, which content vectors can be drawn towards."""

import numpy as np
from numpy.typing import NDArray

from training.batches.graph import PairGraph

DIM = 64


def collaborative_vectors(graph: PairGraph, dim: int = DIM, seed: int = 0) -> NDArray[np.float32]:
    """Embed the notes of a graph by its edges: float32 [N, K], unit rows, K = min(dim, N - 2), at least 1.

    The leading singular vectors of D^-1/2 W D^-1/2, weighted by the square roots of their singular values, W being the
    scores between notes and D its row sums (Laplacian eigenmaps, Belkin and Niyogi 2003; as a factorisation, Levy and
    Goldberg 2014, section 3.3).
    """
    from scipy.sparse import csr_matrix, diags
    from scipy.sparse.linalg import svds

    count = len(graph)
    weights = csr_matrix((graph.weights.astype(np.float64), graph.others, graph.starts), shape=(count, count))
    scale = diags(1 / np.sqrt(np.asarray(weights.sum(axis=1)).ravel()))
    start = np.random.default_rng(seed).standard_normal(count)
    left, values, _ = svds(scale @ weights @ scale, k=max(1, min(dim, count - 2)), v0=start)
    order = np.argsort(-values)
    rows = left[:, order] * np.sqrt(values[order])
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    vectors: NDArray[np.float32] = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0).astype(
        np.float32
    )
    return vectors
