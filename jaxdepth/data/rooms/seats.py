"""Chairs, sofas and beds in life size.

Each maker takes a random generator and the room's `Palette` and returns a `Piece` whose back is
towards -y.
"""

import random

from jaxdepth.data.rooms.materials import Palette
from jaxdepth.data.rooms.scene import Piece


def legs(piece: Piece, width, depth, height, thickness, material) -> None:
    """Adds four legs to a top of the given width and depth."""
    x, y = 0.5 * (width - thickness) - 0.02, 0.5 * (depth - thickness) - 0.02
    for sx in (-x, x):
        for sy in (-y, y):
            piece.box((sx, sy, 0.5 * height), (thickness, thickness, height), material)


def chair(rng: random.Random, palette: Palette) -> Piece:
    """A chair: seat at 43 to 47 cm, back up to a metre."""
    width, height = rng.uniform(0.4, 0.46), rng.uniform(0.43, 0.47)
    back = rng.uniform(0.82, 1.0)
    piece = Piece(width, width, back)
    frame = palette.wood if rng.random() < 0.6 else palette.metal
    seat = palette.wood if rng.random() < 0.5 else palette.paint()
    piece.box((0, 0, height - 0.02), (width, width, 0.04), seat)
    legs(piece, width, width, height - 0.04, 0.04, frame)
    y = -0.5 * width + 0.02
    for x in (-0.5 * width + 0.02, 0.5 * width - 0.02):
        piece.box((x, y, 0.5 * (height + back)), (0.035, 0.035, back - height), frame)
    if rng.random() < 0.5:
        piece.box((0, y, 0.5 * (height + 0.12 + back)), (width, 0.025, back - height - 0.12), seat)
    else:
        for z in (back - 0.04, back - 0.2):
            piece.box((0, y, z), (width, 0.025, 0.07), seat)
    return piece


def stool(rng: random.Random, palette: Palette) -> Piece:
    """A stool or pouffe."""
    height, radius = rng.uniform(0.42, 0.65), rng.uniform(0.15, 0.2)
    piece = Piece(2 * radius, 2 * radius, height)
    if rng.random() < 0.4:
        piece.cylinder((0, 0, 0.21), 0.22, 0.42, palette.fabric())
        return piece
    piece.cylinder((0, 0, height - 0.02), radius, 0.04, palette.paint())
    legs(piece, 1.5 * radius, 1.5 * radius, height - 0.04, 0.03, palette.wood)
    return piece


def armchair(rng: random.Random, palette: Palette) -> Piece:
    """An armchair, 75 to 95 cm wide."""
    return _seat(rng, palette, rng.uniform(0.75, 0.95))


def sofa(rng: random.Random, palette: Palette) -> Piece:
    """A sofa for two or three."""
    return _seat(rng, palette, rng.uniform(1.4, 2.2))


def _seat(rng, palette: Palette, width) -> Piece:
    depth, back = rng.uniform(0.78, 0.95), rng.uniform(0.75, 0.9)
    piece = Piece(width, depth, back)
    cloth, arm = palette.fabric(), rng.uniform(0.12, 0.2)
    seat = rng.uniform(0.40, 0.45)
    piece.box((0, 0, 0.5 * (seat - 0.12)), (width, depth, seat - 0.12), cloth)
    piece.box((0, -0.5 * depth + 0.1, 0.5 * back), (width, 0.2, back), cloth)
    for x in (-0.5 * (width - arm), 0.5 * (width - arm)):
        piece.box((x, 0, 0.3), (arm, depth, 0.6), cloth)
    inner = width - 2 * arm
    cushions = max(1, round(inner / 0.65))
    for i in range(cushions):
        x = (i + 0.5) / cushions * inner - 0.5 * inner
        piece.box((x, 0.09, seat - 0.06), (inner / cushions - 0.02, depth - 0.22, 0.12), cloth)
    if rng.random() < 0.6:
        x = rng.uniform(-0.35, 0.35) * inner
        piece.box((x, -0.5 * depth + 0.27, seat + 0.2), (0.4, 0.13, 0.38), palette.fabric())
    return piece


def bed(rng: random.Random, palette: Palette) -> Piece:
    """A bed of 2 m, its head at the wall."""
    width, top = rng.choice([0.9, 1.4, 1.6, 1.8]), rng.uniform(0.42, 0.55)
    piece = Piece(width + 0.06, 2.08, 0.95)
    frame, sheet, cover = palette.furniture(), palette.white, palette.fabric()
    piece.box((0, 0, 0.15), (width + 0.04, 2.06, 0.2), frame)
    piece.box((0, -1.01, 0.5), (width + 0.06, 0.06, rng.uniform(0.8, 1.1)), frame)
    piece.box((0, 0.02, 0.5 * (0.25 + top)), (width, 2.0, top - 0.25), sheet)
    piece.box((0, 0.37, 0.5 * (0.2 + top) + 0.02), (width + 0.06, 1.35, top - 0.16), cover)
    for x in (0.0,) if width < 1.2 else (-0.25 * width, 0.25 * width):
        piece.box((x, -0.72, top + 0.06), (0.6, 0.4, 0.12), sheet if cover != sheet else cover)
    return piece
