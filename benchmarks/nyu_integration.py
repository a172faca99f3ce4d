"""Integration of simulated gradients and a coarse depth map, on real depth maps.

    python benchmarks/nyu_integration.py --data=DIR [--out=DIR]

DIR/depth has the ground truth as PNG files in millimetres, 0 = no measurement, of 640×480 pixels
with NYU Depth v2's border, which is cropped; half the resolution is used. From each are simulated

- g: forward differences with Gaussian noise, outliers in single components, and patches in which g
  is replaced by noise about 0;
- f: means of blocks of 16×16 pixels, each with a relative error, up-sampled, and holes in it.

The penalties integrate them "plain", the holes of f filled from around and nothing known of the
patches of g, and with "weights": 0 as the confidence in the holes of f and the patches of g.
"mask" leaves out the holes of f altogether, and is scored outside them alone. Noise and outliers
are told to nobody.

λ and β of a row have the lowest RMS on the first image out of a grid ("mask" has those of
"weights"); the table is the mean over the other images. OUT gets the table, the numbers of each
image, and pictures.
"""

import argparse
import csv
import itertools
from pathlib import Path
from typing import NamedTuple

import cv2
import matplotlib
import numpy as np

from jaxdepth.data.images import read_ground_truth
from jaxdepth.metrics import depth_metrics, near_edges
from jaxdepth.ops import split_bregman

matplotlib.use("Agg")
import matplotlib.pyplot as plt

PENALTIES = ("squared", "anisotropic", "isotropic", "huber")
SETTINGS = ("plain", "weights", "mask")
CROP = (slice(44, 471), slice(40, 601))

BLOCK = 16  # pixels
BLOCK_ERROR = 0.05  # of the depth of a block
NOISE, DELTA = 0.01, 0.02  # metres per pixel
OUTLIERS, OUTLIER_SIZE = 0.05, 0.5  # share of components; metres per pixel

LAMS = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
BETAS = (1.0, 3.0, 10.0, 30.0, 100.0)


