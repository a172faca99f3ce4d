"""A frame as it is stored: which features it has, and how each is encoded."""

import numpy as np
import tensorflow_datasets as tfds

from jaxdepth.data.images import encode_png
from jaxdepth.data.prepare.fill import fill_frame
from jaxdepth.data.prepare.plan import Item, Plan
from jaxdepth.data.readers.frame import Frame
from jaxdepth.errors import DataError

_IMAGE = tfds.features.Image(shape=(None, None, 3))
_AS_IT_IS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
"""How JPEG and PNG files begin."""


def features_of(plan: Plan) -> tfds.features.FeaturesDict:
    """The features of a prepared dataset.

    - `image`: uint8 `[height, width, 3]`; a JPEG or PNG file's own bytes, else PNG;
    - `depth`: float32 metres, of the image's size unless the plan says otherwise, zlib: exact,
      whatever the source's unit was. It is valid where it is positive, so no mask is stored;
    - `depth_raw`: the same before holes were filled, where the dataset has both;
    - `intrinsics`: float32 `[4]`, fx, fy, cx, cy in pixels, the first pixel's centre at (0, 0);
    - `name`, `file`, `scene`: texts, see `Frame`.
    """
    metres = tfds.features.Tensor(
        shape=plan.depth_size or (None, None), dtype=np.float32, encoding="zlib"
    )
    features = {"image": _IMAGE, "depth": metres}
    if plan.raw_depth:
        features["depth_raw"] = metres
    if plan.intrinsics:
        features["intrinsics"] = tfds.features.Tensor(shape=(4,), dtype=np.float32)
    texts = {key: tfds.features.Text() for key in ("name", "file", "scene")}
    return tfds.features.FeaturesDict({**features, **texts})


def example_of(item: Item, plan: Plan) -> dict:
    """Reads a frame and gives it the features of its plan.

    Raises:
        DataError: a file is missing, damaged or of another form, or the depth has no measurement.
    """
    frame = item.read()
    size = plan.depth_size or frame.image.shape[:2]
    if frame.depth.shape != size:
        raise DataError(
            f"{item.name}: depth must be {size[0]}x{size[1]} (height x width), got "
            f"{frame.depth.shape[0]}x{frame.depth.shape[1]}; leave the frame out"
        )
    where = item.files[-1] if item.files else frame.file
    if not (frame.depth > 0).any():
        raise DataError(f"{where}: depth must have a measurement and has none; leave the frame out")
    if plan.fill:
        frame = fill_frame(frame, plan.fill, where=where)
    example = {
        "image": _stored_image(item, frame),
        "depth": frame.depth,
        **{key: getattr(frame, key) for key in ("name", "file", "scene")},
    }
    if plan.raw_depth:
        example["depth_raw"] = frame.raw_depth
    if plan.intrinsics:
        example["intrinsics"] = np.array(frame.intrinsics, np.float32)
    return example


def _stored_image(item: Item, frame: Frame) -> bytes:
    """A file's own bytes, or PNG: nothing is compressed with loss twice."""
    if item.image_file is not None:
        content = item.image_file.read_bytes()
        if content.startswith(_AS_IT_IS) and _shows(content, frame.image):
            return content
    return encode_png(frame.image)


def _shows(content: bytes, image: np.ndarray) -> bool:
    """Whether tfds reads a file's bytes as this image. It does not turn by EXIF data, for one."""
    try:
        return np.array_equal(_IMAGE.decode_example_np(content), image)
    except Exception:  # a form of PNG or JPEG that OpenCV does not read
        return False
