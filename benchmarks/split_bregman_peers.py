"""Split-Bregman integration beside PyLops and SCICO, on one energy to one tolerance.

    python benchmarks/split_bregman_peers.py [--sizes 128x160 256x320] [--scenes consistent noisy]
    python benchmarks/split_bregman_peers.py --search    # for the settings

needs jaxdepth and SciPy; rows of a peer are left out without it: `pip install pylops`, and
`pip install --no-deps scico`, because SCICO 0.0.7 asks for an older JAX but works with this one.
All minimise ‖∇u − g‖₁ + λ/2 ‖u − f‖² (anisotropic, periodic) of a synthetic scene:

- consistent: g is the gradient of a depth map s that is sharp but noisy, λ = 1. PyLops knows only
  ‖Rx‖₁, so it is given x = u − s, which has the same energy;
- noisy: g is the gradient of the true depth with noise that is no gradient, λ = 0.1. PyLops cannot
  state it.

The minimum is computed in float64 by some thousand iterations of `split_bregman`; how far it can be
off is certified by the dual energy and printed. An iterate is within a tolerance when its energy,
evaluated in float64, exceeds the minimum by at most that, relatively. For each solver the
number of iterations to get there is found first (of jaxdepth by `SplitBregmanInfo.energy`); then
runs of exactly so many take turns, without compilation, stopping tests and statistics. The columns:
setting; iterations; median seconds; that over those of `jaxdepth, tuned`; relative excess of the
energy at the end. "Not reached" means not in 6000 iterations or 15 seconds of looking, which
evaluates the energy of each; float32 cannot reach 1e-6 here.

- jaxdepth: with the default β and without relaxation; with `adapt_beta` from the default on, and
  relaxation = 1.6, where nothing is tuned; and with the best β and relaxation = 1.6;
- SCICO ADMM: the same iterations, by its solver in the Fourier domain, `step` by `step` from
  Python; `compiled`: all steps in one `jax.lax.fori_loop`, which SCICO does not do by itself;
- SCICO PDHG: primal-dual steps without a linear solve, only compiled;
- PyLops: `SplitBregman`, each solve by LSQR of SciPy from the last iterate on, with a periodic
  difference operator of sliced NumPy, for its own is not periodic.

All in float64 but for rows marked float32. Settings are good ones of those that `--search` tries at
128×160, by iterations, or by seconds for PyLops, whose iterations differ in cost and whose `step`
computes its own cost function too; larger images use the same.
"""

import argparse
import functools
import importlib.util
import os
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

# SciPy's LSQR is many times slower if the threads of BLAS wait for other work on the machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage
from split_bregman import take_turns

from jaxdepth.ops import split_bregman

TOLERANCES = (1e-4, 1e-6)
MOST_ITERATIONS = 6000
BASE = "jaxdepth, tuned"
SEARCHED_SIZE = (128, 160)
PENALTIES = (3.0, 10.0, 20.0, 30.0, 50.0, 100.0)


class Scene(NamedTuple):
    f: np.ndarray  # [H, W]
    g: np.ndarray  # [H, W, 2]
    lam: float
    s: np.ndarray | None  # [H, W] with g = ∇s, if there is one


class Solver(NamedTuple):
    """How to iterate towards the minimum of a scene, with a setting such as a penalty."""

    iterate: Callable[..., Iterator]  # (scene, setting): yields what `result` makes an image
    run: Callable[..., Callable]  # (scene, setting, num_iters): a function that returns the image
    settings: tuple  # that are searched
    best: dict  # by the name of the scene
    dtype: type = np.float64


def make_scene(name: str, shape: tuple[int, int], seed: int = 0) -> Scene:
    """Boxes before a slanted wall: a blurred, wavy depth and noisy gradients, in metres."""
    rng = np.random.default_rng(seed)
    height, width = shape
    y, x = np.mgrid[:height, :width] / height
    depth = 4 + x + 0.5 * y
    for _ in range(12):
        (top, left), size = rng.uniform(0, (0.9, 1.2)), rng.uniform(0.1, 0.4, 2)
        box = (top < y) & (y < top + size[0]) & (left < x) & (x < left + size[1])
        depth = np.where(box, rng.uniform(1.5, 4) + rng.normal() * 0.5 * (x - left), depth)
    waves = scipy.ndimage.gaussian_filter(rng.normal(size=shape), height / 20) * height / 20
    f = scipy.ndimage.gaussian_filter(depth, height / 60) + 0.2 * waves
    if name == "consistent":
        s = depth + 0.01 * rng.normal(size=shape)
        return Scene(f, np.asarray(gradient(s)), 1.0, s)
    return Scene(f, np.asarray(gradient(depth)) + 0.02 * rng.normal(size=(*shape, 2)), 0.1, None)


def gradient(u):
    """Of NumPy's arrays or JAX's."""
    differences = [jnp.roll(u, -1, 1) - u, jnp.roll(u, -1, 0) - u]
    return jnp.stack(differences, axis=-1)


@jax.jit
def misfit_and_data(f, g, u):
    misfit = jnp.sum(jnp.abs(gradient(u - f) - (g - gradient(f))))
    return misfit, jnp.sum((u - f) ** 2)


def energy(scene: Scene, u) -> float:
    misfit, data = misfit_and_data(scene.f, scene.g, jnp.asarray(u, jnp.float64))
    return float(misfit) + scene.lam / 2 * float(data)


