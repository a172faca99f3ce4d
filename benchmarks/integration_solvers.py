"""Solvers of one energy, ours and others', as iterations; see `split_bregman_peers.py`."""

import functools
import importlib.util
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from integration_scenes import energy

from jaxdepth.ops import split_bregman

BASE = "jaxdepth, tuned"
PENALTIES = (3.0, 10.0, 20.0, 30.0, 50.0, 100.0)


class Solver(NamedTuple):
    """How to iterate towards the minimum of a scene, with a setting such as a penalty."""

    iterate: Callable[..., Iterator]  # (scene, setting): yields what `result` makes an image
    run: Callable[..., Callable]  # (scene, setting, num_iters): a function that returns the image
    settings: tuple  # that are searched
    best: dict  # by the name of the scene
    dtype: type = np.float64


def jaxdepth_solver(
    *, relaxation: float, adapt_beta: bool = False, betas: tuple, best: dict, dtype: type
) -> Solver:
    def compiled(scene, beta, num_iters, return_info=False):
        f, g = jnp.asarray(scene.f, dtype), jnp.asarray(scene.g, dtype)

        def solve(f, g):
            return split_bregman(
                f,
                g,
                lam=scene.lam,
                beta=beta,
                adapt_beta=adapt_beta,
                num_iters=num_iters,
                relaxation=relaxation,
                return_info=return_info,
            )

        with jax.enable_x64(dtype == np.float64):
            program = jax.jit(solve).lower(f, g).compile()
        return lambda: jax.block_until_ready(program(f, g))

    def iterate(scene, beta):
        known, num_iters = 0, 100
        while True:
            _, info = compiled(scene, beta, num_iters, return_info=True)()
            yield from np.asarray(info.energy[known:], np.float64)
            known, num_iters = num_iters, 2 * num_iters

    return Solver(iterate, compiled, betas, best, dtype)


def scico_solver(method: str, *, loop: bool, settings: tuple, best: dict, dtype: type) -> Solver:
    """ADMM by (penalty, relaxation), or PDHG by the ratio of its step sizes."""
    from scico import functional, linop, loss, optimize

    def make(scene, setting):
        # Axes of FiniteDifference are vertical first.
        f = jnp.asarray(scene.f, dtype)
        g = jnp.asarray(np.moveaxis(scene.g[..., ::-1], -1, 0), dtype)
        data = loss.SquaredL2Loss(y=f, scale=scene.lam / 2)
        misfit = loss.Loss(y=g, f=functional.L1Norm())
        nabla = linop.FiniteDifference(f.shape, input_dtype=dtype, circular=True)
        if method == "ADMM":
            penalty, relaxation = setting
            solver = optimize.ADMM(
                data,
                [misfit],
                [nabla],
                [penalty],
                alpha=relaxation,
                x0=f,
                subproblem_solver=optimize.admm.CircularConvolveSolver(),
            )
            solver.z_list = [g]  # where the others begin, ∇u = g; from ∇f it takes longer
            return solver
        tau = 0.99 / np.sqrt(8 * setting)  # ‖∇‖² ≤ 8
        return optimize.PDHG(data, misfit, nabla, tau=tau, sigma=setting * tau, x0=f)

    def get(solver):
        if method == "ADMM":
            return solver.x, tuple(solver.z_list), tuple(solver.u_list)
        return solver.x, solver.z

    def put(solver, state):
        if method == "ADMM":
            solver.x, solver.z_list, solver.u_list = state[0], list(state[1]), list(state[2])
        else:
            solver.x, solver.z = state

    def advance(solver, state):
        put(solver, state)
        solver.step()
        return get(solver)

    def iterate(scene, setting):
        solver = make(scene, setting)
        state, step = get(solver), jax.jit(functools.partial(advance, solver))
        while True:
            state = step(state)
            yield energy(scene, state[0])

    def run(scene, setting, num_iters):
        solver = make(scene, setting)
        start = get(solver)
        if loop:
            program = jax.jit(
                lambda state: jax.lax.fori_loop(
                    0, num_iters, lambda _, state: advance(solver, state), state
                )[0]
            )
            program = program.lower(start).compile()
            return lambda: jax.block_until_ready(program(start))

        def steps():
            put(solver, start)
            for _ in range(num_iters):
                solver.step()
            return jax.block_until_ready(solver.x)

        return steps

    return Solver(iterate, run, settings, best, dtype)


