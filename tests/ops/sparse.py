"""∇ as a sparse matrix, for references that share no code with the library."""

import numpy as np
import scipy.sparse


def sparse_gradient(shape: tuple[int, int], boundary: str) -> scipy.sparse.csc_matrix:
    """∇ as a matrix: the horizontal differences of all pixels, then the vertical ones."""

    def along(n):
        difference = np.zeros((n, n))
        for i in range(n if boundary == "periodic" else n - 1):
            difference[i, (i + 1) % n] += 1
            difference[i, i] -= 1
        return difference

    height, width = shape
    horizontal = scipy.sparse.kron(np.eye(height), along(width))
    vertical = scipy.sparse.kron(along(height), np.eye(width))
    return scipy.sparse.csc_matrix(scipy.sparse.vstack([horizontal, vertical]))


def flat(g: np.ndarray) -> np.ndarray:
    """`[H, W, 2]` in the order of `sparse_gradient`."""
    return np.moveaxis(np.asarray(g), -1, 0).ravel()


def existing(g: np.ndarray, boundary: str) -> np.ndarray:
    """g, with 0 where a Neumann boundary leaves no term."""
    g = np.array(g)
    if boundary == "neumann":
        g[..., :, -1, 0] = 0
        g[..., -1, :, 1] = 0
    return g
