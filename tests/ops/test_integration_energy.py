"""Minimisers with weights, masks and every penalty: two methods of ours and CVXPY agree."""

from functools import partial

import cvxpy
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from jaxdepth.ops import gradient, integration_energy, pdhg, split_bregman
from jaxdepth.ops.penalties import PENALTIES
from tests.ops.sparse import flat, sparse_gradient

SHAPE, LAM, DELTA = (8, 9), 0.5, 0.1
WAYS = ("plain", "weighted")
SEEDS = {"anisotropic": 15, "isotropic": 10, "squared": 10, "huber": 10}
"""With which no iterate of three is beside a kink."""


def problem(way: str, penalty: str) -> tuple[np.ndarray, np.ndarray, dict]:
    """f, g and options: nothing special, or weights, a hole in the domain and no wrapping."""
    rng = np.random.default_rng(SEEDS[penalty])
    f = 3 + rng.normal(size=SHAPE)
    g = np.asarray(gradient(f + 0.2 * rng.normal(size=SHAPE)))
    # Noise, without which an L1 energy has kinks in g; and outliers.
    g = g + 0.05 * rng.normal(size=g.shape) + (rng.uniform(size=g.shape) < 0.2)
    if way == "plain":
        return f, g, {"boundary": "periodic"}
    mask = np.ones(SHAPE, bool)
    mask[2:5, 3:6] = mask[7, 0] = False
    components = () if penalty == "isotropic" else (2,)
    options = {
        "boundary": "neumann",
        "mask": mask,
        "data_weight": np.where(rng.uniform(size=SHAPE) < 0.2, 0, rng.uniform(0.5, 2, SHAPE)),
        "gradient_weight": rng.uniform(0.2, 2, (*SHAPE, *components)),
    }
    return f, g, options


def terms(f, g, *, boundary, mask=None, data_weight=None, gradient_weight=None):
    """∇ with the rows of terms that exist, g and weights; weights of data, 0 outside the mask."""
    nabla = sparse_gradient(f.shape, boundary)
    mask = np.ones(f.shape, bool) if mask is None else mask
    inside = np.abs(nabla) @ ~mask.ravel() == 0
    exists = inside & (np.diff(nabla.tocsr().indptr) == 2)
    weight = np.ones(g.shape) if gradient_weight is None else np.asarray(gradient_weight)
    weight = np.broadcast_to(weight if weight.ndim == 3 else weight[..., None], g.shape)
    data = mask * (1.0 if data_weight is None else data_weight)
    nabla = scipy.sparse.diags(exists.astype(float)) @ nabla
    return nabla, exists * flat(g), exists * flat(weight), data.ravel()


def energy(u, f, g, penalty, options, of=np):
    """The formula of the energy, in NumPy or, for a variable u, in CVXPY."""
    nabla, g_flat, weight, data = terms(f, g, **options)
    r = nabla @ u - g_flat
    n = f.size
    if of is np:
        size = np.abs(r)
        misfit = {
            "anisotropic": lambda: np.sum(weight * size),
            "squared": lambda: np.sum(weight * r**2) / 2,
            "huber": lambda: np.sum(
                weight * np.where(size < DELTA, r**2 / (2 * DELTA), size - DELTA / 2)
            ),
            "isotropic": lambda: np.sum(
                np.maximum(weight[:n], weight[n:]) * np.hypot(r[:n], r[n:])
            ),
        }[penalty]()
        return misfit + LAM / 2 * np.sum(data * (u - f.ravel()) ** 2)
    misfit = {
        "anisotropic": lambda: cvxpy.sum(cvxpy.multiply(weight, cvxpy.abs(r))),
        "squared": lambda: cvxpy.sum(cvxpy.multiply(weight, cvxpy.square(r))) / 2,
        "huber": lambda: cvxpy.sum(cvxpy.multiply(weight, cvxpy.huber(r, DELTA))) / (2 * DELTA),
        "isotropic": lambda: cvxpy.sum(
            cvxpy.multiply(
                np.maximum(weight[:n], weight[n:]),
                cvxpy.norm(cvxpy.vstack([r[:n], r[n:]]), 2, axis=0),
            )
        ),
    }[penalty]()
    return misfit + LAM / 2 * cvxpy.sum(cvxpy.multiply(data, cvxpy.square(u - f.ravel())))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_split_bregman_pdhg_and_cvxpy_find_the_same_minimiser(x64, penalty, way):
    f, g, options = problem(way, penalty)
    u = cvxpy.Variable(f.size)
    cvxpy.Problem(cvxpy.Minimize(energy(u, f, g, penalty, options, of=cvxpy))).solve(
        solver=cvxpy.CLARABEL
    )
    exact, least = u.value.reshape(SHAPE), energy(u.value, f, g, penalty, options)
    common = {"lam": LAM, "penalty": penalty, "delta": DELTA, **options}

    @jax.jit
    def solve(f, g):
        bregman, info = split_bregman(
            f, g, beta=3.0, num_iters=4000, tol=1e-9, cg_tol=1e-4, return_info=True, **common
        )
        return bregman, info, pdhg(f, g, num_iters=20000, **common)

    bregman, info, primal_dual = solve(f, g)
    outside = ~options.get("mask", np.ones(SHAPE, bool))
    for solution in (bregman, primal_dual):
        value = energy(np.asarray(solution).ravel(), f, g, penalty, options)
        np.testing.assert_allclose(value, least, rtol=1e-6)
        np.testing.assert_allclose(integration_energy(solution, f, g, **common), value, rtol=1e-12)
        np.testing.assert_array_equal(solution[outside], 0)
    np.testing.assert_allclose(info.energy[-1], least, rtol=1e-6)
    # The gap bounds what is left, and is no empty bound. With data weights it is on depth maps
    # within a metre, where early iterates are not.
    excess = np.asarray(info.energy) - least
    bounded = slice(None) if way == "plain" else slice(100, None)
    assert (excess <= info.gap + 1e-7 * least)[bounded].all()
    assert info.gap[-1] < 1e-5 * least
    # Where there is no data weight an L1 energy may have a flat bottom, so inside weights only.
    certain = ~outside & (options.get("data_weight", np.ones(SHAPE)) > 0)
    np.testing.assert_allclose(bregman[certain], exact[certain], atol=1e-4)
    np.testing.assert_allclose(primal_dual[certain], exact[certain], atol=2e-3)


