"""Split-Bregman integration beside PyTorch, SciPy and the time of its Fourier transforms alone.

    python benchmarks/split_bregman.py [--size 256 320] [--batch=4] [--num_iters=10] [--repeats=15]

needs jaxdepth and SciPy; the rows of PyTorch are left out without it (`pip install
"jaxdepth[bench]"`). All make the same K iterations with periodic boundaries and the anisotropic L1
norm in float32, and take turns, so that other work on the machine meets all of them:

- the bound: K pairs of `rfft2` and `irfft2` in a JAX scan, 2K for forward and backward. Every
  iteration needs a pair, and so does its derivative;
- jaxdepth: `split_bregman`, compiled;
- PyTorch: `torch_split_bregman.py`, eager, in place for the forward pass and autograd for both;
- SciPy: `scipy.fft` on two threads and NumPy in place, forward only.

Backward is the gradient in f, g and λ of the inner product of u with a given image. Before anything
is timed, all must agree in values and gradients: in float64 to 1e-9 of their norm, in float32 as
far as pixels at the threshold of the shrinkage let them. The columns: median and least milliseconds
per image; the median over that of the bound and over that of PyTorch; achieved GB/s by a count of
what fused code has to move, `BYTES`.
"""

import argparse
import importlib.util
import math
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

# PyTorch's threads would wait by spinning and hold up JAX's turns; read when PyTorch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs some too

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft

from jaxdepth.ops import split_bregman

LAM, BETA = 0.1, 10.0
# Of norms. In float32 a pixel may fall on the other side of a kink, which gradients show.
TOLERANCES = {np.float64: 1e-9, np.float32: 1e-2}
THREADS = 2

# Per pixel and iteration in float32, each array once per fused loop; transforms in two passes.
# Forward, 22 numbers: z and t in, h out (5); rfft2 (4); the product with the symbol (2); irfft2
# (4); w, t and z in, z out (7).
# Backward, 26: z̄ in, w̄ out (3); rfft2, product and irfft2 (10); w and h̄ for λ (2); z̄, h̄, where z
# was clamped (half a number) and t̄ in, z̄ and t̄ out (9.5); w and the clamped written (1.5).
BYTES = {"forward": 4 * 22, "forward and backward": 4 * (22 + 26)}


class Problem(NamedTuple):
    f: np.ndarray  # [B, H, W]
    g: np.ndarray  # [B, H, W, 2]
    direction: np.ndarray  # [B, H, W]


def make_problem(shape: tuple[int, int, int], dtype: type = np.float32, seed: int = 0) -> Problem:
    """Noise: the time does not depend on values, and a wrong iteration shows."""
    rng = np.random.default_rng(seed)
    f, direction = 3 + rng.normal(size=shape), rng.normal(size=shape)
    g = 0.3 * rng.normal(size=(*shape, 2))
    return Problem(*(x.astype(dtype) for x in (f, g, direction)))


def fft_pairs(f: jax.Array, *, num_pairs: int) -> jax.Array:
    """What no implementation by FFTs can do without."""

    def pair(u, _):
        return jnp.fft.irfft2(jnp.fft.rfft2(u), s=u.shape[-2:]), None

    return jax.lax.scan(pair, f, length=num_pairs)[0]


def jax_functions(problem: Problem, num_iters: int) -> dict[str, Callable]:
    """Compiled, without arguments: bounds, forward, and forward and backward."""
    f, g, direction = jax.device_put(tuple(problem))

    def integrate(f, g, lam):
        return split_bregman(f, g, lam=lam, beta=BETA, num_iters=num_iters)

    def both(f, g, lam, direction):
        u, transpose = jax.vjp(integrate, f, g, lam)
        return u, *transpose(direction)

    lam = jnp.asarray(LAM, f.dtype)
    calls = {
        "bound forward": (lambda f: fft_pairs(f, num_pairs=num_iters), (f,)),
        "bound both": (lambda f: fft_pairs(f, num_pairs=2 * num_iters), (f,)),
        "forward": (integrate, (f, g, lam)),
        "both": (both, (f, g, lam, direction)),
    }

    def ready(function, arguments):
        compiled = jax.jit(function).lower(*arguments).compile()
        return lambda: jax.block_until_ready(compiled(*arguments))

    return {name: ready(*call) for name, call in calls.items()}


def torch_functions(problem: Problem, num_iters: int) -> dict[str, Callable]:
    import torch
    from torch_split_bregman import integrate, integrate_in_place

    cuda = jax.default_backend() == "gpu"
    f, g, direction = (torch.from_numpy(x).to("cuda" if cuda else "cpu") for x in problem)
    lam = torch.tensor(LAM, dtype=f.dtype, device=f.device)

    def finish(result):
        if cuda:
            torch.cuda.synchronize()
        return result

    def forward():
        return finish(integrate_in_place(f, g, lam, beta=BETA, num_iters=num_iters))

    def both():
        leaves = [x.detach().requires_grad_() for x in (f, g, lam)]
        u = integrate(*leaves, beta=BETA, num_iters=num_iters)
        return finish((u.detach(), *torch.autograd.grad(u, leaves, direction)))

    return {"forward": forward, "both": both}


