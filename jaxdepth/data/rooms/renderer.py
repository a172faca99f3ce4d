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

from jaxdepth.data.rooms.scene import (
    FIRST_CYLINDER,
    FIRST_FACE,
    FIRST_SPHERE,
    FIRST_TURNED,
    Scene,
)
from jaxdepth.data.rooms.textures import reflectance

_FAR = 1e9
_AMBIENT_REACH = 0.3  # metres over which corners and contacts darken
# Solids are met in groups of this many, all of a kind, as many groups as the scene has.
_GROUP = 4
_INDEX_BITS = 9  # enough for NUM_SURFACES


# Unlike jnp.maximum and jnp.minimum these do not carry NaN on, which takes half the time.


def _larger(a, b):
    return jnp.where(a > b, a, b)


def _smaller(a, b):
    return jnp.where(a < b, a, b)


def _turned(row, p):
    """Point or direction `p` (three arrays) in a box's own axes."""
    x, y, z = p
    return row[6] * x + row[7] * y, row[6] * y - row[7] * x, z


# Intervals: the ray parameters at which rays enter and leave a solid; it is missed unless the
# first is smaller. `row` holds the solid's columns; they broadcast against the rays.


def _slabs(half, p, inverse):
    middle = [-p[i] * inverse[i] for i in range(3)]
    reach = [half[i] * jnp.abs(inverse[i]) for i in range(3)]
    near = functools.reduce(_larger, [m - r for m, r in zip(middle, reach, strict=True)])
    far = functools.reduce(_smaller, [m + r for m, r in zip(middle, reach, strict=True)])
    return near, far


def _inverse(direction):
    # The offset is lost in rounding unless the direction is 0, where it keeps infinity out.
    return [1 / (c + 1e-12) for c in direction]


def _box_interval(row, origin, direction, inverse):
    del direction
    return _slabs(row[3:6], [o - row[i] for i, o in enumerate(origin)], inverse)


def _turned_interval(row, origin, direction, inverse):
    del inverse
    p = _turned(row, [o - row[i] for i, o in enumerate(origin)])
    return _slabs(row[3:6], p, _inverse(_turned(row, direction)))


def _round_interval(p, d, radius):
    """Inside |p| < radius, over the given components."""
    scale = 1 / (sum(c * c for c in d) + 1e-24)
    b = sum(c * e for c, e in zip(p, d, strict=True)) * scale
    # The distance of closest approach, squared; better conditioned than b² - ac.
    off = sum((c - b * e) ** 2 for c, e in zip(p, d, strict=True))
    room = radius * radius - off
    root = jnp.sqrt(_larger(room, 0.0) * scale)
    return -b - root, jnp.where(room > 0, root - b, -_FAR)


def _cylinder_interval(row, origin, direction, inverse):
    p = [o - row[i] for i, o in enumerate(origin)]
    near, far = _round_interval(p[:2], direction[:2], row[3])
    middle, reach = -p[2] * inverse[2], row[4] * jnp.abs(inverse[2])
    return _larger(near, middle - reach), _smaller(far, middle + reach)


def _sphere_interval(row, origin, direction, inverse):
    del inverse
    return _round_interval([o - row[i] for i, o in enumerate(origin)], direction, row[3])


def _faces(scene, origin, inverse):
    """Where rays from inside leave the room."""
    far = [
        jnp.where(inverse[i] > 0, scene.room[i] - origin[i], -origin[i]) * inverse[i]
        for i in range(3)
    ]
    depth = jnp.minimum(jnp.minimum(far[0], far[1]), far[2])
    axis = jnp.where(far[0] == depth, 0, jnp.where(far[1] == depth, 1, 2))
    up = [(c > 0).astype(jnp.int32) for c in inverse]
    side = jnp.where(axis == 0, up[0], jnp.where(axis == 1, up[1], up[2]))
    return depth, FIRST_FACE + 2 * axis + side


def _box_distance(row, point):
    p = [c - row[i] for i, c in enumerate(point)]
    q = [_larger(jnp.abs(p[i]) - row[3 + i], 0.0) for i in range(3)]
    return sum(c * c for c in q)


def _turned_distance(row, point):
    p = _turned(row, [c - row[i] for i, c in enumerate(point)])
    q = [_larger(jnp.abs(p[i]) - row[3 + i], 0.0) for i in range(3)]
    return sum(c * c for c in q)