def test_huber_tends_to_the_l1_norm_and_to_squares(x64):
    f, g, _ = problem("plain", "huber")
    u = f + 0.1

    def value(penalty, delta):
        return float(integration_energy(u, f, g, lam=LAM, penalty=penalty, delta=delta))

    np.testing.assert_allclose(value("huber", 1e-9), value("anisotropic", 1.0), rtol=1e-6)
    data = LAM / 2 * u.size * 0.01
    np.testing.assert_allclose(
        100 * (value("huber", 100.0) - data), value("squared", 1.0) - data, rtol=1e-9
    )


@pytest.mark.parametrize("method", [partial(split_bregman, cg_tol=1e-6), pdhg])
def test_what_lies_outside_the_mask_or_has_no_weight_has_no_effect(method):
    f, g, options = problem("weighted", "huber")
    inside = options["mask"]
    options["gradient_weight"] = np.where(
        np.random.default_rng(9).uniform(size=g.shape) < 0.2, 0, options["gradient_weight"]
    )
    missing_f = ~inside | (options["data_weight"] == 0)
    missing_g = ~inside[..., None] | (options["gradient_weight"] == 0)
    f, g = (
        np.where(missing_f, 0, f).astype(np.float32),
        np.where(missing_g, 0, g).astype(np.float32),
    )
    options["data_weight"] = options["data_weight"].astype(np.float32)
    options["gradient_weight"] = options["gradient_weight"].astype(np.float32)

    @jax.jit
    def value_and_grad(f, g, data_weight, gradient_weight):
        def value(*arrays):
            named = dict(zip(["data_weight", "gradient_weight"], arrays[2:], strict=True))
            return jnp.sum(
                method(*arrays[:2], lam=LAM, penalty="huber", num_iters=5, **{**options, **named})
                ** 2
            )

        return jax.value_and_grad(value, argnums=(0, 1, 2, 3))(f, g, data_weight, gradient_weight)

    weights = (options["data_weight"], options["gradient_weight"])
    expected, expected_grads = value_and_grad(f, g, *weights)
    damaged, grads = value_and_grad(
        np.where(missing_f, np.nan, f),
        np.where(missing_g, np.nan, g),
        np.where(inside, weights[0], np.nan),
        np.where(inside[..., None], weights[1], np.nan),
    )
    np.testing.assert_allclose(damaged, expected, rtol=1e-6)
    for damaged_grad, expected_grad, missing in zip(
        grads, expected_grads, (missing_f, missing_g, ~inside, ~inside[..., None]), strict=True
    ):
        np.testing.assert_allclose(damaged_grad, expected_grad, atol=1e-4)
        assert not np.any(np.where(missing, damaged_grad, 0))
