"""Pieces of furniture in life size, made of boxes, upright cylinders and spheres.

Each maker takes a random generator and the room's `Palette` and returns a `Piece`. Those in
`AGAINST_WALL` stand with their back to a wall, those in `FREE` anywhere on the floor.
"""

import math
import random

from jaxdepth.data.rooms.materials import Palette
from jaxdepth.data.rooms.scene import Piece
from jaxdepth.data.rooms.seats import armchair, bed, chair, legs, sofa, stool
from jaxdepth.data.rooms.things import ball, bin_, cartons, lamp, plant


def _slab_on_legs(rng, palette: Palette, width, depth, height) -> Piece:
    piece = Piece(width, depth, height)
    top = palette.furniture()
    thickness = rng.uniform(0.025, 0.05)
    piece.box((0, 0, height - 0.5 * thickness), (width, depth, thickness), top)
    leg = palette.metal if rng.random() < 0.3 else top
    legs(piece, width, depth, height - thickness, rng.uniform(0.04, 0.07), leg)
    piece.tops.append((0.0, 0.0, height, 0.5 * width, 0.5 * depth))
    return piece


def dining_table(rng: random.Random, palette: Palette) -> Piece:
    """A table of 72 to 76 cm with chairs around it."""
    width, depth = rng.uniform(1.0, 1.8), rng.uniform(0.7, 0.95)
    table = _slab_on_legs(rng, palette, width, depth, rng.uniform(0.72, 0.76))
    reach = 0.25
    state = rng.randrange(1 << 30)
    for side, yaw in ((-1, 0.0), (1, math.pi)):
        for x in (-0.25 * width, 0.25 * width) if width > 1.3 else (0.0,):
            if rng.random() < 0.75:
                seat = chair(random.Random(state), palette)
                out = 0.5 * depth + rng.uniform(-0.05, reach)
                table.add(seat, x, side * out, 0.0, yaw)
    table.depth = depth + 2 * reach + 0.3
    return table


def round_table(rng: random.Random, palette: Palette) -> Piece:
    """A round table on one leg."""
    radius, height = rng.uniform(0.4, 0.6), rng.uniform(0.72, 0.76)
    piece = Piece(2 * radius, 2 * radius, height)
    top = palette.furniture()
    piece.cylinder((0, 0, height - 0.02), radius, 0.04, top)
    piece.cylinder((0, 0, 0.5 * height), 0.05, height - 0.04, palette.metal)
    piece.cylinder((0, 0, 0.02), 0.28, 0.04, palette.metal)
    piece.tops.append((0.0, 0.0, height, 0.6 * radius, 0.6 * radius))
    return piece


def coffee_table(rng: random.Random, palette: Palette) -> Piece:
    """A low table of 38 to 45 cm."""
    return _slab_on_legs(
        rng, palette, rng.uniform(0.8, 1.2), rng.uniform(0.45, 0.65), rng.uniform(0.38, 0.45)
    )


def cabinet(rng: random.Random, palette: Palette) -> Piece:
    """A chest of drawers, a sideboard or a cupboard."""
    width, depth = rng.uniform(0.6, 1.5), rng.uniform(0.35, 0.55)
    return _cupboard(rng, palette, width, depth, rng.uniform(0.7, 1.2))


def wardrobe(rng: random.Random, palette: Palette) -> Piece:
    """A wardrobe, 1.9 to 2.2 m high."""
    return _cupboard(rng, palette, rng.uniform(0.9, 2.0), 0.6, rng.uniform(1.9, 2.2))