class Scene(NamedTuple):
    """A ground truth and what is simulated from it; the holes are True where nothing is known."""

    truth: np.ndarray  # [H, W] metres, 0 = no measurement
    f: np.ndarray  # [H, W] metres, holes filled from around
    g: np.ndarray  # [H, W, 2] metres per pixel
    f_hole: np.ndarray  # [H, W]
    g_hole: np.ndarray  # [H, W]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a folder with a folder depth")
    parser.add_argument("--out", type=Path, help="a folder for tables and pictures")
    parser.add_argument("--num_iters", type=int, default=10)
    arguments = parser.parse_args()
    files = sorted((arguments.data / "depth").glob("*.png"))
    if len(files) < 2:
        parser.error(f"{arguments.data}/depth must have at least two PNG files, has {len(files)}")

    scenes = [
        simulate(read_ground_truth(file, scale=1000), seed) for seed, file in enumerate(files)
    ]
    chosen, records = {}, []
    for penalty in PENALTIES:
        for setting in SETTINGS[:2]:
            chosen[penalty, setting] = choose(scenes[0], penalty, setting, arguments.num_iters)
        chosen[penalty, "mask"] = chosen[penalty, "weights"]

    for file, scene in zip(files, scenes, strict=True):
        maps = {("f", ""): scene.f}
        for (penalty, setting), (lam, beta) in chosen.items():
            maps[penalty, setting] = integrate(
                scene, penalty, setting, lam=lam, beta=beta, num_iters=arguments.num_iters
            )
        for row, u in maps.items():
            records.append(
                {"image": file.stem, "row": " ".join(row).strip(), **score(scene, *row, u)}
            )
        if arguments.out:
            arguments.out.mkdir(parents=True, exist_ok=True)
            draw(scene, maps, arguments.out / f"{file.stem}.png")

    print(f"{arguments.num_iters} iterations; λ and β by RMS on {files[0].name}, out of")
    print(f"λ {LAMS}, β {BETAS}; means over the {len(files) - 1} other images")
    table = summarise([r for r in records if r["image"] != files[0].stem], chosen)
    columns = list(records[0])[2:]
    print(f"{'':19}{'λ':>8}{'β':>6}" + "".join(f"{name:>14}" for name in columns))
    for entry in table:
        numbers = "".join(
            f"{entry[c]:14.4f}" if entry[c] == entry[c] else f"{'–':>14}" for c in columns
        )
        print(f"{entry['row']:19}{entry['lam']:>8}{entry['beta']:>6}{numbers}")
    if arguments.out:
        for name, rows in [("images.csv", records), ("table.csv", table)]:
            with open(arguments.out / name, "w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, rows[0].keys())
                writer.writeheader()
                writer.writerows(rows)


def simulate(depth: np.ndarray, seed: int) -> Scene:
    """The scene of a ground truth `[480, 640]`, at half the resolution and without its border."""
    rng = np.random.default_rng(seed)
    truth = depth[CROP][::2, ::2].astype(np.float64)
    if not (truth > 0).all():
        raise SystemExit("the ground truth must be filled: it has pixels without a measurement")
    shape = truth.shape

    g = np.zeros((*shape, 2))
    g[:, :-1, 0] = np.diff(truth, axis=1)
    g[:-1, :, 1] = np.diff(truth, axis=0)
    noise = rng.normal(0, NOISE, g.shape)
    outlier = rng.random(g.shape) < OUTLIERS
    g_hole = ellipses(rng, shape, count=6)
    g = np.where(g_hole[..., None], 0, g) + noise
    g = g + np.where(outlier, rng.uniform(-OUTLIER_SIZE, OUTLIER_SIZE, g.shape), 0)

    blocks = tuple(-(-n // BLOCK) for n in shape)
    border = [(0, b * BLOCK - n) for b, n in zip(blocks, shape, strict=True)]
    padded = np.pad(truth, border, mode="edge")
    means = padded.reshape(blocks[0], BLOCK, blocks[1], BLOCK).mean((1, 3))
    means = means * (1 + rng.normal(0, BLOCK_ERROR, means.shape))
    f = cv2.resize(means, padded.shape[::-1], interpolation=cv2.INTER_LINEAR)
    f = f[: shape[0], : shape[1]].astype(np.float32)
    f_hole = ellipses(rng, shape, count=6)
    f = cv2.inpaint(f, f_hole.astype(np.uint8), 3, cv2.INPAINT_NS)
    return Scene(truth, f, g, f_hole, g_hole)


def ellipses(rng: np.random.Generator, shape: tuple[int, int], *, count: int) -> np.ndarray:
    """True inside of ellipses with semi-axes of 8 to 25 pixels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    inside = np.zeros(shape, bool)
    for _ in range(count):
        (cy, cx), (a, b) = rng.uniform(0, shape), rng.uniform(8, 25, 2)
        inside |= ((y - cy) / a) ** 2 + ((x - cx) / b) ** 2 < 1
    return inside


def integrate(
    scene: Scene, penalty: str, setting: str, *, lam: float, beta: float, num_iters: int
) -> np.ndarray:
    options = {}
    if setting == "weights":
        options["data_weight"] = np.where(scene.f_hole, 0.0, 1.0)
    if setting == "mask":
        options["mask"] = ~scene.f_hole
    if setting != "plain":
        # Where neither is known, g = 0 is taken with a small weight.
        options["gradient_weight"] = np.where(scene.g_hole, np.where(scene.f_hole, 0.01, 0.0), 1.0)
    u = split_bregman(
        scene.f,
        scene.g.astype(np.float32),
        lam=lam,
        beta=beta,
        penalty=penalty,
        delta=DELTA,
        boundary="neumann",
        num_iters=num_iters,
        **options,
    )
    return np.asarray(u)


def choose(scene: Scene, penalty: str, setting: str, num_iters: int) -> tuple[float, float]:
    """The λ and β of the grid with the lowest RMS."""

    def rms(lam_beta):
        lam, beta = lam_beta
        u = integrate(scene, penalty, setting, lam=lam, beta=beta, num_iters=num_iters)
        return score(scene, penalty, setting, u)["RMS"]

    return min(itertools.product(LAMS, BETAS), key=rms)


def score(scene: Scene, penalty: str, setting: str, u: np.ndarray) -> dict[str, float]:
    """Over all pixels (NaN with a mask), and the RMS where f has no hole."""
    u, truth = np.maximum(u, 0.1), scene.truth
    numbers = depth_metrics(u, truth)
    near = depth_metrics(u, truth, near_edges(truth))["mae"]
    values = {"abs rel": numbers["abs_rel"], "RMS": numbers["rmse"], "edge MAE": near}
    if setting == "mask":
        values = dict.fromkeys(values, np.nan)
    measured = depth_metrics(u, truth, ~scene.f_hole)["rmse"]
    return {name: float(v) for name, v in {**values, "RMS no holes": measured}.items()}


def summarise(records: list[dict], chosen: dict) -> list[dict]:
    """The mean over images, by row."""
    options = {" ".join(row): values for row, values in chosen.items()}
    table = []
    for row in dict.fromkeys(record["row"] for record in records):
        lam, beta = options.get(row, ("", ""))
        own = [record for record in records if record["row"] == row]
        means = {name: float(np.mean([r[name] for r in own])) for name in list(own[0])[2:]}
        table.append({"row": row, "lam": lam, "beta": beta, **means})
    return table


def draw(scene: Scene, maps: dict, file: Path) -> None:
    """What is given and the results with their errors, plain above and with weights below."""
    low, high = np.percentile(scene.truth, [0.5, 99.5])
    depth = {"cmap": "viridis", "vmin": low, "vmax": high, "interpolation": "nearest"}
    signed = {"cmap": "RdBu", "vmin": -0.4, "vmax": 0.4, "interpolation": "nearest"}
    f = np.where(scene.f_hole, np.nan, scene.f)
    g = np.where(scene.g_hole, np.nan, scene.g[..., 0])
    columns = [
        [
            ("truth", scene.truth, depth),
            ("horizontal g without its holes, m/pixel", g, signed),
            (f"f, RMS {score(scene, 'f', '', scene.f)['RMS']:.3f} m", f, depth),
            ("error of f", f - scene.truth, signed),
        ]
    ]
    for penalty in PENALTIES:
        column = []
        for setting in SETTINGS[:2]:
            u = maps[penalty, setting]
            rms = score(scene, penalty, setting, u)["RMS"]
            column.append((f"{penalty}, {setting}, RMS {rms:.3f} m", u, depth))
            column.append(("its error", u - scene.truth, signed))
        columns.append(column)

    figure, axes = plt.subplots(4, len(columns), figsize=(13, 8), layout="constrained")
    for column, column_axes in zip(columns, axes.T, strict=True):
        for (title, array, style), axis in zip(column, column_axes, strict=True):
            picture = axis.imshow(array, **style)
            axis.set_title(title, fontsize=8)
            axis.axis("off")
            if axis in axes[:2, -1]:
                half = axes[:2] if style is depth else axes[2:]
                label = "depth, m" if style is depth else "error, m"
                figure.colorbar(picture, ax=half, shrink=0.9, label=label)
    figure.savefig(file, dpi=80)
    plt.close(figure)


if __name__ == "__main__":
    main()
