"""The materials of one room, drawn once so that its furniture belongs together."""

import random

from jaxdepth.data.rooms import textures
from jaxdepth.data.rooms.scene import Material

_WOODS = (
    (0.45, 0.29, 0.16),
    (0.58, 0.42, 0.26),
    (0.28, 0.16, 0.09),
    (0.66, 0.53, 0.37),
    (0.36, 0.24, 0.15),
    (0.50, 0.36, 0.24),
)
_WALLS = (
    (0.78, 0.76, 0.70),
    (0.80, 0.78, 0.76),
    (0.72, 0.70, 0.60),
    (0.62, 0.68, 0.72),
    (0.66, 0.72, 0.62),
    (0.76, 0.64, 0.54),
    (0.55, 0.55, 0.58),
    (0.70, 0.55, 0.45),
    (0.45, 0.55, 0.62),
)
_TILES = (
    (0.70, 0.68, 0.64),
    (0.52, 0.47, 0.42),
    (0.60, 0.38, 0.28),
    (0.38, 0.40, 0.42),
    (0.74, 0.70, 0.60),
)


class Palette:
    """Draws materials; wood, metal and the large fabrics are fixed for the room."""

    def __init__(self, rng: random.Random):
        self._rng = rng
        self.wood_tone = rng.choice(_WOODS)
        self.wood = self._wood(self.wood_tone)
        self.white = Material(textures.PLAIN, (0.78, 0.78, 0.76), gloss=0.05, seed=self._seed())
        self.metal = Material(textures.PLAIN, (0.35, 0.35, 0.37), gloss=0.3, seed=self._seed())
        self.dark = Material(textures.PLAIN, (0.05, 0.05, 0.06), gloss=0.15, seed=self._seed())
        self.trim = self.white
        if rng.random() < 0.4:
            self.trim = Material(textures.PLAIN, self.wood_tone, gloss=0.05, seed=self._seed())

    def _seed(self) -> int:
        return self._rng.randrange(1, 1 << 16)

    def colour(self, *, saturation: float = 0.6, low: float = 0.12, high: float = 0.7):
        """A random linear RGB colour."""
        rng = self._rng
        value = rng.uniform(low, high)
        hue = 6 * rng.random()
        amount = saturation * rng.random()
        pure = [min(max(abs((hue + shift) % 6 - 3) - 1, 0), 1) for shift in (0, 4, 2)]
        return tuple(value * (1 - amount + amount * channel) for channel in pure)

    def _wood(self, tone) -> Material:
        tone = tuple(c * self._rng.uniform(0.85, 1.15) for c in tone)
        return Material(
            textures.PLANKS,
            tone,
            tuple(0.35 * c for c in tone),
            scale=(self._rng.uniform(0.12, 0.3), 1.7),
            gloss=0.08,
            seed=self._seed(),
        )

    def furniture(self) -> Material:
        """The body of a cabinet or table: the room's wood, white, or paint."""
        kind = self._rng.random()
        if kind < 0.5:
            return self._wood(self.wood_tone)
        if kind < 0.75:
            return self.white
        return Material(textures.PLAIN, self.colour(saturation=0.5), gloss=0.05, seed=self._seed())

    def fabric(self) -> Material:
        """Upholstery, bedding, curtains and rugs."""
        first = self.colour(saturation=0.7, low=0.1, high=0.65)
        second = self.colour(saturation=0.6, low=0.2, high=0.75)
        (pattern,) = self._rng.choices(
            [textures.PLAIN, textures.STRIPES, textures.CHECKER, textures.MARBLE, textures.DOTS],
            [0.4, 0.18, 0.12, 0.2, 0.1],
        )
        cell = self._rng.uniform(0.08, 0.25)
        return Material(pattern, first, second, scale=(cell, cell), seed=self._seed())

    def paint(self) -> Material:
        """A small thing in one lively colour."""
        return Material(textures.PLAIN, self.colour(saturation=0.95), gloss=0.15, seed=self._seed())

    def cardboard(self) -> Material:
        """Brown cardboard."""
        return Material(textures.PLAIN, (0.45, 0.32, 0.19), seed=self._seed())

    def leaves(self) -> Material:
        """Foliage."""
        green = (0.10, self._rng.uniform(0.22, 0.38), 0.08)
        return Material(
            textures.MARBLE, green, (0.04, 0.12, 0.03), scale=(0.05, 0.05), seed=self._seed()
        )

    def books(self) -> Material:
        """A row of spines, 2 to 5 cm each."""
        return Material(
            textures.BOOKS,
            (0.3, 0.3, 0.3),
            scale=(self._rng.uniform(0.022, 0.05), 1.0),
            seed=self._seed(),
        )

    def picture(self) -> Material:
        """Coloured blocks in a frame."""
        cell = self._rng.uniform(0.1, 0.35)
        return Material(
            textures.POSTER,
            self.colour(saturation=0.9),
            (self.dark if self._rng.random() < 0.5 else self.wood).colour,
            scale=(cell, cell),
            gloss=0.1,
            seed=self._seed(),
        )

    def window(self, daylight: float) -> Material:
        """Panes of about half a metre with a view; gives off light."""
        return Material(
            textures.WINDOW,
            self.colour(saturation=0.5, low=0.15, high=0.4),
            (0.75, 0.75, 0.73),
            scale=(self._rng.uniform(0.45, 0.7), self._rng.uniform(0.5, 0.8)),
            emission=daylight,
            seed=self._seed(),
        )

    def door(self) -> Material:
        """A door with two panels."""
        colour = self.furniture().colour
        dark = tuple(0.45 * c for c in colour)
        return Material(textures.DOOR, colour, dark, gloss=0.05, seed=self._seed())

    def screen(self) -> Material:
        """A monitor or television, on or off."""
        if self._rng.random() < 0.5:
            return self.dark
        return Material(
            textures.POSTER,
            self.colour(saturation=0.9),
            (0.02, 0.02, 0.02),
            scale=(0.12, 0.12),
            emission=0.7,
            seed=self._seed(),
        )

    def shade(self) -> Material:
        """A lit lamp shade."""
        return Material(textures.PLAIN, (0.95, 0.85, 0.65), emission=1.3, seed=self._seed())

    def walls(self) -> Material:
        """Paint, wallpaper, or tiles of 20 to 40 cm."""
        tone = self._rng.uniform(0.8, 1.08)
        base = tuple(min(c * tone, 0.85) for c in self._rng.choice(_WALLS))
        second = tuple(c * self._rng.uniform(0.78, 0.92) for c in base)
        (pattern,) = self._rng.choices(
            [textures.PLAIN, textures.STRIPES, textures.DOTS, textures.TILES, textures.MARBLE],
            [0.62, 0.12, 0.05, 0.12, 0.09],
        )
        cell = self._rng.uniform(0.15, 0.3)
        if pattern == textures.TILES:
            second = (0.45, 0.44, 0.42)
        return Material(pattern, base, second, scale=(cell, cell), seed=self._seed())

    def ceiling(self) -> Material:
        """White or off-white."""
        white = self._rng.uniform(0.72, 0.85)
        return Material(
            textures.PLAIN, (white, white, white * self._rng.uniform(0.94, 1)), seed=self._seed()
        )

    def floor(self) -> Material:
        """Planks, tiles of 30 to 45 cm, a chequer or carpet."""
        kind = self._rng.random()
        if kind < 0.42:
            tone = self._rng.choice(_WOODS)
            return self._wood(tone)._replace(scale=(self._rng.uniform(0.10, 0.18), 1.3), gloss=0.1)
        base = self._rng.choice(_TILES)
        if kind < 0.72:
            cell = self._rng.uniform(0.3, 0.45)
            grout = tuple(0.5 * c for c in base)
            return Material(
                textures.TILES, base, grout, scale=(cell, cell), gloss=0.12, seed=self._seed()
            )
        if kind < 0.8:
            second = tuple(0.55 * c for c in base)
            return Material(
                textures.CHECKER, base, second, scale=(0.6, 0.6), gloss=0.12, seed=self._seed()
            )
        first = self.colour(saturation=0.35, low=0.2, high=0.5)
        second = tuple(0.7 * c for c in first)
        return Material(textures.MARBLE, first, second, scale=(0.08, 0.08), seed=self._seed())
