"""When `split_bregman` stops, where it starts, and the β that it finds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import gradient, split_bregman
from jaxdepth.ops.penalties import PENALTIES
from tests.ops.split_bregman_reference import BETA, DELTA, LAM, run
from tests.ops.test_integration_energy import problem


def test_a_warm_start_and_relaxation_save_iterations(x64):
    f, g, _ = problem("plain", "anisotropic")
    options = {"tol": 1e-6, "num_iters": 2000, "return_info": True}
    _, cold = run(f, g, **options)
    _, warm = run(f + 0.001 * np.sin(f), g, init=cold.state, **options)
    _, relaxed = run(f, g, relaxation=1.6, **options)
    assert cold.converged
    assert warm.converged
    assert relaxed.converged
    assert int(warm.num_iters) < int(cold.num_iters) / 2
    assert int(relaxed.num_iters) < int(cold.num_iters)


def test_tolerance_stops_every_image_by_itself(x64):
    cases = [problem("plain", penalty)[:2] for penalty in PENALTIES]
    f, g = (np.stack(arrays) for arrays in zip(*cases, strict=True))
    f[0] = 2.0
    g[0] = 0.0  # solved from the start

    @jax.jit
    def solve(f, g):
        return run(f, g, tol=1e-3, num_iters=60, return_info=True)

    u, info = solve(f, g)
    assert info.num_iters.dtype == jnp.int32
    assert int(info.num_iters[0]) == 1
    assert info.energy.shape == (4, 60)
    assert len(set(info.num_iters.tolist())) > 1
    for i in range(4):
        alone, by_itself = jax.jit(
            lambda f, g: run(f, g, tol=1e-3, num_iters=60, return_info=True)
        )(f[i], g[i])
        np.testing.assert_allclose(u[i], alone, atol=1e-12)
        for ours, theirs in zip(info, by_itself, strict=True):
            np.testing.assert_allclose(ours[i], theirs, atol=1e-12)
        count = int(info.num_iters[i])
        assert bool(info.converged[i]) == (count < 60 or bool(by_itself.converged))
        np.testing.assert_array_equal(info.energy[i, count - 1 :], info.energy[i, count - 1])
        gap = np.where(info.energy[i] > 0, info.gap[i] / np.fmax(info.energy[i], 1e-9), 0)
        assert (gap[: count - 1] > 1e-3).all()
        assert (gap[count - 1] <= 1e-3) == bool(info.converged[i])
    np.testing.assert_allclose(u, jax.vmap(solve)(f, g)[0], atol=1e-12)
    _, unfinished = run(f, g, tol=1e-9, num_iters=5, return_info=True)
    assert not unfinished.converged[1:].any()
    assert (unfinished.num_iters[1:] == 5).all()


@pytest.mark.parametrize("way", ["plain", "weighted"])
def test_adapted_beta_is_set_after_5_10_20_iterations_and_keeps_the_rest(x64, way):
    f, g, options = problem(way, "huber")
    options |= {"penalty": "huber", "cg_tol": 1e-13, "return_info": True}
    whole, info = run(f, g, adapt_beta=True, num_iters=25, **options)
    assert np.flatnonzero(np.diff(info.beta)).tolist() == [4, 9, 19]
    beta, state = BETA, None
    for first, last in [(0, 5), (5, 10), (10, 20), (20, 25)]:
        u, part = run(f, g, init=state, **options, beta=beta, num_iters=last - first)
        np.testing.assert_allclose(part.energy, info.energy[first:last], rtol=1e-9)
        np.testing.assert_allclose(part.gap, info.gap[first:last], rtol=1e-6)
        if last == 25:
            break
        # The state is d + y/β, from which y is what the prox of Huber's penalty takes off.
        z = beta * np.asarray(part.state)
        weight = np.asarray(options.get("gradient_weight", np.ones(g.shape)))
        y = np.clip(z * weight / (beta * DELTA + weight), -weight, weight)
        d = (z - y) / beta
        terms = np.ones(g.shape, bool)
        if way == "weighted":
            terms[:, -1, 0] = terms[-1, :, 1] = False
            mask = options["mask"]
            terms[..., 0] &= mask & np.roll(mask, -1, 1)
            terms[..., 1] &= mask & np.roll(mask, -1, 0)
        beta = np.sqrt(np.sum(y[terms] ** 2) / np.sum(d[terms] ** 2))
        np.testing.assert_allclose(info.beta[last], beta, rtol=1e-6)
        state = d + y / beta
    np.testing.assert_allclose(u, whole, atol=1e-9)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_adapted_beta_converges_from_any_start_where_a_fixed_one_does_not(x64, penalty):
    f, g, _ = problem("plain", penalty)
    least, counts = [], {True: [], False: []}
    for beta in (0.1, BETA, 100.0):
        for adapt_beta in (True, False):
            _, info = run(
                f,
                g,
                penalty=penalty,
                beta=beta,
                adapt_beta=adapt_beta,
                tol=1e-5,
                num_iters=3000,
                return_info=True,
            )
            counts[adapt_beta].append(int(info.num_iters))
            if adapt_beta:
                assert info.converged
                least.append(info.energy[-1])
    np.testing.assert_allclose(least, np.min(least), rtol=1e-5)
    assert max(counts[True]) < max(counts[False]) / 2


def test_adapted_beta_belongs_to_an_image_not_to_its_batch(x64):
    cases = [problem("plain", penalty)[:2] for penalty in PENALTIES]
    f, g = (np.stack(arrays) for arrays in zip(*cases, strict=True))
    scale = np.array([1.0, 10.0, 2.0, 5.0])  # two of the problems are the same
    f, g = scale[:, None, None] * f, scale[:, None, None, None] * g

    def solve(f, g, **options):
        return run(f, g, adapt_beta=True, num_iters=30, return_info=True, **options)

    for options in ({}, {"mask": np.arange(f[0].size).reshape(f[0].shape) > 7}):
        many = {name: np.stack([value] * 4) for name, value in options.items()}
        u, info = solve(f, g, cg_tol=1e-12, **many)
        assert len(set(info.beta[:, -1].tolist())) == 4
        for i in range(4):
            alone, by_itself = solve(f[i], g[i], cg_tol=1e-12, **options)
            np.testing.assert_allclose(u[i], alone, atol=1e-8)
            np.testing.assert_allclose(info.beta[i], by_itself.beta, rtol=1e-8)


def test_adapted_beta_goes_on_from_a_state(x64):
    f, g, _ = problem("plain", "anisotropic")
    options = {"adapt_beta": True, "beta": 0.1, "tol": 1e-6, "num_iters": 3000}
    _, cold = run(f, g, return_info=True, **options)
    _, warm = run(f + 0.001 * np.sin(f), g, init=cold.state, return_info=True, **options)
    np.testing.assert_allclose(warm.beta[0], cold.beta[-1], rtol=0.1)
    assert int(warm.num_iters) < int(cold.num_iters) / 2


def test_an_exact_fit_has_converged_in_float32():
    """The energy is all rounding there, and no bound is small beside it."""
    f = np.linspace(1, 9, 64, dtype=np.float32).reshape(8, 8) ** 2
    for penalty in PENALTIES:
        for adapt_beta in (True, False):
            u, info = split_bregman(
                f,
                gradient(f),
                lam=LAM,
                penalty=penalty,
                adapt_beta=adapt_beta,
                tol=1e-4,
                num_iters=50,
                return_info=True,
            )
            assert info.converged
            np.testing.assert_allclose(u, f, rtol=1e-5)


def test_implicit_derivatives_with_an_adapted_beta(x64):
    f, g, _ = problem("plain", "huber")

    @jax.jit
    def solve(f, g, lam):
        return split_bregman(
            f,
            g,
            lam=lam,
            beta=100.0,
            adapt_beta=True,
            penalty="huber",
            delta=DELTA,
            num_iters=300,
            differentiation="implicit",
        )

    rng = np.random.default_rng(0)
    tangents = rng.normal(size=f.shape), rng.normal(size=g.shape), 0.1
    _, derivative = jax.jvp(solve, (jnp.asarray(f), jnp.asarray(g), LAM), tangents)
    step = 1e-5
    ahead, behind = (
        solve(*(x + sign * step * t for x, t in zip((f, g, LAM), tangents, strict=True)))
        for sign in (1, -1)
    )
    expected = (ahead - behind) / (2 * step)
    np.testing.assert_allclose(derivative, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("penalty", ["anisotropic", "squared"])
def test_a_tolerance_is_kept_in_float32_whatever_the_scale_of_the_energy(penalty):
    """As far as the energy itself is no better than its rounding, and no further."""
    rng = np.random.default_rng(0)
    f = (10 + 1e-3 * rng.normal(size=(16, 16))).astype(np.float32)
    g = (1e-3 * rng.normal(size=(16, 16, 2))).astype(np.float32)
    for scale in (1.0, 2.0**-10):  # of all terms: the minimiser is the same
        _, info = split_bregman(
            f,
            g,
            lam=0.1 * scale,
            beta=10 * scale,
            gradient_weight=np.full(g.shape, scale, np.float32),
            penalty=penalty,
            tol=1e-2,
            num_iters=2000,
            return_info=True,
        )
        assert info.converged
        last = int(info.num_iters) - 1
        # A difference of depths near 10 has an error of 1e-6, of misfits near 1e-3.
        assert info.gap[last] < 1.5e-2 * info.energy[last]