def _cylinder_distance(row, point):
    p = [c - row[i] for i, c in enumerate(point)]
    side = _larger(jnp.sqrt(p[0] * p[0] + p[1] * p[1]) - row[3], 0.0)
    cap = _larger(jnp.abs(p[2]) - row[4], 0.0)
    return side * side + cap * cap


def _sphere_distance(row, point):
    p = [c - row[i] for i, c in enumerate(point)]
    return _larger(jnp.sqrt(sum(c * c for c in p)) - row[3], 0.0) ** 2


def _least(scene, value, start, *, everything):
    """The least over solids of `value(kind, row, index)`, an int32 array `[N]`.

    Integers, because their minimum is cheaper than that of floats, of which those that are at
    least 0 keep their order as bits. Kinds: 0 boxes, 1 turned boxes, 2 cylinders, 3 spheres. Goes
    through the solids that cast shadows or, if `everything`, through all.
    """
    tables = (
        (scene.boxes, 0),
        (scene.turned, FIRST_TURNED),
        (scene.cylinders, FIRST_CYLINDER),
        (scene.spheres, FIRST_SPHERE),
    )
    for kind, (table, first) in enumerate(tables):
        count = scene.counts[kind, 1 if everything else 0]

        def step(i, least, kind=kind, table=table, first=first, count=count):
            rows = lax.dynamic_slice_in_dim(table, i * _GROUP, _GROUP)
            for k in range(_GROUP):
                index = i * _GROUP + k
                found = value(kind, list(rows[k]), first + index)
                least = jnp.where((found < least) & (index < count), found, least)
            return least

        start = lax.fori_loop(jnp.int32(0), (count + _GROUP - 1) // _GROUP, step, start)
    return start


_INTERVALS = (_box_interval, _turned_interval, _cylinder_interval, _sphere_interval)
_DISTANCES = (_box_distance, _turned_distance, _cylinder_distance, _sphere_distance)


# Keeps XLA from computing a value anew wherever it is used, which makes rendering twice as slow.
_once = lax.optimization_barrier


def _bits(x):
    return lax.bitcast_convert_type(x, jnp.int32)


def _first_hits(scene, origin, direction):
    """Depth and surface index of what each ray meets first.

    The search compares depths without their lowest bits, which hold the index instead, so two
    surfaces within 0.01 % of each other are told apart by their order; the depth of the one found
    is then computed in full.
    """
    inverse = _inverse(direction)
    keep = ~((1 << _INDEX_BITS) - 1)

    def pack(depth, index):
        return (_bits(depth) & keep) | index

    rays = _once((origin, direction, inverse))

    def value(kind, row, index):
        near, far = _INTERVALS[kind](row, *rays)
        met = (near < far) & (near > 1e-3)
        return pack(jnp.where(met, near, _FAR), index)

    wall, face = _faces(scene, origin, inverse)
    index = _least(scene, value, pack(wall, face), everything=True) & ~keep

    rows = _rows(scene, index)
    kinds = (None, _turned_interval, _cylinder_interval, _sphere_interval)
    depth = wall
    for kind in (1, 2, 3):
        near, _ = kinds[kind](rows[kind], origin, direction, inverse)
        depth = jnp.where(_kind(index) == kind, near, depth)
    return depth, index


def _lit(scene, origin, direction):
    """1 where nothing that casts shadows lies on the way, else 0."""
    rays = _once((origin, direction, _inverse(direction)))

    def value(kind, row, index):
        del index
        near, far = _INTERVALS[kind](row, *rays)
        return 1 - ((near < far) & (far > 0) & (near < 0.999)).astype(jnp.int32)

    start = jnp.ones_like(direction[0], jnp.int32)
    return _least(scene, value, start, everything=False).astype(jnp.float32)


def _clearance(scene, point):
    """Distance in metres to the nearest solid or face of the room."""
    sides = [jnp.minimum(c, scene.room[i] - c) for i, c in enumerate(point)]
    nearest = jnp.maximum(functools.reduce(jnp.minimum, sides), 0)
    points = _once(point)

    def value(kind, row, index):
        del index
        return _bits(_DISTANCES[kind](row, points))

    least = _least(scene, value, _bits(nearest * nearest), everything=False)
    return jnp.sqrt(lax.bitcast_convert_type(least, jnp.float32))


def _kind(index):
    """1 boxes of both sorts, 2 cylinders, 3 spheres, 4 faces of the room."""
    starts = (FIRST_CYLINDER, FIRST_SPHERE, FIRST_FACE)
    return 1 + sum((index >= start).astype(jnp.int32) for start in starts)


def _rows(scene, index):
    """The columns, `[N]` each, of the solid that each ray met, by `_kind`; the wrong kinds idle."""
    straight = jnp.tile(jnp.array([[1.0, 0.0]], jnp.float32), (FIRST_TURNED, 1))
    boxes = jnp.concatenate([jnp.concatenate([scene.boxes, straight], 1), scene.turned])
    return {
        1: _take(boxes, index),
        2: _take(scene.cylinders, index - FIRST_CYLINDER),
        3: _take(scene.spheres, index - FIRST_SPHERE),
    }


def _take(table, rows):
    """Columns of `table` at the given rows: a list of `[N]`."""
    rows = jnp.clip(rows, 0, table.shape[0] - 1)
    return list(table.T[:, rows])


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
    rows = _rows(scene, index)
    row = rows[1]
    p = _turned(row, [c - row[i] for i, c in enumerate(point)])
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
    point = _once(point)
    normal, (u, v, half_u, half_v) = _once(_surface(scene, point, index))
    view = _unit([-d for d in direction])
    facing = jnp.maximum(_dot(normal, view), 0.05)
    footprint = depth / scene.intrinsics[0] / jnp.sqrt(facing)
    materials = scene.surfaces.T[:, index]
    colour = _once(reflectance(materials, u, v, half_u, half_v, footprint))
    gloss, emission = materials[3], materials[4]

    raised = _once([p + 0.002 * n for p, n in zip(point, normal, strict=True)])
    ahead = [p + _AMBIENT_REACH * n for p, n in zip(point, normal, strict=True)]
    clearance = _clearance(scene, ahead)
    openness = _once(0.35 + 0.65 * jnp.clip(clearance / _AMBIENT_REACH, 0, 1))
    sky = openness * (0.8 + 0.2 * normal[2])
    light = scene.ambient[:, None] * sky[None]
    jitter_a, jitter_b = _once(jitter)
    view = _once(view)

    def add_light(i, carried):
        light, shine = carried
        x, y, z, red, green, blue, radius = scene.lights[i]
        power = jnp.stack([red, green, blue])[:, None]
        target = x + radius * jitter_a, y + radius * jitter_b, z
        towards = _once([t - p for t, p in zip(target, raised, strict=True)])
        unit = _unit(towards)
        cosine = jnp.maximum(_dot(normal, unit), 0)
        reach = _once(_lit(scene, raised, towards)) / (_dot(towards, towards) + 0.6)
        light += power * (cosine * reach * (0.6 + 0.4 * openness))[None]
        middle = _unit([a + b for a, b in zip(unit, view, strict=True)])
        sparkle = jnp.maximum(_dot(normal, middle), 0) ** 40
        shine += power * (gloss * sparkle * reach * (cosine > 0))[None]
        return light, shine

    used = jnp.sum(jnp.max(scene.lights[:, 3:6], axis=1) > 0).astype(jnp.int32)
    light, shine = lax.fori_loop(jnp.int32(0), used, add_light, (light, jnp.zeros_like(light)))
    return colour * (light + emission[None]) + shine


@functools.partial(jax.jit, static_argnames=("height", "width"))
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
    origin, direction = _once((origin, direction))
    depth, index = _once(_first_hits(scene, origin, direction))
    # Spread a light over its disc by an ordered pattern of the image plane: soft shadows.
    pattern = 52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0)
    turn = 6.2831853 * (pattern % 1.0)
    reach = jnp.sqrt((0.7548777 * x + 0.5698403 * y) % 1.0)
    jitter = reach * jnp.cos(turn), reach * jnp.sin(turn)
    colour = _shade(scene, origin, direction, depth, index, jitter)
    return colour, depth, index


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
    with jax.default_device(jax.local_devices(backend="cpu")[0]):
        colour, depth, index = jax.device_get(_cast(scene, height=height, width=width))
    pixels = height * width
    centres = colour[:, :pixels].reshape(3, height, width)
    corners = colour[:, pixels:].reshape(3, height + 1, width + 1)
    pairs = corners[:, :-1] + corners[:, 1:]
    mean = 0.5 * centres + 0.125 * (pairs[:, :, :-1] + pairs[:, :, 1:])
    radiance = np.ascontiguousarray(np.moveaxis(mean, 0, -1))
    shape = height, width
    return radiance, depth[:pixels].reshape(shape), index[:pixels].reshape(shape)