def dual_energy(scene: Scene, p: np.ndarray) -> float:
    """A lower bound of the minimum for any p `[H, W, 2]` with |p| ≤ 1."""
    divergence = np.roll(p[..., 0], 1, 1) - p[..., 0] + np.roll(p[..., 1], 1, 0) - p[..., 1]
    data = np.sum(p * (scene.g - np.asarray(gradient(scene.f))))
    return -data - np.sum(divergence**2) / (2 * scene.lam)


def minimum(scene: Scene) -> tuple[float, float]:
    """The minimum of the energy, and how far it can be off, relatively."""
    beta, state, least, bound = 30.0, None, np.inf, -np.inf
    for _ in range(10):
        u, info = split_bregman(
            scene.f,
            scene.g,
            lam=scene.lam,
            beta=beta,
            num_iters=1000,
            relaxation=1.6,
            init=state,
            return_info=True,
        )
        state = info.state
        least = min(least, energy(scene, u))
        bound = max(bound, dual_energy(scene, np.clip(beta * np.asarray(state), -1, 1)))
        if least - bound < 1e-7 * least:
            break
    return least, (least - bound) / least


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


def count(solver: Solver, scene: Scene, setting, least: float, seconds: float) -> list[int]:
    """Iterations to each tolerance that is reached within a time."""
    numbers, start = [], time.perf_counter()
    for number, value in enumerate(solver.iterate(scene, setting), start=1):
        while len(numbers) < len(TOLERANCES) and value <= (1 + TOLERANCES[len(numbers)]) * least:
            numbers.append(number)
        if len(numbers) == len(TOLERANCES) or number == MOST_ITERATIONS:
            break
        if time.perf_counter() - start > seconds:
            break
    return numbers


def search(scene_names: list[str], only: str) -> None:
    """Prints iterations, and seconds of one run, for every setting."""
    for scene_name in scene_names:
        scene = make_scene(scene_name, SEARCHED_SIZE)
        least, _ = minimum(scene)
        for name, solver in make_solvers(only).items():
            for setting in solver.settings if scene_name in solver.best else ():
                cells = []
                for number in count(solver, scene, setting, least, seconds=20):
                    run = solver.run(scene, setting, number)
                    run()
                    start = time.perf_counter()
                    run()
                    cells.append(f"{number:5d} {time.perf_counter() - start:8.3f} s")
                print(f"{scene_name:11s} {name:27s} {setting!s:16s} {'  '.join(cells)}", flush=True)


def compare(scene_name: str, shape: tuple[int, int], repeats: int, only: str) -> None:
    scene = make_scene(scene_name, shape)
    least, uncertainty = minimum(scene)
    print(
        f"{scene_name}, {shape[0]}×{shape[1]}, λ = {scene.lam:g}: minimum {least:.6f}, "
        f"off by at most {uncertainty:.0e} of it"
    )
    solvers = {
        name: solver for name, solver in make_solvers(only).items() if scene_name in solver.best
    }
    numbers = {}
    for name, solver in solvers.items():
        same = name.removesuffix(", compiled")
        setting = solver.best[scene_name]
        numbers[name] = numbers.get(same) or count(solver, scene, setting, least, seconds=15)
    print(f"  {'':34s} setting    iterations     median    ratio    excess")
    for index, tolerance in enumerate(TOLERANCES):
        functions = {
            name: solver.run(scene, solver.best[scene_name], numbers[name][index])
            for name, solver in solvers.items()
            if len(numbers[name]) > index
        }
        seconds = take_turns(functions, repeats)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name, solver in solvers.items():
            row = f"  {tolerance:.0e}  {name:27s} {solver.best[scene_name]!s:16s}"
            if name not in medians:
                print(f"{row} not reached")
                continue
            excess = energy(scene, functions[name]()) / least - 1
            print(
                f"{row} {numbers[name][index]:4d} {medians[name]:9.4f} s "
                f"{medians[name] / medians.get(BASE, np.nan):8.2f} {excess:9.1e}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description="Split-Bregman integration beside its peers.")
    parser.add_argument("--sizes", nargs="+", default=("128x160", "256x320"), metavar="HxW")
    parser.add_argument("--scenes", nargs="+", default=("consistent", "noisy"))
    parser.add_argument("--repeats", type=int, default=5, help="turns of each, at least 1")
    parser.add_argument("--only", default="", help="solvers whose name contains this")
    parser.add_argument("--search", action="store_true", help="try the settings instead")
    arguments = parser.parse_args()
    jax.config.update("jax_enable_x64", True)
    versions = [
        f"{name} {importlib.import_module(name).__version__}"
        if importlib.util.find_spec(name)
        else f"no rows of {name}, which is not installed"
        for name in ("pylops", "scico")
    ]
    print(
        f"median of {arguments.repeats}; JAX {jax.__version__} on {jax.devices()[0].device_kind}, "
        f"{os.cpu_count()} CPU cores; {', '.join(versions)}"
    )
    if arguments.search:
        search(arguments.scenes, arguments.only)
        return
    for size in arguments.sizes:
        for scene_name in arguments.scenes:
            shape = tuple(map(int, size.split("x")))
            compare(scene_name, shape, arguments.repeats, arguments.only)


if __name__ == "__main__":
    main()
