"""Memory and time of the derivatives of Split-Bregman integration, by the mode of differentiation.

    python benchmarks/split_bregman_memory.py [--size 256 320] [--batch=1] [--repeats=5]

needs jaxdepth. Each row is the gradient in f, g and λ of the inner product of u with a given image
after K iterations, in float32 with periodic boundaries:

- unrolled: through the iterations that were made;
- remat: the same with `remat_every` = ⌊√K⌋;
- implicit: of the minimiser, by the implicit function theorem. It takes more iterations than most
  of these K to reach that, so the values differ from those of the others, and a series of up to
  1000 terms to solve for the derivative, however small K is.

Memory is what XLA plans for the compiled gradient beside its arguments and results, which needs no
measurement: `temp_size_in_bytes` of `compiled.memory_analysis()`. On a CPU the resident memory of a
process grew by as much. It is also given in images, each a number of float32 for every pixel of the
batch. Time is the median, the modes taking turns, and its ratio to that of unrolled.
"""

import argparse
import math
import os
import statistics

import jax
import jax.numpy as jnp
from split_bregman import BETA, LAM, make_problem, take_turns

from jaxdepth.ops import split_bregman

COUNTS = (10, 50, 200)


def compile_gradient(problem, num_iters: int, **options):
    """The compiled gradient and its arguments."""
    f, g, direction = jax.device_put(tuple(problem))

    def inner_product(f, g, lam, direction):
        u = split_bregman(f, g, lam=lam, beta=BETA, num_iters=num_iters, **options)
        return jnp.sum(u * direction)

    arguments = (f, g, jnp.float32(LAM), direction)
    return jax.jit(jax.grad(inner_product, (0, 1, 2))).lower(*arguments).compile(), arguments


def main() -> None:
    parser = argparse.ArgumentParser(description="Memory of Split-Bregman derivatives.")
    parser.add_argument("--size", type=int, nargs=2, default=(256, 320), metavar=("H", "W"))
    parser.add_argument("--batch", type=int, default=1, help="images at once")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each, at least 1")
    arguments = parser.parse_args()
    problem = make_problem((arguments.batch, *arguments.size))
    print(
        f"{arguments.batch} images of {arguments.size[0]}×{arguments.size[1]}, median of "
        f"{arguments.repeats}; JAX {jax.__version__} on {jax.devices()[0].device_kind}, "
        f"{os.cpu_count()} CPU cores"
    )
    print("  K  mode               MiB   images  ms/image  / unrolled")
    for num_iters in COUNTS:
        modes = {
            "unrolled": {},
            f"remat, {math.isqrt(num_iters)}": {"remat_every": math.isqrt(num_iters)},
            "implicit": {"differentiation": "implicit"},
        }
        functions, sizes = {}, {}
        for name, options in modes.items():
            gradient, inputs = compile_gradient(problem, num_iters, **options)
            functions[name] = lambda gradient=gradient, inputs=inputs: jax.block_until_ready(
                gradient(*inputs)
            )
            sizes[name] = gradient.memory_analysis().temp_size_in_bytes
        seconds = take_turns(functions, arguments.repeats)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        for name, median in medians.items():
            print(
                f"{num_iters:3d}  {name:12s} {sizes[name] / 2**20:9.1f} "
                f"{sizes[name] / problem.f.nbytes:8.1f} {1e3 * median / arguments.batch:9.2f} "
                f"{median / medians['unrolled']:11.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
