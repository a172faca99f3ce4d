"""Derivatives of the iterations: unrolled, rematerialised and implicit."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth.ops import split_bregman
from jaxdepth.ops.penalties import PENALTIES
from tests.ops.split_bregman_reference import BETA, DELTA, LAM, hole_problem, reference, run
from tests.ops.test_integration_energy import problem


def differentiable(penalty, way, **options):
    """A function of f, g, λ, β, δ and, in a weighted problem, both weights; and arguments."""
    f, g, given = problem(way, penalty)
    weights = [name for name in ("data_weight", "gradient_weight") if name in given]
    arguments = [f, g, LAM, BETA, DELTA]
    for name in weights:
        arguments.append(given.pop(name))
    if weights:  # where a weight is 0, a difference would make it negative
        arguments[5] = arguments[5] + 0.1

    def integrate(f, g, lam, beta, delta, *arrays):
        named = dict(zip(weights, arrays, strict=True))
        scalars = {"lam": lam, "beta": beta, "delta": delta}
        return split_bregman(f, g, penalty=penalty, **scalars, **given, **named, **options)

    return jax.jit(integrate), arguments


@pytest.mark.parametrize("way", ["plain", "weighted"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_unrolled_derivatives_equal_finite_differences(x64, penalty, way):
    integrate, arguments = differentiable(penalty, way, num_iters=3, cg_tol=1e-13)
    f, g, options = problem(way, penalty)
    if way == "weighted":
        options["data_weight"] = arguments[5]
    assert reference(f, g, penalty, options, 3)[1] > 1e-4  # no kink within reach
    check_grads(integrate, arguments, order=1, modes=("fwd", "rev"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("way", ["plain", "weighted"])
def test_rematerialisation_changes_memory_alone(x64, way):
    def value_and_grad(**options):
        integrate, arguments = differentiable("anisotropic", way, num_iters=11, **options)
        value = jax.value_and_grad(lambda *a: jnp.sum(integrate(*a) ** 2), argnums=(0, 1, 2, 3))
        return jax.jit(value)(*arguments)

    expected = value_and_grad()
    for remat_every in (1, 4, 20):
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9),
            value_and_grad(remat_every=remat_every),
            expected,
        )


def kept_bytes(num_iters, **options):
    """What reverse mode keeps from the forward pass."""
    f, g = jnp.ones((16, 20)), jnp.zeros((16, 20, 2))

    def integrate(f, g, lam):
        return split_bregman(f, g, lam=lam, num_iters=num_iters, **options)

    _, pullback = jax.vjp(integrate, f, g, 0.01)
    return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))


def test_memory_of_reverse_mode():
    image = 16 * 20 * 4
    every = [kept_bytes(k, remat_every=10) for k in (20, 60)]
    assert every[1] - every[0] == 4 * 2 * image  # d + b for each ten more
    assert kept_bytes(20) > every[0]
    assert kept_bytes(10, differentiation="implicit") == kept_bytes(50, differentiation="implicit")


@pytest.mark.parametrize(
    ("penalty", "way"), [*((p, "plain") for p in PENALTIES), ("huber", "weighted")]
)
def test_implicit_derivatives_are_those_of_the_minimiser(x64, penalty, way):
    options = {"num_iters": 3000, "cg_tol": 1e-9}
    integrate, arguments = differentiable(penalty, way, differentiation="implicit", **options)
    rng = np.random.default_rng(0)

    names = [0, 1, 2, 4] if penalty == "huber" else [0, 1, 2]
    names += range(5, len(arguments))
    tangents = [np.zeros_like(a) for a in arguments]
    for i in names:
        tangents[i] = rng.normal(size=np.shape(arguments[i])) * (0.05 if i in (2, 4) else 1)
    weight = rng.normal(size=arguments[0].shape)

    step = 1e-5
    moved = [
        [a + sign * step * t for a, t in zip(arguments, tangents, strict=True)] for sign in (1, -1)
    ]
    expected = (integrate(*moved[0]) - integrate(*moved[1])) / (2 * step)

    @jax.jit
    def derivatives(arguments, tangents):
        return (
            jax.jvp(integrate, arguments, tangents)[1],
            jax.vjp(integrate, *arguments)[1](jnp.asarray(weight)),
        )

    forward, gradients = derivatives(arguments, tangents)
    np.testing.assert_allclose(forward, expected, atol=2e-4 * np.abs(expected).max())
    reverse = sum(np.sum(g * t) for g, t in zip(gradients, tangents, strict=True))
    np.testing.assert_allclose(reverse, np.sum(weight * expected), rtol=2e-3, atol=1e-4)
    assert abs(float(gradients[3])) < 1e-4  # the minimiser does not depend on β


def test_residuals_of_zero_leave_derivatives_alone():
    f, g = jnp.full((4, 5), 2.0), jnp.zeros((4, 5, 2))  # solved from the start

    def derivative(**options):
        return jax.jit(jax.grad(lambda f: jnp.sum(run(f, g, **options) ** 2)))(f)

    expected = derivative(num_iters=1)
    np.testing.assert_allclose(derivative(tol=1e-3, num_iters=3), expected, atol=1e-6)


def test_the_mode_of_differentiation_does_not_change_the_value(x64):
    f, g, options = problem("weighted", "huber")
    options |= {"penalty": "huber", "tol": 1e-3, "num_iters": 20, "return_info": True}
    expected, info = run(f, g, **options)
    u, same_info = run(f, g, differentiation="implicit", **options)
    np.testing.assert_allclose(u, expected, atol=1e-12)
    for ours, theirs in zip(same_info, info, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-12)


def loss_gradients(f, g, truth, columns=None, **options):
    def loss(f, g, lam):
        u = split_bregman(f, g, lam=lam, boundary="neumann", **options)
        return jnp.mean((u - jnp.asarray(truth, u.dtype))[:, :columns] ** 2)

    return jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(f, g, 0.1)


def test_derivatives_through_conjugate_gradients_are_accurate_by_default(x64):
    f, g, truth, trust, _ = hole_problem()
    exact = loss_gradients(f, g, truth, data_weight=trust, cg_tol=1e-11)
    single = loss_gradients(f.astype(np.float32), g.astype(np.float32), truth, data_weight=trust)
    for ours, expected in zip(single, exact, strict=True):
        error = np.linalg.norm(np.ravel(ours - expected)) / np.linalg.norm(np.ravel(expected))
        assert error < 0.05


def test_derivatives_stay_finite_on_scattered_pixels_and_without_any_data():
    f, g, truth, _, scattered = hole_problem()
    f, g = f.astype(np.float32), g.astype(np.float32)
    walled = np.ones(f.shape, bool)
    walled[:, 30] = False
    half = np.where(np.arange(f.shape[1]) < 30, 1.0, 0.0) * np.ones(f.shape)
    expected = loss_gradients(f[:, :30], g[:, :30], truth[:, :30], num_iters=50)[0]
    for options in (
        {"mask": scattered},
        {"mask": ~np.ones(f.shape, bool)},
        {"data_weight": np.zeros(f.shape)},
        {"mask": walled, "data_weight": half, "num_iters": 50},
    ):
        for leaf in loss_gradients(f, g, truth, **options):
            assert np.isfinite(leaf).all(), options
    # What lies behind the wall has no f, and no effect on what has.
    options = {"mask": walled, "data_weight": half, "num_iters": 50}
    in_f = loss_gradients(f, g, truth, columns=30, **options)[0]
    np.testing.assert_allclose(in_f[:, :30], expected, atol=0.02 * np.abs(expected).max())
    np.testing.assert_array_equal(in_f[:, 30:], 0)
