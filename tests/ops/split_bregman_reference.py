"""The iterations by direct solves, and problems for them."""

import numpy as np
import scipy.sparse.linalg

from jaxdepth.ops import gradient, split_bregman
from tests.ops.test_integration_energy import terms

LAM, BETA, DELTA = 0.5, 4.0, 0.1


def run(f, g, **options):
    return split_bregman(f, g, **{"lam": LAM, "beta": BETA, "delta": DELTA, **options})


def prox(z, t, penalty):
    """argmin over d of t φ(d) + ‖d − z‖²/2, and the least distance to a kink where t > 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        n = z.size // 2
        if penalty == "anisotropic":
            return np.sign(z) * np.maximum(np.abs(z) - t, 0), np.abs(np.abs(z) - t)[t > 0].min()
        if penalty == "isotropic":
            t = np.maximum(t[:n], t[n:])
            length = np.hypot(z[:n], z[n:])
            factor = np.where(length > t, 1 - t / length, 0)
            return np.tile(factor, 2) * z, np.abs(length - t)[t > 0].min()
        if penalty == "squared":
            return z / (1 + t), np.inf
        inner = np.abs(z) <= DELTA + t
        return (
            np.where(inner, z * DELTA / (DELTA + t), z - t * np.sign(z)),
            np.abs(np.abs(z) - DELTA - t)[t > 0].min(),
        )


def reference(f, g, penalty, options, num_iters, lam=LAM, beta=BETA, relaxation=1.0):
    """The iterations as printed, with sparse factorisations; (u, d, b) from the start, margin."""
    nabla, g_flat, weight, data = terms(f, g, **options)
    inside = options.get("mask", np.ones(f.shape, bool)).ravel()
    matrix = lam * scipy.sparse.diags(np.where(inside, data, 1)) + beta * nabla.T @ nabla
    solve = scipy.sparse.linalg.splu(matrix.tocsc()).solve
    known = np.where(data > 0, f.ravel(), np.sum(data * f.ravel()) / np.sum(data)) * inside
    z = -(np.fmin(weight - 1, 0) ** 2) * (g_flat - nabla @ known)  # 0 where there are no weights
    d, margin = prox(z, weight / beta, penalty) if z.any() else (z, np.inf)
    b = z - d
    iterates = [(known, d, b)]
    for _ in range(num_iters):
        u = solve(lam * data * known + beta * (nabla.T @ (d + g_flat - b)))
        misfit = relaxation * (nabla @ u - g_flat) + (1 - relaxation) * d
        d, least = prox(misfit + b, weight / beta, penalty)
        b = b + misfit - d
        iterates.append((u, d, b))
        margin = min(margin, least)
    return iterates, margin


def hole_problem(shape=(60, 80)):
    """A slanted plane with a step, noise in g, and f missing in a strip."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth = 2 + 0.01 * x + (y > shape[0] // 2)
    f = truth + 0.1 * rng.normal(size=shape)
    g = np.asarray(gradient(truth, boundary="neumann")) + 0.02 * rng.normal(size=(*shape, 2))
    return f, g, truth, np.where(abs(x - 40) < 8, 0.0, 1.0), rng.uniform(size=shape) < 0.1
