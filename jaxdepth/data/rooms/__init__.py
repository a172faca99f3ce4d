"""An embedded RGB-D dataset of furnished rooms, rendered on this machine in about a minute.

- `prepare_rooms`: the dataset, rendered unless it is already there, as a TensorFlow Datasets
  builder.
- `RoomsConfig`, `Rooms`: its sizes and counts; the builder class, whose docstring says what an
  example holds.
- `render_scene`: one scene as NumPy arrays, without any dataset.
- `scene_planes`: where its walls, floor and ceiling are seen, and their planes.
"""

from jaxdepth.data.rooms.builder import Rooms, RoomsConfig, prepare_rooms
from jaxdepth.data.rooms.generate import render_scene
from jaxdepth.data.rooms.planes import Planes, scene_planes

__all__ = ["Planes", "Rooms", "RoomsConfig", "prepare_rooms", "render_scene", "scene_planes"]