def pylops_solver(*, settings: tuple, best: dict) -> Solver:
    """By (penalty, steps of LSQR per solve, solves per outer iteration)."""
    import pylops
    from pylops.optimization.cls_sparsity import SplitBregman

    class Differences(pylops.LinearOperator):
        """Periodic differences of an image, vertical then horizontal."""

        def __init__(self, shape):
            super().__init__(dtype=np.float64, dims=shape, dimsd=(2, *shape))

        def _matvec(self, x):
            u, out = x.reshape(self.dims), np.empty(self.dimsd)
            np.subtract(u[1:], u[:-1], out=out[0, :-1])
            np.subtract(u[0], u[-1], out=out[0, -1])
            np.subtract(u[:, 1:], u[:, :-1], out=out[1, :, :-1])
            np.subtract(u[:, 0], u[:, -1], out=out[1, :, -1])
            return out.ravel()

        def _rmatvec(self, x):
            p = x.reshape(self.dimsd)
            out = -p[0] - p[1]
            out[1:] += p[0, :-1]
            out[0] += p[0, -1]
            out[:, 1:] += p[1, :, :-1]
            out[:, 0] += p[1, :, -1]
            return out.ravel()

    def images(scene, setting):
        # Its penalty ε of the splitting is also the threshold, so it minimises
        # μ/2 ‖x − y‖² + ε² ‖Rx‖₁: our energy times ε² with μ = λε² and β = 1/ε.
        penalty, steps, solves = setting
        y = (scene.f - scene.s).ravel()
        solver = SplitBregman(pylops.Identity(y.size))
        x = solver.setup(
            y,
            [Differences(scene.f.shape)],
            x0=y.copy(),
            niter_inner=solves,
            mu=scene.lam / penalty**2,
            epsRL1s=[1 / penalty],
        )
        while True:
            x = solver.step(x, iter_lim=steps)
            yield x

    def image(scene, x):
        return x.reshape(scene.f.shape) + scene.s

    def iterate(scene, setting):
        for x in images(scene, setting):
            yield energy(scene, image(scene, x))

    def run(scene, setting, num_iters):
        def steps():
            iterates = images(scene, setting)
            for _ in range(num_iters - 1):
                next(iterates)
            return image(scene, next(iterates))

        return steps

    return Solver(iterate, run, settings, best)


def make_solvers(only: str) -> dict[str, Solver]:
    solvers = {
        "jaxdepth": jaxdepth_solver(
            relaxation=1.0,
            betas=(10.0,),
            best={"consistent": 10.0, "noisy": 10.0},
            dtype=np.float64,
        ),
    }
    solvers["jaxdepth, adapted"] = jaxdepth_solver(
        relaxation=1.6,
        adapt_beta=True,
        betas=(10.0,),
        best={"consistent": 10.0, "noisy": 10.0},
        dtype=np.float64,
    )
    best = {"consistent": 50.0, "noisy": 50.0}
    for label, dtype in [("", np.float64), (", float32", np.float32)]:
        solvers[BASE + label] = jaxdepth_solver(
            relaxation=1.6, betas=PENALTIES, best=best, dtype=dtype
        )
    if importlib.util.find_spec("scico"):
        warnings.filterwarnings("ignore", module="scico")  # of NumPy names this JAX does not have
        penalties = tuple((beta, 1.6) for beta in PENALTIES)
        best = {"consistent": (50.0, 1.6), "noisy": (50.0, 1.6)}
        admm = functools.partial(scico_solver, "ADMM", settings=penalties, best=best)
        solvers["SCICO ADMM"] = admm(loop=False, dtype=np.float64)
        solvers["SCICO ADMM, compiled"] = admm(loop=True, dtype=np.float64)
        solvers["SCICO ADMM, comp., float32"] = admm(loop=True, dtype=np.float32)
        ratios = (30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0)
        best = {"consistent": 1000.0, "noisy": 300.0}
        pdhg = functools.partial(scico_solver, "PDHG", settings=ratios, best=best, dtype=np.float64)
        solvers["SCICO PDHG, compiled"] = pdhg(loop=True)
    if importlib.util.find_spec("pylops"):
        solvers["PyLops"] = pylops_solver(
            settings=tuple(
                (beta, steps, solves)
                for beta in (10.0, 30.0, 50.0, 100.0)
                for steps in (1, 2, 3, 5, 10)
                for solves in (1, 2)
            ),
            best={"consistent": (30.0, 3, 1)},
        )
    return {name: solver for name, solver in solvers.items() if only in name}
