"""What a dataset says of itself: which frames are in its splits, and how each is read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.frame import Frame


class Item(NamedTuple):
    """A frame that can be read when its turn comes, here or in another process.

    Attributes:
        name: unique in its dataset; what a report calls it.
        read: makes the frame; raises a `DataError` that names the file at fault. A module's
            function with its arguments (`functools.partial`), so that it can be pickled.
        files: files that must exist, as far as that can be known beforehand.
        image_file: the file whose picture is the frame's image, unchanged; None if there is none.
    """

    name: str
    read: Callable[[], Frame]
    files: tuple[Path, ...] = ()
    image_file: Path | None = None


class Plan(NamedTuple):
    """What will be prepared.

    Attributes:
        splits: for each split its frames, in the order in which they are stored.
        variant: names one of several forms of a dataset; "" where it has one.
        facts: what decides the content beside the files, for the dataset's metadata.
        raw_depth: whether frames have depth from before its holes were filled.
        intrinsics: whether frames have intrinsics.
        depth_size: height and width of every depth map, where it covers the image in another size.
        fill: how holes are filled once a frame is read, see `filled`; "" = not at all.
    """

    splits: Mapping[str, Sequence[Item]]
    variant: str = ""
    facts: Mapping[str, Any] = {}
    raw_depth: bool = False
    intrinsics: bool = True
    depth_size: tuple[int, int] | None = None
    fill: str = ""


class Option(NamedTuple):
    """A setting of a dataset; `name` is that of the flag and of the plan's argument."""

    name: str
    help: str
    default: Any = None
    kind: Callable[[str], Any] = str
    choices: tuple[str, ...] | None = None


class Dataset(NamedTuple):
    """A dataset that can be prepared.

    Attributes:
        name: under which it is prepared and opened.
        splits: its splits and their counts, in words.
        source: what `--source` has to hold, in words.
        example: arguments of a typical preparation, after the name.
        training: arguments of train.py that train on it, but for its variant and its folder.
        plan: makes the plan: `plan(source, *, verify, **options)`. With `verify`, counts and
            checksums that do not match the published ones are a `DataError`.
        options: the keyword arguments of `plan` beside `verify`.
        holes: whether its depth has holes that may be filled, see `filled`.
    """

    name: str
    splits: str
    source: str
    example: str
    training: str
    plan: Callable[..., Plan]
    options: tuple[Option, ...] = ()
    holes: bool = False

    def command(self, data_dir: FilePath | None = None) -> str:
        """A command line that prepares it, such as a user may copy."""
        where = f" --data_dir={data_dir}" if data_dir else ""
        return f"python -m jaxdepth.data prepare {self.name or 'NAME'} {self.example}{where}"
