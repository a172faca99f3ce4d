"""Procedural surfaces: patterns in metres, none of which is an edge in depth.

Every function takes flat arrays `[N]` of surface coordinates and returns values for each point.
A pattern finer than a pixel's footprint fades into its mean, so that floors do not shimmer.
"""

import jax.numpy as jnp

PLAIN, TILES, PLANKS, STRIPES, MARBLE, CHECKER, POSTER, WINDOW, DOOR, BOOKS, DOTS = range(11)


def _hash(x, y, seed):
    """Uniform values in [0, 1) from integer cells: int32 `[N]` each."""
    h = x.astype(jnp.uint32) * jnp.uint32(0x8DA6B343)
    h = h ^ (y.astype(jnp.uint32) * jnp.uint32(0xD8163841))
    h = h ^ (seed.astype(jnp.uint32) * jnp.uint32(0xCB1AB31F))
    h = (h ^ (h >> 15)) * jnp.uint32(0x2C1B3C6D)
    h = (h ^ (h >> 12)) * jnp.uint32(0x297A2D39)
    h = h ^ (h >> 15)
    return (h >> 8).astype(jnp.float32) * jnp.float32(1.0 / (1 << 24))


def _floor(x):
    return jnp.floor(x).astype(jnp.int32)


def _noise(u, v, seed):
    """Smooth value noise in [0, 1] with unit cells."""
    x, y = _floor(u), _floor(v)
    a, b = u - x, v - y
    a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
    low = _hash(x, y, seed) * (1 - a) + _hash(x + 1, y, seed) * a
    high = _hash(x, y + 1, seed) * (1 - a) + _hash(x + 1, y + 1, seed) * a
    return low * (1 - b) + high * b


def _line(distance, width, footprint):
    """Coverage of a line of the given width by a pixel at `distance` from its middle."""
    spread = jnp.maximum(width, footprint)
    return jnp.clip((spread - distance) / spread, 0, 1) * (width / spread) * 1.5


def _wave(s, cell, footprint):
    """A square wave of period 1 in `s`, softened over the footprint: 0 or 1."""
    triangle = jnp.abs(s - jnp.floor(s) - 0.5) - 0.25
    return jnp.clip(triangle * cell / jnp.maximum(footprint, 1e-4) + 0.5, 0, 1)


def _seams(s, cell, width, footprint):
    """Lines at whole numbers of `s`."""
    f = s - jnp.floor(s)
    return _line(jnp.minimum(f, 1 - f) * cell, width, footprint)


def _random_colour(x, y, seed):
    """A muted colour `[3, N]` for each integer cell."""
    tone = 0.15 + 0.75 * _hash(x, y, seed + 11)
    channels = [tone * (0.45 + 0.55 * _hash(x, y, seed + shift)) for shift in (23, 37, 51)]
    return jnp.stack(channels)


