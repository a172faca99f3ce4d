"""Weights, masks, penalties, starts, tolerances and derivatives of the iterations themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg
from jax.test_util import check_grads

from jaxdepth.ops import gradient, integration_energy, pdhg, split_bregman
from jaxdepth.ops.penalties import PENALTIES
from tests.ops.test_integration_energy import problem, terms

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


def hole_problem(shape=(60, 80)):
    """A slanted plane with a step, noise in g, and f missing in a strip."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[: shape[0], : shape[1]]
    truth = 2 + 0.01 * x + (y > shape[0] // 2)
    f = truth + 0.1 * rng.normal(size=shape)
    g = np.asarray(gradient(truth, boundary="neumann")) + 0.02 * rng.normal(size=(*shape, 2))
    return f, g, truth, np.where(abs(x - 40) < 8, 0.0, 1.0), rng.uniform(size=shape) < 0.1


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