def scipy_forward(problem: Problem, num_iters: int) -> np.ndarray:
    """The iterations of `torch_split_bregman.integrate_in_place` in NumPy."""
    f, shape = problem.f, problem.f.shape[-2:]
    y, x = np.arange(shape[0]) / shape[0], np.arange(shape[1] // 2 + 1) / shape[1]
    symbol = 4 * np.sin(np.pi * y[:, None]) ** 2 + 4 * np.sin(np.pi * x) ** 2
    inverse = (1 / (LAM / BETA + symbol)).astype(f.dtype)
    inverse[0, 0] = 0

    def difference(u, out):
        np.subtract(u[..., 1:], u[..., :-1], out=out[0, ..., :-1])
        np.subtract(u[..., 0], u[..., -1], out=out[0, ..., -1])
        np.subtract(u[..., 1:, :], u[..., :-1, :], out=out[1, ..., :-1, :])
        np.subtract(u[..., 0, :], u[..., -1, :], out=out[1, ..., -1, :])

    t = np.empty((2, *f.shape), f.dtype)
    difference(f, t)
    np.subtract(np.moveaxis(problem.g, -1, 0), t, out=t)
    t *= BETA
    z, b, p, h, w = np.zeros_like(t), np.empty_like(t), np.empty_like(t), np.empty_like(f), f
    for _ in range(num_iters):
        np.clip(z, -1, 1, out=b)
        np.subtract(z, b, out=p)
        p -= b
        p += t
        np.add(p[0], p[1], out=h)
        np.negative(h, out=h)
        h[..., 1:] += p[0, ..., :-1]
        h[..., 0] += p[0, ..., -1]
        h[..., 1:, :] += p[1, ..., :-1, :]
        h[..., 0, :] += p[1, ..., -1, :]
        spectrum = scipy.fft.rfft2(h, workers=THREADS)
        spectrum *= inverse
        w = scipy.fft.irfft2(spectrum, s=shape, workers=THREADS, overwrite_x=True)
        difference(w, z)
        z -= t
        z += b
    return f + w / f.dtype.type(BETA)


def check(name: str, ours: tuple, theirs: tuple, dtype: type) -> None:
    """Asserts that arrays agree but for little of their norm."""
    names, differences = ("u", "gradient in f", "in g", "in λ"), []
    for what, a, b in zip(names, ours, theirs, strict=False):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        difference = np.linalg.norm(a - b) / np.linalg.norm(a)
        differences.append(f"{what} {difference:.0e}")
        assert difference < TOLERANCES[dtype], (name, what, difference)
    print(f"  {name:24s} {', '.join(differences)}")


def prepare(shape: tuple[int, int, int], num_iters: int, dtype: type, torch: bool) -> dict:
    """The functions `{pass: {implementation: function}}`, after a check that they agree."""
    problem = make_problem(shape, dtype)
    own = jax_functions(problem, num_iters)
    passes = {
        "forward": {"bound": own["bound forward"], "jaxdepth": own["forward"]},
        "forward and backward": {"bound": own["bound both"], "jaxdepth": own["both"]},
    }
    print(f"relative difference from jaxdepth in {dtype.__name__}:")
    results = own["both"]()
    check("its own forward pass", results[:1], (own["forward"](),), dtype)
    if torch:
        peer = torch_functions(problem, num_iters)
        check("PyTorch", results, [x.cpu().numpy() for x in peer["both"]()], dtype)
        check("PyTorch in place", results, (peer["forward"]().cpu().numpy(),), dtype)
        passes["forward"]["PyTorch"] = peer["forward"]
        passes["forward and backward"]["PyTorch"] = peer["both"]
    check("SciPy", results, (scipy_forward(problem, num_iters),), dtype)
    passes["forward"]["SciPy"] = lambda: scipy_forward(problem, num_iters)
    return passes


def take_turns(functions: dict[str, Callable], repeats: int) -> dict[str, list[float]]:
    """Seconds of functions that return when they are done."""
    seconds = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn:  # the first call is slower
                seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Split-Bregman integration beside others.")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 320), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, default=4, help="images at once")
    parser.add_argument("--num_iters", type=int, default=10, help="K, at least 1")
    parser.add_argument("--repeats", type=int, default=15, help="turns of each, at least 1")
    arguments = parser.parse_args()
    shape, num_iters = (arguments.batch, *arguments.size), arguments.num_iters

    about = f"JAX {jax.__version__} on {jax.devices()[0].device_kind}, {os.cpu_count()} CPU cores"
    with_torch = importlib.util.find_spec("torch") is not None
    if not with_torch:
        about += '; no rows of PyTorch, which is not installed (pip install "jaxdepth[bench]")'
    else:
        import torch

        about += f"; PyTorch {torch.__version__}, {torch.get_num_threads()} threads"
        if jax.default_backend() == "gpu" and not torch.cuda.is_available():
            with_torch, about = False, about + ", left out, for it has no CUDA"
    with jax.enable_x64(True):
        prepare(shape, num_iters, np.float64, with_torch)
    passes = prepare(shape, num_iters, np.float32, with_torch)
    print(
        f"{shape[0]} images of {shape[1]}×{shape[2]}, {num_iters} iterations, median of "
        f"{arguments.repeats}; {about}"
    )
    functions = {(p, name): f for p, rows in passes.items() for name, f in rows.items()}
    seconds = take_turns(functions, arguments.repeats)
    print(f"{'':31s} ms/image      min   / bound  / PyTorch    GB/s")
    for (which, name), times in seconds.items():
        milliseconds = [1e3 * s / shape[0] for s in times]
        median = statistics.median(times)
        ratios = [
            f"{median / statistics.median(seconds[which, other]):8.2f}"
            if (which, other) in seconds
            else 8 * " "
            for other in ("bound", "PyTorch")
        ]
        moved = BYTES[which] * math.prod(shape) * num_iters
        speed = f"{moved / median / 1e9:7.1f}" if name != "bound" else ""
        print(
            f"{which:21s} {name:9s} {statistics.median(milliseconds):8.3f} "
            f"{min(milliseconds):8.3f}  {ratios[0]}   {ratios[1]} {speed}"
        )


if __name__ == "__main__":
    main()
