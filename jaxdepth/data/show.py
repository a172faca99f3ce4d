"""A dataset on one sheet: some examples, and its colours."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from jaxdepth.data.ahead import map_ahead
from jaxdepth.data.check import depth_names
from jaxdepth.data.images import FilePath, colorize
from jaxdepth.errors import ConfigError, DataError

SUFFIXES = (".png", ".pdf", ".svg")
_CHANNELS = ("#d55e00", "#009e73", "#0072b2")  # red, green, blue that most eyes tell apart


def color_histograms(images) -> np.ndarray:
    """Per-channel histograms of images, normalised (Kim et al. 2018, Figure 13).

    Args:
        images: uint8 `[h, w, 3]` each, of any sizes.

    Returns:
        `[3, 256]`: for red, green and blue, each value's part of all pixels.
    """
    counts = np.zeros((3, 256), np.int64)
    for image in images:
        counts += [np.bincount(image[..., c].ravel(), minlength=256) for c in range(3)]
    return counts / counts.sum(axis=1, keepdims=True)


def draw_sheet(
    builder: tfds.core.DatasetBuilder,
    file: FilePath,
    *,
    split: str = "",
    depth: str = "depth",
    examples: int = 4,
    limit: int = 1000,
) -> None:
    """Writes a picture: per example its image, depth, validity and depth's histogram; then colours.

    Args:
        builder: from `open_builder`.
        file: to write, a PNG, PDF or SVG by its suffix.
        split: which; by default the training split or, without one, the first.
        depth: which of the depth maps.
        examples: how many are shown, evenly spread over the split.
        limit: how many images at most, evenly spread, the colour histograms are made of.

    Raises:
        ConfigError: the suffix, split or depth is unknown, or matplotlib is not installed.
        DataError: an example cannot be read.
    """
    if Path(file).suffix.lower() not in SUFFIXES:
        raise ConfigError(f"--out must name a {', '.join(SUFFIXES)} file, got {file}")
    split = split or min(builder.info.splits, key=lambda name: name != "train")
    if split not in builder.info.splits:
        raise ConfigError(f"no split {split!r}: choose from {', '.join(builder.info.splits)}")
    if depth not in builder.info.features:
        names = depth_names(builder.info.features)
        raise ConfigError(f"no depth {depth!r}: choose from {', '.join(names)}")
    records = _Records(builder, split)
    examples = min(examples, len(records))
    figure = _new_figure(examples + 1)
    grid = figure.add_gridspec(examples + 1, 4)
    for row, index in enumerate(_spread(len(records), examples)):
        cells = [figure.add_subplot(grid[row, column]) for column in range(4)]
        _draw_example(figure, cells, records[index], f"{split}[{index}]", depth)
    chosen = _spread(len(records), min(limit, len(records)))
    histograms = color_histograms(map_ahead(lambda i: np.asarray(records[i]["image"]), chosen))
    axes = figure.add_subplot(grid[examples, :])
    for values, color, label in zip(histograms, _CHANNELS, ("red", "green", "blue"), strict=True):
        axes.plot(values, color=color, label=label)
    # Black and burnt-out pixels are often so many that nothing else would be seen.
    top = 1.2 * histograms[:, 1:-1].max() or None
    axes.set(xlim=(0, 255), ylim=(0, top), xlabel="value", ylabel="part of all pixels")
    axes.set_title(f"colours of {len(chosen)} of {len(records)} images", fontsize="medium")
    axes.legend(frameon=False)
    figure.suptitle(f"{builder.info.full_name}, {split}")
    figure.savefig(file, bbox_inches="tight")


def _draw_example(figure, cells, record: dict[str, Any], name: str, key: str) -> None:
    metres = np.asarray(record[key], np.float32)
    valid = np.isfinite(metres) & (metres > 0)
    image = np.asarray(record["image"])
    # Depth that covers the image in another size is drawn over the same area.
    area = (0, image.shape[1], image.shape[0], 0)
    cells[0].imshow(image)
    cells[0].set_title(name, fontsize="medium")
    cells[1].imshow(colorize(metres), extent=area, interpolation="nearest")
    cells[2].imshow(valid, extent=area, interpolation="nearest", cmap="gray", vmin=0, vmax=1)
    cells[2].set_title(f"valid: {100 * valid.mean():.1f} %", fontsize="medium")
    for axes in cells[:3]:
        axes.set(xticks=[], yticks=[])
    values = metres[valid]
    if values.size:
        cells[1].set_title(
            f"{values.min():.2f} (bright) to {values.max():.2f} m", fontsize="medium"
        )
        cells[3].hist(values, bins=64, color="0.4")
    cells[3].set(xlabel="depth in m", yticks=[])


class _Records:
    """A split's examples; one that cannot be read is a `DataError`."""

    def __init__(self, builder: tfds.core.DatasetBuilder, split: str):
        self._where = f"{builder.data_path}, {split}"
        with self._named("files"):
            self._records = builder.as_data_source(split=split)

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> dict[str, Any]:
        with self._named(f"example {index}"):
            return self._records[index]

    @contextlib.contextmanager
    def _named(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # files that are missing or damaged raise many kinds
            raise DataError(
                f"{self._where}: {what} cannot be read ({error}); prepare the dataset again"
            ) from error


def _spread(total: int, count: int) -> list[int]:
    return [(2 * i + 1) * total // (2 * count) for i in range(count)]


def _new_figure(rows: int):
    try:
        import matplotlib.backends.backend_agg
        import matplotlib.figure
    except ImportError as error:
        raise ConfigError(
            'pictures of datasets need matplotlib: install it by `pip install "jaxdepth[plots]"`.'
        ) from error
    figure = matplotlib.figure.Figure(figsize=(11, 2.2 * rows), dpi=110, layout="constrained")
    matplotlib.backends.backend_agg.FigureCanvasAgg(figure)
    return figure
