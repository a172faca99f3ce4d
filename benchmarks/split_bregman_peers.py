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
import importlib.util
import os
import statistics
import time

# SciPy's LSQR is many times slower if the threads of BLAS wait for other work on the machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import numpy as np
from integration_scenes import Scene, energy, make_scene, minimum
from integration_solvers import BASE, Solver, make_solvers
from split_bregman import take_turns

TOLERANCES = (1e-4, 1e-6)
MOST_ITERATIONS = 6000
SEARCHED_SIZE = (128, 160)


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
