"""Furnishing: from a random generator to a `Scene`.

The camera is chosen first: 1.15 to 1.75 m above the floor, level or looking down, with the wide
view of a first-generation Kinect. Furniture follows, most of it where the camera looks.
"""

import math
import random

import numpy as np

from jaxdepth.data.rooms import furniture, things
from jaxdepth.data.rooms.materials import Palette
from jaxdepth.data.rooms.scene import Piece, Scene, SceneBuilder, camera_matrix

# A Kinect's colour camera, 640 pixels wide, sees with this focal length.
FOCAL_PER_WIDTH = 518.9 / 640


def sample_scene(rng: random.Random, *, height: int, width: int) -> Scene:
    """Draws a room. The same generator state gives the same room at every image size.

    Args:
        rng: consumed.
        height: of the image to come, pixels; enters the intrinsics alone.
        width: of the image to come, pixels.

    Returns:
        The scene, for `jaxdepth.data.rooms.renderer.render`.
    """
    focal = FOCAL_PER_WIDTH * width * rng.uniform(0.98, 1.02)
    shift_x, shift_y = rng.uniform(-0.01, 0.01), rng.uniform(-0.01, 0.01)
    intrinsics = (
        focal,
        focal * rng.uniform(0.998, 1.002),
        0.5 * (width - 1) + shift_x * width,
        0.5 * (height - 1) + shift_y * height,
    )
    half_view = math.atan(0.55 * math.hypot(width, height) / focal)
    return _Furnisher(rng, half_view).scene(intrinsics)


def _choose(rng: random.Random, makers: dict):
    return rng.choices(list(makers), list(makers.values()))[0]