def _cupboard(rng, palette: Palette, width, depth, height) -> Piece:
    piece = Piece(width, depth, height)
    body, plinth = palette.furniture(), 0.06
    front = body if rng.random() < 0.6 else palette.white
    middle = 0.5 * (height + plinth)
    piece.box((0, -0.01, middle), (width, depth - 0.02, height - plinth), body)
    piece.box((0, -0.02, 0.5 * plinth), (width - 0.04, depth - 0.08, plinth), palette.dark)
    columns = max(1, round(width / 0.5))
    drawers = height < 1.3 and rng.random() < 0.6
    rows = max(2, round(height / 0.25)) if drawers else 1
    cell_x, cell_z = width / columns, (height - plinth) / rows
    for i in range(columns):
        for j in range(rows):
            x, z = (i + 0.5) * cell_x - 0.5 * width, plinth + (j + 0.5) * cell_z
            piece.box((x, 0.5 * depth - 0.01, z), (cell_x - 0.015, 0.02, cell_z - 0.015), front)
            knob = (x, 0.5 * depth + 0.012, z)
            size = (0.12, 0.025, 0.015)
            if not drawers:
                knob = (x + (0.4 if i % 2 == 0 else -0.4) * cell_x, knob[1], min(z, 1.05))
                size = (0.015, 0.025, 0.14)
            piece.box(knob, size, palette.metal, casts=False)
    if height < 1.3:
        piece.tops.append((0.0, 0.0, height, 0.5 * width, 0.5 * depth))
    return piece


def bookshelf(rng: random.Random, palette: Palette) -> Piece:
    """Shelves of 30 cm spacing and more, most of them with books."""
    width, depth, height = rng.uniform(0.6, 1.2), 0.3, rng.uniform(1.2, 2.1)
    piece = Piece(width, depth, height)
    body = palette.furniture()
    piece.box((0, -0.5 * depth + 0.01, 0.5 * height), (width, 0.02, height), body)
    for x in (-0.5 * width + 0.012, 0.5 * width - 0.012):
        piece.box((x, 0, 0.5 * height), (0.024, depth, height), body)
    levels = max(3, round(height / 0.36))
    gap = (height - 0.05) / levels
    for i in range(levels + 1):
        piece.box((0, 0, 0.03 + i * gap), (width, depth, 0.024), body)
    for i in range(levels):
        if rng.random() < 0.8:
            row = rng.uniform(0.4, 0.97) * (width - 0.06)
            x = rng.choice([-0.5, 0.5]) * (width - 0.06 - row)
            tall = rng.uniform(0.62, 0.85) * gap
            z = 0.042 + i * gap + 0.5 * tall
            piece.box((x, -0.03, z), (row, 0.2, tall), palette.books(), casts=False)
    return piece


def desk(rng: random.Random, palette: Palette) -> Piece:
    """A desk with a screen, and sometimes a chair."""
    width, depth, height = rng.uniform(1.1, 1.6), rng.uniform(0.6, 0.75), rng.uniform(0.72, 0.75)
    piece = _slab_on_legs(rng, palette, width, depth, height)
    x = rng.uniform(-0.2, 0.2) * width
    if rng.random() < 0.5:
        piece.box((0.5 * width - 0.25, 0, 0.33), (0.4, depth - 0.08, 0.6), palette.furniture())
    tilt = rng.uniform(0.45, 0.65)
    piece.box((x, -0.1, height + 0.01), (0.22, 0.16, 0.02), palette.dark)
    piece.box((x, -0.13, height + 0.1), (0.05, 0.03, 0.18), palette.dark)
    piece.box((x, -0.1, height + 0.28), (tilt, 0.04, 0.33), palette.dark)
    piece.box((x, -0.078, height + 0.28), (tilt - 0.03, 0.005, 0.3), palette.screen(), casts=False)
    piece.box((x, 0.12, height + 0.01), (0.42, 0.14, 0.02), palette.dark)
    piece.tops[0] = (x - 0.45, 0.0, height, max(0.5 * width - abs(x) - 0.4, 0.1), 0.3 * depth)
    if rng.random() < 0.7:
        piece.add(chair(rng, palette), x, 0.5 * depth + rng.uniform(0.0, 0.25), 0.0, math.pi)
    return piece


def television(rng: random.Random, palette: Palette) -> Piece:
    """A television on a low board."""
    width, height = rng.uniform(1.2, 1.8), rng.uniform(0.4, 0.55)
    piece = _cupboard(rng, palette, width, 0.42, height)
    screen = rng.uniform(0.9, 1.25)
    tall = 0.58 * screen
    piece.box((0, 0, height + 0.03), (0.4, 0.2, 0.06), palette.dark)
    piece.box((0, 0, height + 0.06 + 0.5 * tall), (screen, 0.06, tall), palette.dark)
    face = (screen - 0.04, 0.006, tall - 0.04)
    piece.box((0, 0.033, height + 0.06 + 0.5 * tall), face, palette.screen(), casts=False)
    piece.height = height + 0.06 + tall
    piece.tops.clear()
    return piece


