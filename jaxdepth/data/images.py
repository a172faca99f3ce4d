"""Images and depth maps: reading, writing, resizing and colouring.

An image is `[H, W, 3]` uint8, red first. A depth map is `[H, W]` float32 in metres, 0 where there
is no measurement. Every file that cannot be read or written is a `DataError` that names it. Files
are written whole: a reader sees the old content or the new, never a part.
"""

import io
import logging
import os
import secrets
import warnings
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from jaxtyping import Bool, Float, Num, Shaped, UInt8
from PIL import Image, ImageOps

from jaxdepth.errors import ConfigError, DataError

FilePath = str | os.PathLike[str]

NO_DEPTH_COLOR = (128, 128, 128)
"""What `colorize` paints where there is no depth: a grey that the colour map does not contain."""

MAX_PIXELS = Image.MAX_IMAGE_PIXELS
"""A file that claims more is refused before it is decoded: a small one can fill the memory."""

# For the whole process, as threads would undo each other's filters. What Pillow says beside errors,
# such as of damaged notes beside the pixels, is an error afterwards or does not matter.
warnings.filterwarnings("ignore", module=r"PIL\.")
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
logging.getLogger("PIL").setLevel(logging.CRITICAL)

_GREY_MODES = {"L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}


def read_image(path: FilePath) -> UInt8[np.ndarray, "height width 3"]:
    """Reads an image file in any format that Pillow knows, turned upright as its EXIF data say.

    Grey becomes three equal channels, 16 bits become 8 (value / 257, rounded), transparency is laid
    over white, a palette is looked up, and of several frames the first is read.

    Raises:
        DataError: the file is missing, empty, damaged, cut short, no image, or of 32-bit or
            floating-point pixels, which have no defined white.
    """
    image = _open(path, "image")
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise DataError(
            f"cannot read the image {path}: its pixels are 32-bit numbers; "
            "save it with 8 or 16 bits a channel"
        )
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        grey = np.rint(np.asarray(image) / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=-1)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def read_depth(
    path: FilePath, *, scale: float | int, invalid_values: Sequence[float | int] = ()
) -> Float[np.ndarray, "height width"]:
    """Reads a depth map: 8-, 16- or 32-bit PNG, TIFF or PGM of one channel, or a NumPy array.

    Args:
        path: the file. `.npy` holds `[H, W]` numbers, a channel axis of 1 allowed; `.npz` one such
            array, under any name; all else is an image. A PGM keeps its values whatever its
            maximum is.
        scale: file units in a metre: 1000 for millimetres, 1 for metres.
        invalid_values: values of the file, before scaling, that mean "no measurement" beside 0,
            negative and non-finite ones; such as 65535.

    Returns:
        Metres, float32, value / scale; 0 = no measurement.

    Raises:
        DataError: the file is missing, empty, damaged, cut short, or not of one channel.
        ConfigError: the scale is not positive and finite.
    """
    if not 0 < scale < np.inf:
        raise ConfigError(
            "a depth scale is the number of file units in a metre, such as 1000 for millimetres, "
            f"got {scale}"
        )
    path = Path(path)
    values = _read_array(path) if path.suffix.lower() in (".npy", ".npz") else _read_grey(path)
    valid = np.ones(values.shape, bool)
    for invalid in invalid_values:
        valid &= values != invalid
    with np.errstate(over="ignore", invalid="ignore"):
        depth = (values.astype(np.float64) / scale).astype(np.float32)
    return np.where(valid & np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def read_ground_truth(
    path: FilePath, *, scale: float | int, invalid_values: Sequence[float | int] = ()
) -> Float[np.ndarray, "height width"]:
    """Reads a depth map as `read_depth` does, and refuses one without any measurement.

    Raises:
        DataError: also if every pixel is 0, negative, non-finite or an invalid value.
        ConfigError: the scale is not positive and finite.
    """
    depth = read_depth(path, scale=scale, invalid_values=invalid_values)
    if not depth.any():
        raise DataError(
            f"the depth map {path} has no valid pixel: all are 0, negative or not finite; "
            "replace the file or take its pair out of the folder"
        )
    return depth


def encode_png(rgb: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """An image as PNG, compressed for speed rather than size."""
    blob = io.BytesIO()
    Image.fromarray(rgb).save(blob, "PNG", compress_level=3)
    return blob.getvalue()


def write_image(path: FilePath, rgb: UInt8[np.ndarray, "height width 3"]) -> None:
    """Writes an image as PNG or, for the suffix `.jpg` or `.jpeg`, as JPEG of quality 95.

    Raises:
        DataError: the suffix is another, or the file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".jpg", ".jpeg"):
        raise DataError(f"cannot write the image {path}: its name must end in .png, .jpg or .jpeg")
    blob = io.BytesIO()
    Image.fromarray(rgb).save(blob, "PNG" if suffix == ".png" else "JPEG", quality=95)
    write_file(path, blob.getvalue())


def write_depth_png(path: FilePath, depth: Float[np.ndarray, "height width"]) -> None:
    """Writes depth (metres) as a 16-bit PNG of millimetres, rounded; read it with `scale=1000`.

    What is negative or not finite becomes 0, no measurement; what is beyond 65.535 m becomes that.

    Raises:
        DataError: the file cannot be written.
    """
    metres = np.where(np.isfinite(depth), depth, 0).astype(np.float64)
    millimetres = np.clip(np.rint(1000 * metres), 0, 65535).astype(np.uint16)
    blob = io.BytesIO()
    Image.fromarray(millimetres).save(blob, "PNG")
    write_file(path, blob.getvalue())


def write_depth_npy(path: FilePath, depth: Float[np.ndarray, "height width"]) -> None:
    """Writes depth (metres) as a float32 `.npy`, values unchanged; read it with `scale=1`.

    Raises:
        DataError: the file cannot be written.
    """
    blob = io.BytesIO()
    np.save(blob, np.asarray(depth, np.float32), allow_pickle=False)
    write_file(path, blob.getvalue())


def colorize(
    depth: Num[np.ndarray, "height width"],
    *,
    vmin: float | int | None = None,
    vmax: float | int | None = None,
    mask: Bool[np.ndarray, "height width"] | None = None,
) -> UInt8[np.ndarray, "height width 3"]:
    """A picture of a depth map in OpenCV's "inferno" colours: near bright, far dark.

    Args:
        depth: metres; 0, negative or non-finite = no measurement, painted `NO_DEPTH_COLOR`.
        vmin: depth of the brightest colour, metres; by default the smallest there is.
        vmax: depth of the darkest colour, metres; by default the largest there is.
        mask: false where depth is to be left out too.

    Returns:
        RGB. Depth beyond `vmin` and `vmax` takes the colour of the nearer end.
    """
    valid = np.isfinite(depth) & (depth > 0)
    if mask is not None:
        valid &= mask
    values = depth[valid].astype(np.float64)
    if values.size:
        vmin = values.min() if vmin is None else vmin
        vmax = values.max() if vmax is None else vmax
        values = (values - vmin) / max(vmax - vmin, np.finfo(np.float32).tiny)
    levels = np.zeros(depth.shape, np.uint8)
    levels[valid] = np.rint(255 * (1 - np.clip(values, 0, 1)))
    bgr = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    return np.where(valid[..., None], bgr[..., ::-1], np.uint8(NO_DEPTH_COLOR))


def resize_image(
    image: Num[np.ndarray, "height width 3"], size: tuple[int, int]
) -> Num[np.ndarray, "new_height new_width 3"]:
    """Resizes an image (uint8 or float32) to `size`, height and width.

    An axis that shrinks is averaged over the area of each new pixel, then one that grows is
    interpolated bilinearly; pixel centres are at half-integers.
    """
    shrunk = tuple(min(new, old) for new, old in zip(size, image.shape[:2], strict=True))
    image = cv2.resize(image, shrunk[::-1], interpolation=cv2.INTER_AREA)
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


def resize_depth(
    depth: Shaped[np.ndarray, "height width"], size: tuple[int, int]
) -> Shaped[np.ndarray, "new_height new_width"]:
    """Resizes measured depth (or a mask) to `size`, height and width, by its nearest pixel.

    Values are only picked, never mixed, so holes and edges stay what they are. The pixel picked is
    the one that contains the new pixel's centre, and of two that touch there the later.
    """
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(size, depth.shape, strict=True)
    )
    return depth.take(rows, axis=0).take(columns, axis=1)  # twice as fast as both at once


def resize_prediction(
    depth: Float[np.ndarray, "height width"], size: tuple[int, int]
) -> Float[np.ndarray, "new_height new_width"]:
    """Resizes predicted, hence dense, depth to `size`, height and width, bilinearly.

    Pixel centres are at half-integers, and nothing is smoothed on shrinking.
    """
    return cv2.resize(depth, size[::-1], interpolation=cv2.INTER_LINEAR)


def _open(path: FilePath, what: str) -> Image.Image:
    """The first frame of an image file, decoded; `what` names it in an error."""
    try:
        with Path(path).open("rb") as file, Image.open(file) as image:
            image.load()
            return image
    except Exception as error:  # on damaged files Pillow's decoders raise whatever comes
        raise _unreadable(path, what, error) from error


def _read_grey(path: Path) -> np.ndarray:
    image = _open(path, "depth map")
    if image.mode not in _GREY_MODES:
        raise DataError(
            f"the depth map {path} has {len(image.getbands())} channels or is no plain grey "
            f"(Pillow mode {image.mode}); depth needs one channel of numbers: save it as 16-bit "
            "grey PNG or as .npy"
        )
    if image.format == "PPM" and image.mode != "F":
        # Pillow stretches values to the type's range unless the file's maximum is 255 or 65535.
        return cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    return np.asarray(image)


def _read_array(path: Path) -> np.ndarray:
    try:
        with path.open("rb") as file:
            array = np.load(file, allow_pickle=False)
            if isinstance(array, np.lib.npyio.NpzFile):
                names = array.files
                if sum(member.file_size for member in array.zip.infolist()) > 8 * MAX_PIXELS:
                    raise Image.DecompressionBombError
                array = array[names[0]] if len(names) == 1 else None
    except Exception as error:  # among others ValueError, EOFError, BadZipFile and zlib.error
        raise _unreadable(path, "depth map", error) from error
    if array is None:
        raise DataError(
            f"the depth map {path} must hold one array, and holds {len(names)}: "
            f"{', '.join(names)}; save depth alone"
        )
    shape = array.shape
    if array.ndim == 3 and 1 in (shape[0], shape[-1]):
        array = array[..., 0] if shape[-1] == 1 else array[0]
    if array.ndim != 2 or array.size == 0 or array.dtype.kind not in "iuf":
        raise DataError(
            f"the depth map {path} must be an array [height, width] of real numbers, "
            f"got shape {shape} of {array.dtype}"
        )
    return array


def _unreadable(path: FilePath, what: str, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    elif os.path.getsize(path) == 0:
        reason = "the file is empty"
    elif isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        reason = f"it has more than {MAX_PIXELS} pixels; make it smaller"
    elif isinstance(error, Image.UnidentifiedImageError):
        reason = "it is no image in a known format; convert it to PNG"
    else:
        detail = " ".join(str(error).split()) or type(error).__name__
        reason = f"it is damaged or cut short ({detail}); copy it here again"
    return DataError(f"cannot read the {what} {path}: {reason}")


def write_file(path: FilePath, blob: bytes) -> None:
    """Writes a file whole, or not at all.

    Raises:
        DataError: it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(blob)
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)
