"""Small things in life size: those on tables and those that stand about on the floor.

Each maker takes a random generator and the room's `Palette` and returns a `Piece`.
"""

import random

from jaxdepth.data.rooms.materials import Palette
from jaxdepth.data.rooms.scene import Piece


def lamp(rng: random.Random, palette: Palette) -> Piece:
    """A table lamp."""
    height = rng.uniform(0.32, 0.5)
    piece = Piece(0.25, 0.25, height)
    piece.cylinder((0, 0, 0.01), 0.07, 0.02, palette.metal)
    piece.cylinder((0, 0, 0.5 * height), 0.015, height - 0.05, palette.metal)
    piece.cylinder((0, 0, height - 0.08), 0.12, 0.16, palette.shade(), casts=False)
    return piece


def vase(rng: random.Random, palette: Palette) -> Piece:
    """A vase, a bottle or a mug."""
    radius, height = rng.uniform(0.035, 0.08), rng.uniform(0.09, 0.3)
    piece = Piece(2 * radius, 2 * radius, height)
    piece.cylinder((0, 0, 0.5 * height), radius, height, palette.paint())
    return piece


def bowl(rng: random.Random, palette: Palette) -> Piece:
    """Fruit, or a small ball."""
    radius = rng.uniform(0.04, 0.1)
    piece = Piece(2 * radius, 2 * radius, 2 * radius)
    piece.sphere((0, 0, radius), radius, palette.paint())
    return piece


def book_stack(rng: random.Random, palette: Palette) -> Piece:
    """A few books lying on each other."""
    piece, z = Piece(0.25, 0.18, 0.0), 0.0
    for _ in range(rng.randrange(1, 5)):
        tall = rng.uniform(0.02, 0.05)
        size = (rng.uniform(0.18, 0.25), rng.uniform(0.13, 0.18), tall)
        piece.box((0, 0, z + 0.5 * tall), size, palette.paint())
        z += tall
    return piece


def parcel(rng: random.Random, palette: Palette) -> Piece:
    """A small box."""
    width, depth, height = (rng.uniform(0.1, 0.3) for _ in range(3))
    piece = Piece(width, depth, height)
    material = palette.cardboard() if rng.random() < 0.5 else palette.fabric()
    piece.box((0, 0, 0.5 * height), (width, depth, height), material)
    return piece


def plant(rng: random.Random, palette: Palette) -> Piece:
    """A plant in a pot."""
    pot, height = rng.uniform(0.12, 0.2), rng.uniform(0.25, 0.4)
    crown = rng.uniform(0.2, 0.32)
    piece = Piece(2 * crown, 2 * crown, height + 2.5 * crown)
    piece.cylinder((0, 0, 0.5 * height), pot, height, palette.paint())
    piece.cylinder((0, 0, height + 0.5 * crown), 0.02, 1.2 * crown, palette.wood)
    leaves = palette.leaves()
    for _ in range(rng.randrange(3, 6)):
        x, y = (crown * rng.uniform(-0.45, 0.45) for _ in range(2))
        z = height + rng.uniform(0.8, 1.8) * crown
        piece.sphere((x, y, z), crown * rng.uniform(0.4, 0.62), leaves)
    return piece


def cartons(rng: random.Random, palette: Palette) -> Piece:
    """One to three cardboard boxes on each other."""
    width, depth = rng.uniform(0.35, 0.6), rng.uniform(0.3, 0.45)
    piece, z = Piece(width, depth, 0.0), 0.0
    for _ in range(rng.randrange(1, 4)):
        tall, shrink = rng.uniform(0.22, 0.4), rng.uniform(0.8, 1.0)
        size = (shrink * width, shrink * depth, tall)
        piece.box((0, 0, z + 0.5 * tall), size, palette.cardboard())
        z += tall
    piece.height = z
    return piece


def ball(rng: random.Random, palette: Palette) -> Piece:
    """A football or an exercise ball."""
    radius = 0.11 if rng.random() < 0.6 else rng.uniform(0.25, 0.33)
    piece = Piece(2 * radius, 2 * radius, 2 * radius)
    piece.sphere((0, 0, radius), radius, palette.fabric())
    return piece


def bin_(rng: random.Random, palette: Palette) -> Piece:
    """A waste bin."""
    radius, height = rng.uniform(0.12, 0.18), rng.uniform(0.28, 0.6)
    piece = Piece(2 * radius, 2 * radius, height)
    piece.cylinder((0, 0, 0.5 * height), radius, height, palette.paint())
    return piece


# What stands on tables, with relative frequencies.
SMALL = {lamp: 0.6, vase: 1.2, bowl: 0.8, book_stack: 1.0, parcel: 1.0}
