"""Weights, masks, penalties, starts and what is said of the iterations."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import gradient, integration_energy, pdhg, split_bregman
from jaxdepth.ops.penalties import PENALTIES
from tests.ops.split_bregman_reference import BETA, DELTA, LAM, hole_problem, reference, run
from tests.ops.test_integration_energy import problem, terms


@pytest.mark.parametrize("way", ["plain", "weighted"])
@pytest.mark.parametrize("penalty", PENALTIES)
def test_iterates_equal_those_of_direct_solves(x64, penalty, way):
    f, g, options = problem(way, penalty)
    for relaxation in (1.0, 1.6):
        expected, _ = reference(f, g, penalty, options, 4, relaxation=relaxation)
        u, info = run(
            f,
            g,
            penalty=penalty,
            num_iters=4,
            relaxation=relaxation,
            cg_tol=1e-12,
            return_info=True,
            **options,
        )
        np.testing.assert_allclose(u.ravel(), expected[-1][0], atol=1e-8)
        d_and_b = np.moveaxis(np.asarray(info.state), -1, 0).ravel()
        exists = np.asarray(terms(f, g, **options)[2]) > 0
        np.testing.assert_allclose(d_and_b[exists], sum(expected[-1][1:])[exists], atol=1e-8)


def test_conjugate_gradients_are_as_accurate_as_stated():
    """`cg_tol` in each of the iterations, in float32; the errors do not add up."""
    f, g, options = problem("weighted", "anisotropic")
    f, g = f.astype(np.float32), g.astype(np.float32)
    expected, _ = reference(f.astype(float), g.astype(float), "anisotropic", options, 30)
    u = run(f, g, num_iters=30, cg_tol=1e-3, **options)
    np.testing.assert_allclose(u.ravel(), expected[-1][0], atol=2e-3)


@pytest.mark.parametrize("boundary", ["periodic", "neumann"])
def test_weights_of_one_and_a_full_mask_change_nothing(boundary):
    f, g, _ = problem("plain", "anisotropic")
    f, g = f.astype(np.float32), g.astype(np.float32)
    plain = run(f, g, boundary=boundary)
    ones = np.ones_like(f)
    exact = run(f, g, boundary=boundary, gradient_weight=np.ones_like(g))
    np.testing.assert_allclose(exact, plain, atol=1e-6)
    for options in ({"data_weight": ones}, {"mask": ones > 0}):
        u = run(f, g, boundary=boundary, cg_tol=1e-6, **options)
        np.testing.assert_allclose(u, plain, atol=1e-5)


def test_a_mask_separates_regions(x64):
    f, g, _ = problem("plain", "anisotropic")
    mask = np.ones(f.shape, bool)
    mask[:, 4] = False
    u = run(f, g, mask=mask, boundary="neumann", cg_tol=1e-12)
    left, right = slice(None, 4), slice(5, None)
    for part in (left, right):
        alone = run(f[:, part], g[:, part], boundary="neumann")
        np.testing.assert_allclose(u[:, part], alone, atol=1e-8)


@pytest.mark.parametrize("way", ["plain", "weighted"])
def test_iterations_go_on_from_the_state_as_if_they_had_not_stopped(x64, way):
    f, g, options = problem(way, "isotropic")
    options |= {"penalty": "isotropic", "relaxation": 1.3, "cg_tol": 1e-12}
    whole, info = run(f, g, num_iters=7, return_info=True, **options)
    _, before = run(f, g, num_iters=3, return_info=True, **options)
    rest, after = run(f, g, num_iters=4, init=before.state, return_info=True, **options)
    np.testing.assert_allclose(rest, whole, atol=1e-9)
    np.testing.assert_allclose(after.energy, info.energy[3:], rtol=1e-9)
    np.testing.assert_allclose(after.change[1:], info.change[4:], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("penalty", ["huber", "squared"])
def test_a_start_from_the_solution_stays_there(x64, penalty):
    f, g, options = problem("weighted", penalty)
    options |= {"penalty": penalty, "cg_tol": 1e-10}
    solution = run(f, g, num_iters=3000, tol=1e-11, **options)
    np.testing.assert_allclose(
        run(f, g, num_iters=1, init=solution, **options), solution, atol=1e-6
    )


@pytest.mark.parametrize("way", ["plain", "weighted"])
def test_information_is_that_of_the_iterates(x64, way):
    f, g, options = problem(way, "huber")
    iterates, _ = reference(f, g, "huber", options, 4)
    nabla, g_flat, weight, data = terms(f, g, **options)
    known = iterates[0][0]
    options["penalty"] = "huber"
    _, info = run(f, g, num_iters=4, cg_tol=1e-12, return_info=True, **options)
    count = np.sum(np.diff(nabla.tocsr().indptr) > 0)
    inside = options.get("mask", np.ones(f.shape, bool)).ravel()
    before = iterates[0]
    for k, (expected, d, b) in enumerate(iterates[1:]):
        depth = expected.reshape(f.shape)
        energy = integration_energy(depth, f, g, lam=LAM, delta=DELTA, **options)
        np.testing.assert_allclose(info.energy[k], energy, rtol=1e-9)
        change = np.abs(expected - before[0])[inside].sum()
        np.testing.assert_allclose(info.change[k], change, rtol=1e-6)
        primal = np.sum((nabla @ expected - g_flat - d) ** 2)
        np.testing.assert_allclose(info.primal_residual[k], np.sqrt(primal / count), rtol=1e-6)
        y = BETA * b
        lacking = LAM * data * (expected - known) + nabla.T @ y
        dual = np.sqrt(np.sum(lacking[inside] ** 2) / inside.sum())
        np.testing.assert_allclose(info.dual_residual[k], dual, rtol=1e-6)
        r = nabla @ expected - g_flat
        conjugate = DELTA * np.sum(y[weight > 0] ** 2 / weight[weight > 0]) / 2
        misfit = energy - LAM / 2 * np.sum(data * (expected - known) ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            step = (
                np.fmin(np.abs(lacking) / (LAM * data), 1)
                if way == "weighted"
                else (np.abs(lacking) / LAM)
            )
        gain = np.abs(lacking) * step - LAM * data * step**2 / 2
        gap = misfit + conjugate - y @ r + gain[inside].sum()
        np.testing.assert_allclose(info.gap[k], gap, rtol=1e-6)
        before = expected, d, b
    np.testing.assert_array_equal(info.beta, BETA)
    assert int(info.num_iters) == 4
    assert not bool(info.converged)


F, G = jnp.ones((3, 4)), jnp.zeros((3, 4, 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"penalty": "l1"}, "penalty must be one of .*'isotropic'.* got 'l1'"),
        ({"delta": 0.0}, "delta must be positive and finite"),
        ({"mask": F}, r"mask must be bool with the shape of f, \(3, 4\), got float32"),
        ({"mask": F[0] > 0}, r"mask must be bool .* got bool \(4,\)"),
        ({"data_weight": F[0]}, r"data_weight must have the shape \(3, 4\), got \(4,\)"),
        ({"data_weight": -F}, "data_weight must be finite and not negative, got -1.0"),
        ({"gradient_weight": F[0]}, r"the shape \(3, 4\) or \(3, 4, 2\), got \(4,\)"),
        (
            {"gradient_weight": G, "penalty": "isotropic"},
            r"the shape \(3, 4\), got \(3, 4, 2\).*one weight per pixel",
        ),
        ({"relaxation": 2.0}, "relaxation must be between 0 and 2, got 2.0"),
        ({"init": F[0]}, r"init must be a depth map of the shape of f.* got \(4,\)"),
        ({"tol": 0.0}, "tol must be positive and finite"),
        ({"cg_tol": -1.0}, "cg_tol must be positive"),
        ({"cg_tol": 5.0}, "cg_tol must be less than 1, got 5.0"),
        ({"data_weight": F * jnp.nan}, "data_weight must be finite and not negative, got nan"),
        ({"cg_max_iters": 0}, "cg_max_iters must be at least 1"),
        ({"differentiation": "exact"}, "differentiation must be one of"),
        ({"remat_every": 0}, "remat_every must be at least 1 or None"),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        split_bregman(F, G, **{"lam": 0.1, **options})


def test_consistent_gradients_are_integrated_over_a_hole():
    truth = np.add.outer(np.linspace(1, 3, 12), np.linspace(0, 2, 15) ** 2).astype(np.float32)
    known = np.ones_like(truth)
    known[3:9, 4:11] = 0
    f = np.where(known > 0, truth, np.nan)
    u = split_bregman(
        f, gradient(truth, boundary="neumann"), lam=1.0, data_weight=known, boundary="neumann"
    )
    np.testing.assert_allclose(u, truth, atol=0.02)


@pytest.mark.parametrize("options", [{}, {"mask": True}, {"data_weight": True}])
def test_nan_spreads_over_its_image(options):
    f, g, _, trust, scattered = hole_problem((12, 14))
    options = {"mask": ~scattered} if "mask" in options else options
    options = {"data_weight": trust[:12, :14]} if "data_weight" in options else options
    inside = options.get("mask", np.ones(f.shape, bool))
    y, x = np.argwhere(inside[:-1, :-1] & inside[1:, :-1] & inside[:-1, 1:])[0]
    for damaged in (0, 1):
        arrays = [f.astype(np.float32), g.astype(np.float32)]
        arrays[damaged][y, x] = np.nan
        u = split_bregman(*arrays, lam=0.1, **options)
        np.testing.assert_array_equal(np.isnan(u), inside)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_single_precision_is_kept_where_double_is_enabled(x64, penalty):
    f, g, options = problem("weighted", penalty)
    f, g = f.astype(np.float32), g.astype(np.float32)
    options["data_weight"] = options["data_weight"].astype(np.float32)
    for given in ({}, options, {"tol": 1e-3}):
        assert run(f, g, penalty=penalty, **given).dtype == jnp.float32
    assert pdhg(f, g, lam=LAM, penalty=penalty, num_iters=2, **options).dtype == jnp.float32
