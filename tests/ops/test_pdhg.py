"""The primal-dual method; test_integration_energy.py compares its minimisers with others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth.ops import integration_energy, pdhg
from tests.ops.test_integration_energy import problem


def test_energies_are_those_of_the_iterates_and_fall(x64):
    f, g, options = problem("weighted", "huber")
    options |= {"lam": 0.5, "penalty": "huber"}
    u, energies = pdhg(f, g, num_iters=50, return_energies=True, **options)
    assert energies.shape == (50,)
    np.testing.assert_allclose(energies[-1], integration_energy(u, f, g, **options), rtol=1e-12)
    assert energies[-1] < energies[10] < energies[0]


def test_derivatives_equal_finite_differences(x64):
    f, g, _ = problem("plain", "huber")

    @jax.jit
    def integrate(f, g, lam, delta):
        return pdhg(f, g, lam=lam, delta=delta, penalty="huber", num_iters=5)

    check_grads(integrate, (f, g, 0.5, 0.3), order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-5)


def test_batch_axes_equal_a_loop():
    cases = [problem("weighted", "huber") for _ in range(2)]
    f, g = (np.stack([case[i] for case in cases]).astype(np.float32) for i in range(2))
    f[1] += 1
    weights = np.stack([cases[0][2]["data_weight"], 2 + cases[0][2]["data_weight"]])

    def integrate(f, g, weight):
        return pdhg(f, g, lam=0.5, data_weight=weight.astype(np.float32), num_iters=10)

    loop = np.stack([integrate(f[i], g[i], weights[i]) for i in range(2)])
    np.testing.assert_allclose(integrate(f, g, weights), loop, atol=1e-5)
    np.testing.assert_allclose(jax.vmap(integrate)(f, g, weights), loop, atol=1e-5)


def test_errors():
    f, g = jnp.ones((3, 4)), jnp.zeros((3, 4, 2))
    with pytest.raises(ValueError, match="num_iters must be at least 1, got 0"):
        pdhg(f, g, lam=1.0, num_iters=0)
    with pytest.raises(ValueError, match="lam must be positive"):
        pdhg(f, g, lam=-1.0)
