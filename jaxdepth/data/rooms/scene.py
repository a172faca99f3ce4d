"""What a room is made of: solids, surfaces, lights and a camera, as plain NumPy arrays.

World frame: metres, x and y along the floor, z up; the floor is z = 0 and the room is the box
[0, size x] × [0, size y] × [0, size z]. Camera frame: x right, y down, z forward. Pixel (0, 0) has
its centre at image coordinates (0, 0), so an image spans [-0.5, width - 0.5].
"""

import math
from typing import NamedTuple

import numpy as np

MAX_BOXES = 192
MAX_TURNED = 96
MAX_CYLINDERS = 48
MAX_SPHERES = 32
MAX_LIGHTS = 3

# Rows of `Scene.surfaces`: boxes, then turned boxes, then cylinders, then spheres, then the
# six faces of the room.
FIRST_TURNED = MAX_BOXES
FIRST_CYLINDER = FIRST_TURNED + MAX_TURNED
FIRST_SPHERE = FIRST_CYLINDER + MAX_CYLINDERS
FIRST_FACE = FIRST_SPHERE + MAX_SPHERES
NUM_SURFACES = FIRST_FACE + 6

# Order of the room's faces.
WALL_X0, WALL_X1, WALL_Y0, WALL_Y1, FLOOR, CEILING = range(6)


class Material(NamedTuple):
    """How a surface looks: a pattern of `jaxdepth.data.rooms.textures` in two colours.

    Colours are linear RGB reflectances in [0, 1]; `scale` is the pattern's cell (u, v) in metres;
    `emission` is the radiance that the surface gives off by itself, times its colour.
    """

    pattern: int
    colour: tuple[float, float, float]
    second: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: tuple[float, float] = (1.0, 1.0)
    gloss: float = 0.0
    emission: float = 0.0
    seed: int = 0

    def row(self) -> tuple[float, ...]:
        """The material as one row of `Scene.surfaces`."""
        return (
            self.pattern,
            *self.scale,
            self.gloss,
            self.emission,
            self.seed,
            *self.colour,
            *self.second,
        )


class Scene(NamedTuple):
    """One room, as the renderer takes it. The arrays have the same shapes for every scene.

    Solids that cast shadows come first in each table: `counts[:, 0]` of them, out of
    `counts[:, 1]` solids in all; rows beyond are unused.
    """

    room: np.ndarray
    """float32 `[3]`: the room's size in metres."""
    boxes: np.ndarray
    """float32 `[MAX_BOXES, 6]`: centre, half size; along the axes of the world."""
    turned: np.ndarray
    """float32 `[MAX_TURNED, 8]`: as `boxes`, then cosine and sine of the turn about z."""
    cylinders: np.ndarray
    """float32 `[MAX_CYLINDERS, 5]`: centre, radius, half height; upright."""
    spheres: np.ndarray
    """float32 `[MAX_SPHERES, 4]`: centre, radius."""
    counts: np.ndarray
    """int32 `[4, 2]`: of boxes, turned, cylinders, spheres: those that cast shadows, all."""
    surfaces: np.ndarray
    """float32 `[NUM_SURFACES, 12]`: one `Material.row` for each solid and face of the room."""
    lights: np.ndarray
    """float32 `[MAX_LIGHTS, 7]`: position, linear RGB power, radius."""
    ambient: np.ndarray
    """float32 `[3]`: linear RGB light from everywhere."""
    camera: np.ndarray
    """float32 `[4, 3]`: position, then the camera's x, y and z axes in the world."""
    intrinsics: np.ndarray
    """float32 `[4]`: fx, fy, cx, cy in pixels."""


def camera_matrix(
    position: tuple[float, float, float], *, yaw: float, pitch: float, roll: float
) -> np.ndarray:
    """The camera's position and axes, as `Scene.camera` holds them.

    Args:
        position: in metres, world frame.
        yaw: direction of view on the floor, radians from the world's x axis towards y.
        pitch: radians, positive upwards.
        roll: radians, positive clockwise as seen from behind the camera.

    Returns:
        float32 `[4, 3]`.
    """
    forward = np.array(
        [
            math.cos(pitch) * math.cos(yaw),
            math.cos(pitch) * math.sin(yaw),
            math.sin(pitch),
        ]
    )
    level = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    below = np.cross(forward, level)
    right = math.cos(roll) * level + math.sin(roll) * below
    down = math.cos(roll) * below - math.sin(roll) * level
    return np.stack([np.asarray(position, float), right, down, forward]).astype(np.float32)


class _Solid(NamedTuple):
    shape: tuple[float, ...]
    material: Material
    casts: bool


class Piece:
    """A piece of furniture: solids about its own origin, which is on the floor at its middle.

    Its back is towards -y and its front towards +y. `width` (x) and `depth` (y) bound it on the
    floor, `height` above; `tops` are the places where small things can stand, as
    (x, y, z, half width, half depth).
    """

    def __init__(self, width: float, depth: float, height: float):
        self.width, self.depth, self.height = width, depth, height
        self.boxes: list[_Solid] = []
        self.cylinders: list[_Solid] = []
        self.spheres: list[_Solid] = []
        self.tops: list[tuple[float, float, float, float, float]] = []

    def box(self, centre, size, material: Material, *, casts: bool = True) -> None:
        """Adds a box by its centre and full size."""
        half = tuple(0.5 * side for side in size)
        self.boxes.append(_Solid((*centre, *half), material, casts))

    def cylinder(self, centre, radius: float, height: float, material, *, casts=True) -> None:
        """Adds an upright cylinder by its centre, radius and full height."""
        self.cylinders.append(_Solid((*centre, radius, 0.5 * height), material, casts))

    def sphere(self, centre, radius: float, material, *, casts=True) -> None:
        """Adds a sphere."""
        self.spheres.append(_Solid((*centre, radius), material, casts))

    def add(self, other: "Piece", x: float, y: float, z: float, yaw: float = 0.0) -> None:
        """Adds the upright solids of another piece, standing at (x, y, z).

        Boxes keep to this piece's axes, so `yaw` must be a multiple of π/2.
        """
        c, s = math.cos(yaw), math.sin(yaw)
        swap = abs(s) > 0.5
        for kind in ("boxes", "cylinders", "spheres"):
            for shape, material, casts in getattr(other, kind):
                px, py, pz, *rest = shape
                if kind == "boxes" and swap:
                    rest = [rest[1], rest[0], rest[2]]
                moved = (x + c * px - s * py, y + s * px + c * py, z + pz, *rest)
                getattr(self, kind).append(_Solid(moved, material, casts))


