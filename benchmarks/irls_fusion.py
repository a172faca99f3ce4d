"""Fusion of depth and gradients beside SciPy's sparse direct solver.

    python benchmarks/irls_fusion.py [--repeats=5] [--num_iters=20]

needs jaxdepth and SciPy. Both minimise equation 7 of Li et al., ICCV 2017, on the same scene by the
same number of iterations of re-weighted least squares:

- `irls_fusion`, compiled, in float32, by preconditioned conjugate gradients;
- SciPy's `spsolve` (SuperLU) of the same normal equations, in float64.

The two take turns, so that other work on the machine meets both; times are medians. The energies
are computed for both in float64. The columns: time of compiling irls_fusion; seconds per image of
each; how many times as fast irls_fusion is; the energies that were reached.
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from integration_scenes import boxes

from jaxdepth.ops import fusion_energy, irls_fusion

SIZES = ((111, 150), (480, 640))
OMEGA, EPSILON = 10.0, 1e-4


def make_scene(shape: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Boxes before a slanted wall: a blurred, wavy depth and noisy gradients, in metres."""
    rng = np.random.default_rng(seed)
    depth, estimate = boxes(rng, shape)
    gradients = np.zeros((*shape, 2))
    gradients[:, 1:-1, 0] = depth[:, 2:] - depth[:, :-2]
    gradients[1:-1, :, 1] = depth[2:] - depth[:-2]
    return estimate, gradients + 0.02 * rng.normal(size=gradients.shape)


def scipy_fusion(depth: np.ndarray, gradients: np.ndarray, num_iters: int) -> np.ndarray:
    """The same iterations with a sparse factorisation for each."""

    def central(n):
        return scipy.sparse.diags([-1.0, 1.0], [0, 2], shape=(max(n - 2, 0), n))

    height, width = depth.shape
    b = scipy.sparse.vstack(
        [
            scipy.sparse.identity(depth.size),
            scipy.sparse.kron(scipy.sparse.identity(height), central(width)),
            scipy.sparse.kron(central(height), scipy.sparse.identity(width)),
        ]
    ).tocsc()
    t = np.concatenate(
        [depth.ravel(), gradients[:, 1:-1, 0].ravel(), gradients[1:-1, :, 1].ravel()]
    )
    c = np.where(np.arange(t.size) < depth.size, 1.0, OMEGA)
    u = depth.ravel()
    for _ in range(num_iters):
        weights = scipy.sparse.diags(c / np.sqrt((b @ u - t) ** 2 + EPSILON))
        u = scipy.sparse.linalg.spsolve(
            (b.T @ weights @ b).tocsc(),
            b.T @ (weights @ t),
            permc_spec="MMD_AT_PLUS_A",  # the faster ordering for a symmetric matrix
        )
    return u.reshape(depth.shape)


def timed(function, *args):
    start = time.perf_counter()
    result = jax.block_until_ready(function(*args))
    return time.perf_counter() - start, result


def main() -> None:
    parser = argparse.ArgumentParser(description="irls_fusion beside SciPy's sparse direct solver.")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each, at least 1")
    parser.add_argument("--num_iters", type=int, default=20, help="iterations of both, at least 1")
    arguments = parser.parse_args()

    def fuse(depth, gradients):
        return irls_fusion(
            depth, gradients, omega=OMEGA, epsilon=EPSILON, num_iters=arguments.num_iters
        )

    print(f"{arguments.num_iters} iterations, median of {arguments.repeats}, {jax.devices()[0]}")
    print("   size    compile  irls_fusion     SciPy  times as fast  energies: irls_fusion, SciPy")
    for shape in SIZES:
        depth, gradients = make_scene(shape)
        single = jax.device_put((depth.astype(np.float32), gradients.astype(np.float32)))
        compile_time, compiled = timed(lambda args=single: jax.jit(fuse).lower(*args).compile())
        compiled(*single)  # the first call is slower

        ours, theirs = [], []
        for _ in range(arguments.repeats):
            seconds, fused = timed(compiled, *single)
            ours.append(seconds)
            seconds, direct = timed(scipy_fusion, depth, gradients, arguments.num_iters)
            theirs.append(seconds)
        ours, theirs = statistics.median(ours), statistics.median(theirs)
        with jax.enable_x64(True):
            energies = [
                float(
                    fusion_energy(
                        jnp.asarray(u, jnp.float64), depth, gradients, omega=OMEGA, epsilon=EPSILON
                    )
                )
                for u in (fused, direct)
            ]
        print(
            f"{shape[0]:4d}×{shape[1]:<4d} {compile_time:7.2f} s {ours:10.4f} s {theirs:7.2f} s "
            f"{theirs / ours:14.1f}  {energies[0]:.6f}, {energies[1]:.6f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