class _Furnisher:
    """A room while it is being filled."""

    def __init__(self, rng: random.Random, half_view: float):
        self.rng = rng
        short = 2.2 * (5.8 / 2.2) ** rng.random()
        long = min(short * rng.uniform(1.05, 2.0), 9.5)
        sides = (short, long) if rng.random() < 0.5 else (long, short)
        self.size = (*sides, rng.uniform(2.4, 3.0))
        self.palette = Palette(rng)
        self.taken: list[tuple[float, float, float, float]] = []
        self.on_wall: list[tuple[int, float, float, float, float]] = []
        camera = self._place_camera()
        self.builder = SceneBuilder(self.size, camera, half_view)

    def _place_camera(self) -> np.ndarray:
        rng, (lx, ly, _) = self.rng, self.size
        for _ in range(30):
            self.x, self.y = rng.uniform(0.3, lx - 0.3), rng.uniform(0.3, ly - 0.3)
            self.yaw = rng.uniform(0, 2 * math.pi)
            c, s = math.cos(self.yaw), math.sin(self.yaw)
            along_x = ((lx if c > 0 else 0) - self.x) / (c if abs(c) > 1e-6 else 1e-6)
            along_y = ((ly if s > 0 else 0) - self.y) / (s if abs(s) > 1e-6 else 1e-6)
            ahead = min(along_x, along_y)
            if ahead > rng.uniform(1.3, 5.0):
                break
        height = rng.uniform(1.15, 1.75)
        # Down far enough to see the foot of the wall ahead, some 20 degrees below the middle.
        lowest = -math.degrees(math.atan2(height, ahead)) + 20
        pitch = min(rng.gauss(-12, 6), lowest - abs(rng.gauss(0, 3)), -3)
        return camera_matrix(
            (self.x, self.y, height),
            yaw=self.yaw,
            pitch=math.radians(max(pitch, -38)),
            roll=math.radians(min(max(rng.gauss(0, 2), -5), 5)),
        )

    def scene(self, intrinsics) -> Scene:
        rng, palette = self.rng, self.palette
        walls = palette.walls()
        # Often one wall is of another kind.
        faces = [walls] * 4 + [palette.floor(), palette.ceiling()]
        if rng.random() < 0.35:
            faces[rng.randrange(4)] = palette.walls()
        self._skirting()
        for _ in range(rng.randrange(1, 3)):
            self._door()
        daylight = rng.uniform(1.2, 3.0)
        windows = [self._window(daylight) for _ in range(rng.randrange(1, 4))]
        area = self.size[0] * self.size[1]
        wanted = int(min(max(area * rng.uniform(0.3, 0.65), 3), 12))
        placed = 0
        for _ in range(4 * wanted):
            placed += self._against_wall() if rng.random() < 0.6 else self._free()
            if placed >= wanted:
                break
        if rng.random() < 0.4:
            self._rug()
        for _ in range(rng.randrange(1, 6)):
            self._picture()
        lights = self._lights(daylight, [window for window in windows if window])
        ambient = rng.uniform(0.3, 0.5) * np.array([1.0, 0.98, 0.95])
        return self.builder.build(
            faces=faces,
            lights=lights,
            ambient=ambient,
            intrinsics=intrinsics,
        )

    # Walls 0 to 3 run along y = 0, x = max, y = max, x = 0, anticlockwise.

    def _wall_length(self, wall: int) -> float:
        return self.size[wall % 2]

    def _at_wall(self, wall: int, along: float, out: float) -> tuple[float, float]:
        lx, ly, _ = self.size
        return ((along, out), (lx - out, along), (lx - along, ly - out), (out, ly - along))[wall]

    def _wall_ahead(self) -> int:
        """A wall, mostly one that the camera looks at."""
        weights = []
        for wall in range(4):
            inward = 0.5 * math.pi * (wall + 1)
            weights.append(0.15 + max(-math.cos(self.yaw - inward) + 0.35, 0))
        return self.rng.choices(range(4), weights)[0]

    def _in_view(self, x: float, y: float) -> bool:
        angle = math.atan2(y - self.y, x - self.x) - self.yaw
        return math.cos(angle) > 0.8 or self.rng.random() < 0.2

    def _wall_is_free(self, wall, low, high, bottom, top) -> bool:
        return not any(
            wall == w and low < b and a < high and bottom < t and o < top
            for w, a, b, o, t in self.on_wall
        )

    def _floor_is_free(self, box, *, clear: float = 0.45, gap: float = 0.04) -> bool:
        x0, y0, x1, y1 = box
        lx, ly, _ = self.size
        if x0 < 0 or y0 < 0 or x1 > lx or y1 > ly:
            return False
        if x0 - clear < self.x < x1 + clear and y0 - clear < self.y < y1 + clear:
            return False
        return not any(
            x0 < b1 + gap and b0 < x1 + gap and y0 < d1 + gap and d0 < y1 + gap
            for b0, d0, b1, d1 in self.taken
        )

    def _stand(self, piece: Piece, x, y, yaw) -> bool:
        """Places the piece if the floor is free and the tables can take it."""
        c, s = abs(math.cos(yaw)), abs(math.sin(yaw))
        half_x = 0.5 * (c * piece.width + s * piece.depth)
        half_y = 0.5 * (s * piece.width + c * piece.depth)
        box = (x - half_x, y - half_y, x + half_x, y + half_y)
        clear = 1.0 if piece.height > 1.0 else 0.65
        if not self._floor_is_free(box, clear=clear) or not self.builder.fits(piece):
            return False
        self.taken.append(box)
        self.builder.place(piece, x, y, yaw=yaw)
        self._set_out(piece, x, y, yaw)
        return True

    def _set_out(self, piece: Piece, x, y, yaw) -> None:
        """Small things on the piece's tops."""
        c, s = math.cos(yaw), math.sin(yaw)
        for tx, ty, z, half_x, half_y in piece.tops:
            slots = max(1, int(half_x / 0.2))
            for i in range(slots):
                if self.rng.random() > 0.55:
                    continue
                small = _choose(self.rng, things.SMALL)(self.rng, self.palette)
                px = tx + ((i + 0.5) / slots * 2 - 1) * max(half_x - 0.12, 0.0)
                py = ty + self.rng.uniform(-1, 1) * max(half_y - 0.12, 0.0)
                if self.builder.fits(small):
                    self.builder.place(
                        small,
                        x + c * px - s * py,
                        y + s * px + c * py,
                        z=z,
                        yaw=yaw + self.rng.uniform(-0.5, 0.5),
                    )

    def _against_wall(self) -> bool:
        rng, wall = self.rng, self._wall_ahead()
        length, share = self._wall_length(wall), rng.random()
        if not self._in_view(*self._at_wall(wall, share * length, 0.3)):
            return False
        piece = _choose(rng, furniture.AGAINST_WALL)(rng, self.palette)
        half = 0.5 * piece.width
        if length < piece.width + 0.1:
            return False
        along = half + 0.02 + share * (length - piece.width - 0.04)
        x, y = self._at_wall(wall, along, 0.5 * piece.depth + 0.025)
        if not self._wall_is_free(wall, along - half, along + half, 0.0, piece.height):
            return False
        if not self._stand(piece, x, y, 0.5 * math.pi * wall):
            return False
        self.on_wall.append((wall, along - half, along + half, 0.0, piece.height))
        return True

    def _free(self) -> bool:
        rng = self.rng
        reach = rng.uniform(1.2, 5.5)
        angle = self.yaw + rng.uniform(-0.6, 0.6)
        x, y = self.x + reach * math.cos(angle), self.y + reach * math.sin(angle)
        if not self._floor_is_free((x - 0.1, y - 0.1, x + 0.1, y + 0.1)):
            return False
        piece = _choose(rng, furniture.FREE)(rng, self.palette)
        straight = rng.random() < 0.5
        yaw = 0.5 * math.pi * rng.randrange(4) if straight else rng.uniform(0, 2 * math.pi)
        return self._stand(piece, x, y, yaw)

    def _hang(self, wall, along, bottom, width, height, thickness, material) -> None:
        piece = Piece(width, thickness, height)
        piece.box((0, 0, 0.5 * height), (width, thickness, height), material, casts=False)
        x, y = self._at_wall(wall, along, 0.5 * thickness)
        if self.builder.fits(piece):
            self.builder.place(piece, x, y, z=bottom, yaw=0.5 * math.pi * wall)

    def _find_span(self, width, bottom, top) -> tuple[int, float] | None:
        for _ in range(6):
            wall = self._wall_ahead()
            length = self._wall_length(wall)
            if length < width + 0.3:
                continue
            along = self.rng.uniform(0.5 * width + 0.12, length - 0.5 * width - 0.12)
            if self._wall_is_free(
                wall, along - 0.5 * width - 0.05, along + 0.5 * width + 0.05, bottom, top
            ):
                self.on_wall.append((wall, along - 0.5 * width, along + 0.5 * width, bottom, top))
                return wall, along
        return None

    def _door(self) -> None:
        width, height = self.rng.uniform(0.78, 0.92), self.rng.uniform(1.98, 2.08)
        span = self._find_span(width + 0.16, 0.0, height + 0.08)
        if span is None:
            return
        wall, along = span
        self._hang(wall, along, 0.0, width, height, 0.03, self.palette.door())
        for side in (-1, 1):
            edge = along + side * 0.5 * (width + 0.08)
            self._hang(wall, edge, 0.0, 0.08, height + 0.08, 0.05, self.palette.trim)
        self._hang(wall, along, height, width, 0.08, 0.05, self.palette.trim)
        handle = along + 0.42 * width * self.rng.choice([-1, 1])
        self._hang(wall, handle, 1.02, 0.13, 0.025, 0.08, self.palette.metal)
        x, y = self._at_wall(wall, along, 0.35)
        self.taken.append((x - 0.3, y - 0.3, x + 0.3, y + 0.3))

    def _window(self, daylight) -> tuple[int, float] | None:
        rng = self.rng
        width, sill = rng.uniform(0.8, 1.9), rng.uniform(0.8, 1.0)
        height = min(rng.uniform(1.0, 1.4), self.size[2] - sill - 0.2)
        span = self._find_span(width + 0.1, sill - 0.05, sill + height + 0.05)
        if span is None:
            return None
        wall, along = span
        self._hang(wall, along, sill, width, height, 0.03, self.palette.window(daylight))
        self._hang(wall, along, sill - 0.04, width + 0.12, 0.04, 0.14, self.palette.white)
        if rng.random() < 0.5:
            cloth, fall = self.palette.fabric(), rng.uniform(0.25, 0.4)
            low = 0.05 if rng.random() < 0.4 else sill - 0.1
            top = min(sill + height + 0.12, self.size[2] - 0.02)
            for side in (-1, 1):
                edge = along + side * (0.5 * width + 0.3 * fall)
                self._hang(wall, edge, low, fall, top - low, 0.1, cloth)
        elif rng.random() < 0.6:
            self._hang(wall, along, 0.12, 0.8 * width, 0.55, 0.1, self.palette.white)
        return span

    def _picture(self) -> None:
        rng = self.rng
        width, height = rng.uniform(0.3, 1.1), rng.uniform(0.3, 0.8)
        bottom = rng.uniform(1.15, 1.5)
        if bottom + height > self.size[2] - 0.15:
            return
        span = self._find_span(width, bottom, bottom + height)
        if span is not None:
            wall, along = span
            self._hang(wall, along, bottom, width, height, 0.025, self.palette.picture())

    def _rug(self) -> None:
        rng = self.rng
        width, depth = rng.uniform(1.2, 2.4), rng.uniform(0.9, 1.7)
        reach = rng.uniform(1.2, 3.5)
        x, y = self.x + reach * math.cos(self.yaw), self.y + reach * math.sin(self.yaw)
        rug = Piece(width, depth, 0.012)
        rug.box((0, 0, 0.006), (width, depth, 0.012), self.palette.fabric(), casts=False)
        if self.builder.fits(rug):
            self.builder.place(rug, x, y, yaw=rng.uniform(0, math.pi))

    def _skirting(self) -> None:
        if self.rng.random() < 0.6:
            high = self.rng.uniform(0.06, 0.1)
            for wall in range(4):
                length = self._wall_length(wall)
                self._hang(wall, 0.5 * length, 0.0, length, high, 0.015, self.palette.trim)

    def _lights(self, daylight, windows) -> list[tuple[float, ...]]:
        rng, (lx, ly, lz) = self.rng, self.size
        lights = []
        strength = rng.uniform(0.28, 0.4) * math.sqrt(lx * ly) + 0.8
        for i in range(rng.randrange(1, 3)):
            x = lx * (0.5 + rng.uniform(-0.15, 0.15) + (0.22 * (2 * i - 1) if lx > ly else 0))
            y = ly * (0.5 + rng.uniform(-0.15, 0.15) + (0.22 * (2 * i - 1) if ly >= lx else 0))
            drop = rng.uniform(0.12, 0.6)
            warm = rng.uniform(0.75, 1.0)
            colour = strength * np.array([1.0, 0.5 + 0.5 * warm, warm])
            lights.append((x, y, lz - drop - 0.18, *colour, 0.1))
            shade = Piece(0.4, 0.4, 0.2)
            if rng.random() < 0.5:
                shade.sphere((0, 0, 0), 0.13, self.palette.shade(), casts=False)
            else:
                shade.cylinder((0, 0, 0), 0.18, 0.14, self.palette.shade(), casts=False)
            shade.cylinder((0, 0, 0.5 * drop), 0.008, drop, self.palette.dark, casts=False)
            if self.builder.fits(shade):
                self.builder.place(shade, x, y, z=lz - drop)
        if windows:
            wall, along = windows[0]
            x, y = self._at_wall(wall, along, 0.25)
            colour = daylight * rng.uniform(0.7, 1.2) * np.array([0.9, 0.97, 1.0])
            lights.append((x, y, 1.5, *colour, 0.2))
        return lights
