"""Synthetic scenes to integrate, their energy and its minimum; see `split_bregman_peers.py`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.ndimage

from jaxdepth.ops import split_bregman


class Scene(NamedTuple):
    f: np.ndarray  # [H, W]
    g: np.ndarray  # [H, W, 2]
    lam: float
    s: np.ndarray | None  # [H, W] with g = ∇s, if there is one


def boxes(rng: np.random.Generator, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Depth of boxes before a slanted wall, and the same blurred and wavy, `[H, W]` metres."""
    height, width = shape
    y, x = np.mgrid[:height, :width] / height
    depth = 4 + x + 0.5 * y
    for _ in range(12):
        (top, left), size = rng.uniform(0, (0.9, 1.2)), rng.uniform(0.1, 0.4, 2)
        box = (top < y) & (y < top + size[0]) & (left < x) & (x < left + size[1])
        depth = np.where(box, rng.uniform(1.5, 4) + rng.normal() * 0.5 * (x - left), depth)
    waves = scipy.ndimage.gaussian_filter(rng.normal(size=shape), height / 20) * height / 20
    return depth, scipy.ndimage.gaussian_filter(depth, height / 60) + 0.2 * waves


def make_scene(name: str, shape: tuple[int, int], seed: int = 0) -> Scene:
    """Boxes before a slanted wall: a blurred, wavy depth and noisy gradients, in metres."""
    rng = np.random.default_rng(seed)
    depth, f = boxes(rng, shape)
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
