"""From radiance to a photograph, and from exact depth to what a structured-light sensor reports."""

import numpy as np

# A first-generation Kinect: the infrared camera's focal length in pixels of 640 × 480, the
# distance between projector and camera in metres, and the steps that one pixel of disparity has.
KINECT_FOCAL = 580.0
KINECT_BASELINE = 0.075
KINECT_STEPS = 8
KINECT_RANGE = (0.5, 8.0)
"""Metres between which the sensor reports anything."""
EDGE_RATIO = 1.05
"""A pixel has no measurement if it is this much farther than one of its eight neighbours."""


def photograph(radiance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Exposes, develops and digitises linear radiance.

    The exposure brings the mean to a middle grey that varies a little; vignetting, a soft
    shoulder instead of clipping, shot and read noise, and the sRGB curve follow.

    Args:
        radiance: float32 `[H, W, 3]`, at least 0, of any scale.
        rng: for exposure, white balance and noise.

    Returns:
        uint8 `[H, W, 3]`, sRGB.
    """
    height, width, _ = radiance.shape
    level = np.minimum(radiance, 4 * np.median(radiance) + 1e-6).mean()
    balance = rng.uniform(0.95, 1.05, 3).astype(np.float32)
    x = radiance * (np.float32(rng.uniform(0.22, 0.30) / (level + 1e-6)) * balance)
    ys = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    xs = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    x *= (1 - np.float32(rng.uniform(0, 0.12)) * (xs * xs + ys * ys))[..., None]
    x = 1.25 * x * (1 + 0.25 * x) / (1 + x)
    shot, read = rng.uniform(0.01, 0.03), rng.uniform(0.001, 0.005)
    noise = rng.standard_normal(x.shape, dtype=np.float32)
    x += noise * np.sqrt(np.float32(shot * shot) * x + np.float32(read * read))
    x = np.clip(x, 0, 1)
    srgb = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.power(x, np.float32(1 / 2.4)) - 0.055)
    return np.round(255 * srgb).astype(np.uint8)


def kinect_depth(
    depth: np.ndarray,
    *,
    focal: float,
    rng: np.random.Generator | None = None,
    noise: float = 0.4,
) -> np.ndarray:
    """Depth as a structured-light sensor would report it, with holes.

    The sensor measures disparity, `KINECT_FOCAL · KINECT_BASELINE / depth` pixels of its own, in
    steps of 1/`KINECT_STEPS`, so the distance between two depths it can report grows with depth
    squared: about 0.0029 · depth² metres. A pixel has no measurement (0)

    - outside `KINECT_RANGE`;
    - beside an edge: where a pixel of its 3 × 3 neighbourhood is nearer by more than `EDGE_RATIO`;
    - in the projector's shadow: the band behind something nearer, on the side that the projector
      cannot see, as wide as the two disparities differ.

    Args:
        depth: `[H, W]` metres, positive.
        focal: fx of this image, in pixels; the shadow's width depends on it.
        rng: for noise in disparity; none if None.
        noise: standard deviation of that noise, in steps.

    Returns:
        float32 `[H, W]` metres; 0 = no measurement.
    """
    depth = np.asarray(depth, np.float64)
    scale = KINECT_STEPS * KINECT_FOCAL * KINECT_BASELINE
    steps = scale / depth
    if rng is not None:
        steps = steps + noise * rng.standard_normal(depth.shape)
    measured = scale / np.maximum(np.round(steps), 1)
    low, high = KINECT_RANGE
    hole = (depth < low) | (depth > high)

    height, width = depth.shape
    padded = np.pad(depth, 1, mode="edge")
    nearest = np.minimum.reduce(
        [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    )
    hole |= depth > EDGE_RATIO * nearest

    disparity = focal * KINECT_BASELINE / np.maximum(depth, low)
    for shift in range(1, min(int(np.ceil(disparity.max())), width - 1) + 1):
        hole[:, :-shift] |= disparity[:, shift:] - disparity[:, :-shift] >= shift
    return np.where(hole, 0, measured).astype(np.float32)