def kitchen(rng: random.Random, palette: Palette) -> Piece:
    """A run of 90 cm worktop, with wall cupboards."""
    width = rng.uniform(1.5, 3.0)
    piece = _cupboard(rng, palette, width, 0.6, 0.88)
    piece.box((0, 0.01, 0.9), (width + 0.02, 0.64, 0.04), palette.furniture())
    piece.tops[0] = (0.0, 0.0, 0.92, 0.5 * width, 0.25)
    if rng.random() < 0.7:
        front = palette.furniture()
        piece.box((0, -0.13, 1.78), (width, 0.34, 0.7), front)
        columns = max(2, round(width / 0.5))
        cell = width / columns
        for i in range(columns):
            x = (i + 0.5) * cell - 0.5 * width
            piece.box((x, 0.05, 1.78), (cell - 0.015, 0.02, 0.68), front, casts=False)
        piece.height = 2.13
    return piece


def fridge(rng: random.Random, palette: Palette) -> Piece:
    """A fridge of 60 by 65 cm."""
    height = rng.uniform(1.5, 2.0)
    piece = Piece(0.62, 0.66, height)
    body = palette.white if rng.random() < 0.7 else palette.metal
    piece.box((0, -0.03, 0.5 * height), (0.6, 0.58, height), body)
    split = rng.uniform(0.35, 0.65) * height
    piece.box((0, 0.29, 0.5 * split), (0.6, 0.05, split - 0.02), body)
    piece.box((0, 0.29, 0.5 * (split + height)), (0.6, 0.05, height - split - 0.02), body)
    piece.box((-0.24, 0.33, split + 0.25), (0.02, 0.03, 0.3), palette.metal, casts=False)
    return piece


def bedside(rng: random.Random, palette: Palette) -> Piece:
    """A bedside cabinet with a lamp."""
    piece = _cupboard(rng, palette, rng.uniform(0.4, 0.5), 0.4, rng.uniform(0.45, 0.6))
    x, y, z, _, _ = piece.tops.pop()
    piece.add(lamp(rng, palette), x, y, z)
    return piece


def floor_lamp(rng: random.Random, palette: Palette) -> Piece:
    """A standard lamp of 1.4 to 1.75 m."""
    height = rng.uniform(1.4, 1.75)
    piece = Piece(0.4, 0.4, height)
    piece.cylinder((0, 0, 0.015), 0.14, 0.03, palette.metal)
    piece.cylinder((0, 0, 0.5 * height), 0.016, height - 0.1, palette.metal)
    piece.cylinder((0, 0, height - 0.13), 0.2, 0.28, palette.shade(), casts=False)
    return piece


def pillar(rng: random.Random, palette: Palette) -> Piece:
    """A column from floor to ceiling."""
    size = rng.uniform(0.2, 0.4)
    piece = Piece(size, size, 3.2)
    if rng.random() < 0.5:
        piece.cylinder((0, 0, 1.6), 0.5 * size, 3.2, palette.white)
    else:
        piece.box((0, 0, 1.6), (size, size, 3.2), palette.walls())
    return piece


# Makers with their relative frequencies.
AGAINST_WALL = {
    sofa: 1.2,
    bed: 1.0,
    cabinet: 1.6,
    wardrobe: 0.9,
    bookshelf: 1.4,
    desk: 1.2,
    television: 0.8,
    kitchen: 0.7,
    fridge: 0.4,
    bedside: 0.5,
    armchair: 0.6,
    plant: 0.5,
    floor_lamp: 0.5,
}
FREE = {
    dining_table: 1.4,
    round_table: 0.7,
    coffee_table: 1.0,
    chair: 1.2,
    stool: 0.8,
    armchair: 0.7,
    cartons: 0.8,
    ball: 0.6,
    bin_: 0.6,
    plant: 0.5,
    floor_lamp: 0.4,
    pillar: 0.25,
}
