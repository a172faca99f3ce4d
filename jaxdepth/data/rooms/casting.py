"""How rays and points meet the solids of a scene.

A ray is three arrays `[N]` for its origin and three for its direction, and its parameter is in
units of that direction, which need not have length 1. Nothing here knows of pixels or light.
"""

import functools

import jax.numpy as jnp
from jax import lax

from jaxdepth.data.rooms.scene import FIRST_CYLINDER, FIRST_FACE, FIRST_SPHERE, FIRST_TURNED

_FAR = 1e9
# Solids are met in groups of this many, all of a kind, as many groups as the scene has.
_GROUP = 2
_INDEX_BITS = 9  # enough for NUM_SURFACES


# Unlike jnp.maximum and jnp.minimum these do not carry NaN on, which takes half the time.


def _larger(a, b):
    return jnp.where(a > b, a, b)


def _smaller(a, b):
    return jnp.where(a < b, a, b)


def turned(row, p):
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
    p = turned(row, [o - row[i] for i, o in enumerate(origin)])
    return _slabs(row[3:6], p, _inverse(turned(row, direction)))


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
    p = turned(row, [c - row[i] for i, c in enumerate(point)])
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
once = lax.optimization_barrier


def _bits(x):
    return lax.bitcast_convert_type(x, jnp.int32)


def first_hits(scene, origin, direction):
    """Depth and surface index of what each ray meets first.

    The search compares depths without their lowest bits, which hold the index instead, so two
    surfaces within 0.01 % of each other are told apart by their order; the depth of the one found
    is then computed in full.
    """
    inverse = _inverse(direction)
    keep = ~((1 << _INDEX_BITS) - 1)

    def pack(depth, index):
        return (_bits(depth) & keep) | index

    rays = once((origin, direction, inverse))

    def value(kind, row, index):
        near, far = _INTERVALS[kind](row, *rays)
        met = (near < far) & (near > 1e-3)
        return pack(jnp.where(met, near, _FAR), index)

    wall, face = _faces(scene, origin, inverse)
    index = _least(scene, value, pack(wall, face), everything=True) & ~keep

    rows = rows_of(scene, index)
    kinds = (None, _turned_interval, _cylinder_interval, _sphere_interval)
    depth = wall
    for kind in (1, 2, 3):
        near, _ = kinds[kind](rows[kind], origin, direction, inverse)
        depth = jnp.where(kind_of(index) == kind, near, depth)
    return depth, index


def lit(scene, origin, direction):
    """1 where nothing that casts shadows lies on the way, else 0."""
    rays = once((origin, direction, _inverse(direction)))

    def value(kind, row, index):
        del index
        near, far = _INTERVALS[kind](row, *rays)
        return 1 - ((near < far) & (far > 0) & (near < 0.999)).astype(jnp.int32)

    start = jnp.ones_like(direction[0], jnp.int32)
    return _least(scene, value, start, everything=False).astype(jnp.float32)


def clearance(scene, point):
    """Distance in metres to the nearest solid or face of the room."""
    sides = [jnp.minimum(c, scene.room[i] - c) for i, c in enumerate(point)]
    nearest = jnp.maximum(functools.reduce(jnp.minimum, sides), 0)
    points = once(point)

    def value(kind, row, index):
        del index
        return _bits(_DISTANCES[kind](row, points))

    least = _least(scene, value, _bits(nearest * nearest), everything=False)
    return jnp.sqrt(lax.bitcast_convert_type(least, jnp.float32))


def kind_of(index):
    """1 boxes of both sorts, 2 cylinders, 3 spheres, 4 faces of the room."""
    starts = (FIRST_CYLINDER, FIRST_SPHERE, FIRST_FACE)
    return 1 + sum((index >= start).astype(jnp.int32) for start in starts)


def rows_of(scene, index):
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
