"""Scoring of saved predictions beside a NumPy loop of the same definitions.

    python benchmarks/scoring.py [--images=654] [--turns=5]

needs jaxdepth alone. Both score as many predictions of 480×640 in memory, from a few made of random
waves, under `nyu/bts`:

- `jaxdepth.evaluation.score`, in float64, on all cores;
- a loop over the images in NumPy and float64 that masks the valid pixels, clamps the prediction and
  writes each metric down as its formula, as published codes do.

They take turns, so that other work on the machine meets both; times are medians, with the fastest
and the slowest, beside the processor's time, which other work changes less. The metrics of both are
compared, and memory is what the process holds (resident) after a first turn and at its largest
after all.
"""

import argparse
import os
import resource
import statistics
import time

import numpy as np
import scipy.ndimage

from jaxdepth.evaluation import PRESETS, Protocol, score

SIZE = (480, 640)
DIFFERENT = 8
Pair = tuple[str, np.ndarray, np.ndarray]


def make_pairs(count: int) -> list[Pair]:
    """Waves of depth with holes, and predictions with smooth relative errors; float32, metres."""
    rng = np.random.default_rng(0)

    def waves(low: float, high: float, width: int) -> np.ndarray:
        values = scipy.ndimage.gaussian_filter(rng.normal(size=SIZE), width)
        return low + (high - low) * (values - values.min()) / np.ptp(values)

    different = []
    for _ in range(min(count, DIFFERENT)):
        target = np.where(waves(0, 1, 10) < 0.35, 0, waves(0.7, 9.5, 40)).astype(np.float32)
        prediction = (target + (target == 0)) * waves(0.7, 1.4, 20).astype(np.float32)
        different.append((prediction, target))
    return [(str(i), *different[i % len(different)]) for i in range(count)]


def numpy_loop(pairs: list[Pair], protocol: Protocol) -> dict[str, float]:
    """The metrics of each image, averaged over images."""
    top, bottom, left, right = protocol.crop
    totals: dict[str, float] = {}
    for _, prediction, target in pairs:
        g = target[top:bottom, left:right]
        valid = (g > protocol.min_depth) & (g < protocol.max_depth)
        g = g[valid].astype(np.float64)
        p = prediction[top:bottom, left:right][valid].astype(np.float64)
        p = np.clip(p, protocol.min_depth, protocol.max_depth)
        ratio = np.maximum(g / p, p / g)
        e = np.log(p) - np.log(g)
        metrics = {
            "abs_rel": np.mean(np.abs(g - p) / g),
            "sq_rel": np.mean((g - p) ** 2 / g),
            "mae": np.mean(np.abs(g - p)),
            "rmse": np.sqrt(np.mean((g - p) ** 2)),
            "rmse_log": np.sqrt(np.mean(e**2)),
            "log10": np.mean(np.abs(np.log10(p) - np.log10(g))),
            "silog": 100 * np.sqrt(np.mean(e**2) - np.mean(e) ** 2),
            **{f"delta{k}": np.mean(ratio < 1.25**k) for k in (1, 2, 3)},
        }
        for name, value in metrics.items():
            totals[name] = totals.get(name, 0.0) + float(value)
    return {name: total / len(pairs) for name, total in totals.items()}


def resident() -> float:
    """MiB that the process holds now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def timed(function, *args) -> tuple[tuple[float, float], dict[str, float]]:
    """Seconds by the clock and of the processor, and the result."""
    start = time.perf_counter(), time.process_time()
    result = function(*args)
    return (time.perf_counter() - start[0], time.process_time() - start[1]), result


def main() -> None:
    parser = argparse.ArgumentParser(description="Scoring beside a NumPy loop.")
    parser.add_argument("--images", type=int, default=654, help="predictions to score")
    parser.add_argument("--turns", type=int, default=5, help="turns of each, at least 1")
    arguments = parser.parse_args()
    protocol = PRESETS["nyu/bts"]
    pairs = make_pairs(arguments.images)

    def ours(pairs: list[Pair]) -> dict[str, float]:
        return dict(score(iter(pairs), protocol).metrics)

    ours(pairs)
    before = resident()
    times: dict[str, list[tuple[float, float]]] = {"jaxdepth": [], "NumPy loop": []}
    for _ in range(arguments.turns):
        seconds, found = timed(ours, pairs)
        times["jaxdepth"].append(seconds)
        seconds, expected = timed(numpy_loop, pairs, protocol)
        times["NumPy loop"].append(seconds)
    largest = max(abs(found[name] - value) / value for name, value in expected.items())
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    print(
        f"{arguments.images} predictions of {SIZE[0]}×{SIZE[1]} under {protocol.name}, "
        f"{arguments.turns} turns, {cores} cores, load {load:.1f}"
    )
    medians = {}
    for name, turns in times.items():
        seconds, processor = zip(*turns, strict=True)
        medians[name] = statistics.median(seconds)
        print(
            f"{name:>10}: {medians[name]:6.2f} s ({min(seconds):.2f} to {max(seconds):.2f}), "
            f"{1e3 * medians[name] / arguments.images:5.2f} ms an image, processor "
            f"{1e3 * statistics.median(processor) / arguments.images:5.2f} ms"
        )
    ratio = medians["NumPy loop"] / medians["jaxdepth"]
    print(f"times as fast: {ratio:.2f}; largest relative difference of a metric: {largest:.1e}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"memory: {before:.0f} MiB after a first turn, {peak:.0f} MiB at its largest")


if __name__ == "__main__":
    main()
