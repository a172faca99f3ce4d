"""Growth of the time of Split-Bregman integration with the size and the number of images.

    python benchmarks/split_bregman_scaling.py --out=DIR [--repeats=3]

needs `jaxdepth[plots]`. Ten iterations in float32, periodic, L1 norm; the bound is the time of as
many pairs of `rfft2` and `irfft2`, or twice as many for the backward pass too, see
`split_bregman.py`. Two series: one image of 64² to 2048² pixels; 1 to 64 images of 128×160. What is
measured of a case takes turns, --repeats of them and more of small images; milliseconds per image
are medians. Writes split_bregman_scaling.csv and split_bregman_scaling.png to DIR.
"""

import argparse
import csv
import math
import os
import pathlib
import statistics

import jax
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import LogLocator
from split_bregman import jax_functions, make_problem, take_turns

NUM_ITERS = 10
SERIES = {
    "size": [(1, side, side) for side in (64, 128, 256, 512, 1024, 2048)],
    "batch": [(count, 128, 160) for count in (1, 2, 4, 8, 16, 32, 64)],
}
CURVES = {
    "bound forward": ("k:", "FFTs of forward"),
    "forward": ("C0o-", "forward"),
    "bound both": ("k--", "FFTs of both"),
    "both": ("C1s-", "forward and backward"),
}


def measure(shape: tuple[int, int, int], repeats: int) -> dict[str, float]:
    """Median milliseconds per image."""
    functions = jax_functions(make_problem(shape), NUM_ITERS)
    repeats = max(repeats, min(25, 2**21 // math.prod(shape)))
    seconds = take_turns({name: functions[name] for name in CURVES}, repeats)
    return {name: 1e3 * statistics.median(times) / shape[0] for name, times in seconds.items()}


def plot(rows: list[dict], title: str, path: pathlib.Path) -> None:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    labels = {"size": "side of one square image, pixels", "batch": "images of 128×160 at once"}
    for panel, (series, label) in zip(axes, labels.items(), strict=True):
        own = [row for row in rows if row["series"] == series]
        x = [row["width" if series == "size" else "batch"] for row in own]
        for name, (style, curve) in CURVES.items():
            panel.plot(x, [row[name] for row in own], style, label=curve)
        panel.set(xscale="log", yscale="log", xlabel=label, ylabel="ms per image")
        panel.set_xticks(x, [str(value) for value in x])
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 3)))
        panel.yaxis.set_major_formatter("{x:g}")
        panel.grid(alpha=0.3)
    axes[0].legend(frameon=False)
    figure.suptitle(title, fontsize="medium")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description="Time of integration by size and batch.")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="folder of the results")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each, at least 1")
    arguments = parser.parse_args()
    title = (
        f"split_bregman, {NUM_ITERS} iterations, float32: JAX {jax.__version__} on "
        f"{jax.devices()[0].device_kind}, {os.cpu_count()} CPU cores"
    )
    print(f"{title}, median of {arguments.repeats}")
    print("ms per image     FFTs  forward  ratio   FFTs of both     both  ratio")
    rows = []
    for series, shapes in SERIES.items():
        for shape in shapes:
            cells = measure(shape, arguments.repeats)
            batch, height, width = shape
            rows.append(
                {"series": series, "batch": batch, "height": height, "width": width} | cells
            )
            print(
                f"{batch:2d}×{height:4d}×{width:4d} {cells['bound forward']:9.3f} "
                f"{cells['forward']:8.3f} {cells['forward'] / cells['bound forward']:6.2f} "
                f"{cells['bound both']:14.3f} {cells['both']:8.3f} "
                f"{cells['both'] / cells['bound both']:6.2f}",
                flush=True,
            )
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / "split_bregman_scaling.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    plot(rows, title, arguments.out / "split_bregman_scaling.png")


if __name__ == "__main__":
    main()
