"""Ray casting of one scene: linear colour and exact depth.

Rays are not normalised: each direction has camera-z 1, so the ray parameter *is* the depth.
A pixel's colour is the mean of the ray through its centre (half) and the rays through its four
corners (an eighth each), which neighbours share; its depth is that of the centre ray alone.

Always one scene per call, in one compiled function of the image size, so that a scene does not
depend on the others. `jaxdepth.data.rooms.scene` states the frames.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxdepth.data.rooms.casting import (
    clearance,
    first_hits,
    lit,
    once,
    rows_of,
    turned,
)
from jaxdepth.data.rooms.scene import FIRST_CYLINDER, FIRST_FACE, FIRST_SPHERE, Scene
from jaxdepth.data.rooms.textures import reflectance
from jaxdepth.errors import DataError

_AMBIENT_REACH = 0.3  # metres over which corners and contacts darken


def _box_surface(p, half):
    """Normal in the box's axes, and (u, v, half u, half v), of points on its sides."""
    gaps = [jnp.abs(p[i]) - half[i] for i in range(3)]
    on_x = (gaps[0] > gaps[1]) & (gaps[0] > gaps[2])
    on_y = ~on_x & (gaps[1] > gaps[2])
    on_z = ~on_x & ~on_y
    normal = [jnp.where(on, jnp.sign(p[i]), 0.0) for i, on in enumerate((on_x, on_y, on_z))]
    chart = (
        jnp.where(on_x, p[1], p[0]),
        jnp.where(on_z, p[1], p[2]),
        jnp.where(on_x, half[1], half[0]),
        jnp.where(on_z, half[1], half[2]),
    )
    return normal, chart


def _surface(scene, point, index):
    """World normal and texture coordinates of points on the surfaces `index`."""
    rows = rows_of(scene, index)
    row = rows[1]
    p = turned(row, [c - row[i] for i, c in enumerate(point)])
    (nx, ny, nz), chart = _box_surface(p, row[3:6])
    normal = [row[6] * nx - row[7] * ny, row[7] * nx + row[6] * ny, nz]

    row = rows[2]
    p = [c - row[i] for i, c in enumerate(point)]
    across = jnp.sqrt(p[0] * p[0] + p[1] * p[1])
    cap = jnp.abs(p[2]) - row[4] > across - row[3]
    around = jnp.arctan2(p[1], p[0]) * row[3]
    is_cylinder = (index >= FIRST_CYLINDER) & (index < FIRST_SPHERE)
    scale = jnp.where(cap, 0.0, 1 / jnp.maximum(across, 1e-6))
    other = [p[0] * scale, p[1] * scale, jnp.where(cap, jnp.sign(p[2]), 0.0)]
    other_chart = (
        jnp.where(cap, p[0], around),
        jnp.where(cap, p[1], p[2]),
        jnp.where(cap, row[3], 3.1416 * row[3]),
        jnp.where(cap, row[3], row[4]),
    )
    normal = [jnp.where(is_cylinder, b, a) for a, b in zip(normal, other, strict=True)]
    chart = [jnp.where(is_cylinder, b, a) for a, b in zip(chart, other_chart, strict=True)]

    row = rows[3]
    p = [c - row[i] for i, c in enumerate(point)]
    is_sphere = (index >= FIRST_SPHERE) & (index < FIRST_FACE)
    other = [c / row[3] for c in p]
    other_chart = (jnp.arctan2(p[1], p[0]) * row[3], p[2], row[3], row[3])
    normal = [jnp.where(is_sphere, b, a) for a, b in zip(normal, other, strict=True)]
    chart = [jnp.where(is_sphere, b, a) for a, b in zip(chart, other_chart, strict=True)]

    is_face = index >= FIRST_FACE
    half = [0.5 * scene.room[i] for i in range(3)]
    p = [c - half[i] for i, c in enumerate(point)]
    other, other_chart = _box_surface(p, half)
    normal = [jnp.where(is_face, -b, a) for a, b in zip(normal, other, strict=True)]
    chart = [jnp.where(is_face, b, a) for a, b in zip(chart, other_chart, strict=True)]
    return normal, chart


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def _unit(a):
    scale = lax.rsqrt(_dot(a, a) + 1e-12)
    return [c * scale for c in a]