def reflectance(materials, u, v, half_u, half_v, footprint):
    """The colour of surface points.

    Args:
        materials: `[12, N]`, the columns of `Scene.surfaces` of each point.
        u: `[N]` metres across the surface from its middle.
        v: `[N]` metres along the surface (upwards on a wall) from its middle.
        half_u: `[N]` half the extent of the surface, metres.
        half_v: `[N]` the same in v.
        footprint: `[N]` metres on the surface that one pixel covers.

    Returns:
        Linear RGB reflectance in [0, 1], `[3, N]`.
    """
    kind = materials[0].astype(jnp.int32)
    cell_u, cell_v = materials[1], materials[2]
    seed = materials[5].astype(jnp.int32)
    first, second = materials[6:9], materials[9:12]
    s, r = u / cell_u, v / cell_v
    x, y = _floor(s), _floor(r)
    inner_u, inner_v = half_u - jnp.abs(u), half_v - jnp.abs(v)
    border = jnp.minimum(inner_u, inner_v)
    fine = jnp.clip(0.02 / footprint, 0, 1)

    mottle = _noise(u * 7, v * 7, seed) - 0.5
    # Planks run along v; each row is shifted and each plank has its own tone and grain.
    shifted = r + 7.3 * _hash(x, x, seed)
    plank_tone = _hash(x, _floor(shifted), seed + 3) - 0.5
    grain = _noise(u * 60, v * 4 + 9.0 * plank_tone, seed + 5) - 0.5
    plank_seam = _seams(s, cell_u, 0.004, footprint) + _seams(shifted, cell_v, 0.004, footprint)
    # Marble, carpet and cloth: three octaves.
    cloud = (
        0.5 * _noise(s, r, seed)
        + 0.3 * _noise(2.1 * s, 2.1 * r, seed + 1)
        + 0.2 * _noise(4.3 * s, 4.3 * r, seed + 2)
    )
    du, dv = s - x - 0.5, r - y - 0.5
    dot = jnp.clip((0.3 - jnp.sqrt(du * du + dv * dv)) * cell_u / footprint + 0.5, 0, 1)
    wave_u, wave_v = _wave(s, cell_u, footprint), _wave(r, cell_v, footprint)
    grout = jnp.maximum(_seams(s, cell_u, 0.008, footprint), _seams(r, cell_v, 0.008, footprint))
    # Two panels of a door, drawn as two dark outlines.
    panel_v = jnp.where(v > 0.05, jnp.abs(v - 0.48), jnp.abs(v + 0.44)) - 0.36
    panel = jnp.abs(jnp.maximum(jnp.abs(u) - 0.7 * half_u, panel_v))
    panel_line = 0.6 * _line(panel, 0.015, footprint)
    bars = jnp.maximum(_seams(s, cell_u, 0.03, footprint), _seams(r, cell_v, 0.03, footprint))
    bars = jnp.maximum(bars, jnp.clip((0.05 - border) / footprint + 0.5, 0, 1))
    horizon = jnp.clip(0.5 + 4 * (v + 0.2 * cloud), 0, 1)

    weight = jnp.select(
        [
            kind == TILES,
            kind == PLANKS,
            kind == STRIPES,
            kind == MARBLE,
            kind == CHECKER,
            kind == DOOR,
            kind == DOTS,
        ],
        [
            jnp.clip(grout, 0, 1),
            jnp.clip(0.25 * plank_seam, 0, 1),
            wave_u,
            jnp.clip(2.2 * (cloud - 0.5) + 0.5, 0, 1),
            wave_u * wave_v + (1 - wave_u) * (1 - wave_v),
            panel_line,
            dot,
        ],
        jnp.zeros_like(u),
    )
    tone = jnp.select(
        [kind == TILES, kind == PLANKS],
        [
            1 + 0.22 * (_hash(x, y, seed) - 0.5),
            1 + 0.35 * plank_tone + 0.5 * grain * fine,
        ],
        1 + 0.12 * mottle,
    )
    colour = (first * (1 - weight)[None] + second * weight[None]) * tone[None]

    # Pictures: coloured blocks and one disc in a frame; the frame has the second colour.
    blocks = _random_colour(x, y, seed)
    centre_u = half_u * (_hash(seed, seed, seed) - 0.5)
    disc = jnp.hypot(u - centre_u, v) < 0.55 * jnp.minimum(half_u, half_v)
    blocks = jnp.where(disc[None], first, blocks)
    picture = jnp.where((border < 0.03)[None], second, blocks)
    # Rows of books: one colour each, dark above the shorter ones.
    top = half_v * (2 * (0.62 + 0.36 * _hash(x, x, seed + 9)) - 1)
    seam = _seams(s, cell_u, 0.004, footprint)
    spine = _random_colour(x, x, seed) * (1 - 0.5 * seam)[None]
    books = jnp.where((v > top)[None], 0.06, spine)
    # Windows: sky over something green or grey, behind white bars.
    sky = jnp.stack([0.62 + 0.2 * cloud, 0.74 + 0.12 * cloud, jnp.full_like(u, 0.95)])
    view = sky * horizon[None] + first * ((0.35 + 0.5 * cloud) * (1 - horizon))[None]
    window = view * (1 - bars)[None] + second * bars[None]

    colour = jnp.where((kind == POSTER)[None], picture, colour)
    colour = jnp.where((kind == BOOKS)[None], books, colour)
    colour = jnp.where((kind == WINDOW)[None], window, colour)
    return jnp.clip(colour, 0, 1)