class SceneBuilder:
    """Collects placed pieces; `build` packs them into a `Scene`.

    Pieces that the camera cannot see are left out, and with them the shadows that they would cast
    into view: half the work for a difference that no one sees.
    """

    def __init__(self, room: tuple[float, float, float], camera: np.ndarray, half_view: float):
        """Starts an empty room.

        Args:
            room: its size in metres.
            camera: see `camera_matrix`.
            half_view: angle from the camera's axis to the image's corners, radians.
        """
        self.room, self.camera = room, camera
        self._eye, self._forward = camera[0].tolist(), camera[3].tolist()
        self._cone = math.cos(half_view), math.sin(half_view)
        self.boxes: list[_Solid] = []
        self.turned: list[_Solid] = []
        self.cylinders: list[_Solid] = []
        self.spheres: list[_Solid] = []

    def fits(self, piece: Piece) -> bool:
        """Whether the tables have room for this piece."""
        return (
            len(self.boxes) + len(piece.boxes) <= MAX_BOXES
            and len(self.turned) + len(piece.boxes) <= MAX_TURNED
            and len(self.cylinders) + len(piece.cylinders) <= MAX_CYLINDERS
            and len(self.spheres) + len(piece.spheres) <= MAX_SPHERES
        )

    def place(self, piece: Piece, x: float, y: float, *, z: float = 0.0, yaw: float = 0.0) -> None:
        """Stands a piece at (x, y, z), turned by `yaw` radians about the vertical."""
        radius = 0.5 * math.hypot(piece.width, piece.depth, piece.height) + 0.1
        if not self._sees((x, y, z + 0.5 * piece.height), radius):
            return
        c, s = math.cos(yaw), math.sin(yaw)
        for kind in ("boxes", "cylinders", "spheres"):
            for shape, material, casts in getattr(piece, kind):
                px, py, pz, *rest = shape
                moved = (x + c * px - s * py, y + s * px + c * py, z + pz, *rest)
                target = getattr(self, kind)
                if kind == "boxes" and abs(s) > 1 - 1e-9:
                    moved = (*moved[:3], moved[4], moved[3], moved[5])
                elif kind == "boxes" and abs(c) < 1 - 1e-9:
                    moved, target = (*moved, c, s), self.turned
                target.append(_Solid(moved, material, casts))

    def _sees(self, centre, radius: float) -> bool:
        """Whether a sphere reaches into the cone of view."""
        p = [a - b for a, b in zip(centre, self._eye, strict=True)]
        ahead = sum(a * b for a, b in zip(p, self._forward, strict=True))
        aside = math.sqrt(max(sum(a * a for a in p) - ahead * ahead, 0.0))
        cosine, sine = self._cone
        return aside * cosine - ahead * sine < radius and ahead > -radius

    def build(self, *, faces, lights, ambient, intrinsics) -> Scene:
        """Packs everything into arrays.

        Args:
            faces: six materials in the order `WALL_X0` ... `CEILING`.
            lights: at most `MAX_LIGHTS` rows of position, linear RGB power, radius.
            ambient: linear RGB.
            intrinsics: fx, fy, cx, cy in pixels.
        """
        surfaces = np.zeros((NUM_SURFACES, 12), np.float32)
        counts = np.zeros((4, 2), np.int32)
        tables = []
        kinds = (
            (self.boxes, MAX_BOXES, 6, 0),
            (self.turned, MAX_TURNED, 8, FIRST_TURNED),
            (self.cylinders, MAX_CYLINDERS, 5, FIRST_CYLINDER),
            (self.spheres, MAX_SPHERES, 4, FIRST_SPHERE),
        )
        for kind, (solids, room_for, columns, first) in enumerate(kinds):
            solids = sorted(solids, key=lambda solid: not solid.casts)
            table = np.ones((room_for, columns), np.float32)
            if solids:
                table[: len(solids)] = [solid.shape for solid in solids]
                surfaces[first : first + len(solids)] = [solid.material.row() for solid in solids]
            counts[kind] = sum(solid.casts for solid in solids), len(solids)
            tables.append(table)
        surfaces[FIRST_FACE:] = [face.row() for face in faces]
        light_table = np.zeros((MAX_LIGHTS, 7), np.float32)
        light_table[: len(lights)] = lights
        return Scene(
            room=np.asarray(self.room, np.float32),
            boxes=tables[0],
            turned=tables[1],
            cylinders=tables[2],
            spheres=tables[3],
            counts=counts,
            surfaces=surfaces,
            lights=light_table,
            ambient=np.asarray(ambient, np.float32),
            camera=np.asarray(self.camera, np.float32),
            intrinsics=np.asarray(intrinsics, np.float32),
        )