def _shade(scene, origin, direction, depth, index, jitter):
    """Linear radiance `[3, N]` that each ray brings back."""
    point = [o + depth * d for o, d in zip(origin, direction, strict=True)]
    point = once(point)
    normal, (u, v, half_u, half_v) = once(_surface(scene, point, index))
    view = _unit([-d for d in direction])
    facing = jnp.maximum(_dot(normal, view), 0.05)
    footprint = depth / scene.intrinsics[0] / jnp.sqrt(facing)
    materials = scene.surfaces.T[:, index]
    colour = once(reflectance(materials, u, v, half_u, half_v, footprint))
    gloss, emission = materials[3], materials[4]

    raised = once([p + 0.002 * n for p, n in zip(point, normal, strict=True)])
    ahead = [p + _AMBIENT_REACH * n for p, n in zip(point, normal, strict=True)]
    gap = clearance(scene, ahead)
    openness = once(0.35 + 0.65 * jnp.clip(gap / _AMBIENT_REACH, 0, 1))
    sky = openness * (0.8 + 0.2 * normal[2])
    light = scene.ambient[:, None] * sky[None]
    jitter_a, jitter_b = once(jitter)
    view = once(view)

    def add_light(i, carried):
        light, shine = carried
        x, y, z, red, green, blue, radius = scene.lights[i]
        power = jnp.stack([red, green, blue])[:, None]
        towards = once([x - raised[0], y - raised[1], z - raised[2]])
        unit = _unit(towards)
        # The shadow alone sees the light's extent: soft edges there, no grain elsewhere.
        spread = [towards[0] + radius * jitter_a, towards[1] + radius * jitter_b, towards[2]]
        cosine = jnp.maximum(_dot(normal, unit), 0)
        reach = once(lit(scene, raised, spread)) / (_dot(towards, towards) + 0.6)
        light += power * (cosine * reach * (0.6 + 0.4 * openness))[None]
        middle = _unit([a + b for a, b in zip(unit, view, strict=True)])
        sparkle = jnp.maximum(_dot(normal, middle), 0) ** 40
        shine += power * (gloss * sparkle * reach * (cosine > 0))[None]
        return light, shine

    used = jnp.sum(jnp.max(scene.lights[:, 3:6], axis=1) > 0).astype(jnp.int32)
    light, shine = lax.fori_loop(jnp.int32(0), used, add_light, (light, jnp.zeros_like(light)))
    return colour * (light + emission[None]) + shine


# On one thread: results do not depend on the number of cores, and scenes run beside each other.
@functools.partial(
    jax.jit,
    static_argnames=("height", "width"),
    compiler_options={"xla_cpu_multi_thread_eigen": False},
)
def _cast(scene: Scene, *, height: int, width: int):
    """Colour `[3, N]`, depth and index `[N]` of the rays: pixel centres, then pixel corners."""
    fx, fy, cx, cy = scene.intrinsics
    ys, xs = jnp.meshgrid(
        jnp.arange(height, dtype=jnp.float32), jnp.arange(width, dtype=jnp.float32), indexing="ij"
    )
    corner_ys, corner_xs = jnp.meshgrid(
        jnp.arange(height + 1, dtype=jnp.float32) - 0.5,
        jnp.arange(width + 1, dtype=jnp.float32) - 0.5,
        indexing="ij",
    )
    x = jnp.concatenate([xs.ravel(), corner_xs.ravel()])
    y = jnp.concatenate([ys.ravel(), corner_ys.ravel()])
    a, b = (x - cx) / fx, (y - cy) / fy
    origin = [jnp.full_like(x, scene.camera[0, i]) for i in range(3)]
    right, down, forward = scene.camera[1], scene.camera[2], scene.camera[3]
    direction = [a * right[i] + b * down[i] + forward[i] for i in range(3)]
    origin, direction = once((origin, direction))
    depth, index = once(first_hits(scene, origin, direction))
    # Spread a light over its disc by an ordered pattern of the image plane: soft shadows.
    pattern = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0)
    turn = 6.2831853 * (pattern % 1.0)
    reach = jnp.sqrt((0.7548777 * x + 0.5698403 * y) % 1.0)
    jitter = reach * jnp.cos(turn), reach * jnp.sin(turn)
    colour = _shade(scene, origin, direction, depth, index, jitter)
    return colour, depth, index


def _cpu() -> jax.Device:
    """Where scenes are rendered, so that accelerators make no difference to them."""
    try:
        return jax.local_devices(backend="cpu")[0]
    except RuntimeError as error:
        raise DataError(
            "rooms are rendered by JAX's CPU backend, which JAX_PLATFORMS leaves out: unset it or "
            f"add ',cpu' ({error})."
        ) from error


def render(scene: Scene, *, height: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Renders one scene on the CPU, whatever other devices there are.

    Args:
        scene: what to render.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        Linear radiance float32 `[height, width, 3]`, at least 0; depth float32 `[height, width]`,
        the camera-z coordinate in metres of what the ray through each pixel's centre meets;
        the index int32 `[height, width]` of that surface in `Scene.surfaces`.
    """
    with jax.default_device(_cpu()):
        colour, depth, index = jax.device_get(_cast(scene, height=height, width=width))
    pixels = height * width
    centres = colour[:, :pixels].reshape(3, height, width)
    corners = colour[:, pixels:].reshape(3, height + 1, width + 1)
    pairs = corners[:, :-1] + corners[:, 1:]
    mean = 0.5 * centres + 0.125 * (pairs[:, :, :-1] + pairs[:, :, 1:])
    radiance = np.ascontiguousarray(np.moveaxis(mean, 0, -1))
    shape = height, width
    return radiance, depth[:pixels].reshape(shape), index[:pixels].reshape(shape)
