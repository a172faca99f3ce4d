"""Protocols of published codes and papers, by name: `PRESETS["nyu/bts"]`.

Where a source leaves something open, its preset's `note` says what was taken. Each is tested
against a transcription of its source's formulas. All of them accept predictions of any size.

References:
    `kim2018`: Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local
    Predictions", IEEE TIP 2018, §IV. `li2017`: Li et al., "A Two-Streamed Network for Estimating
    Fine-Scaled Depth Maps from Single RGB Images", ICCV 2017, §4.1. `laina2016`: Laina et al.,
    "Deeper Depth Prediction with Fully Convolutional Residual Networks", 3DV 2016
    (iro-cp/FCRN-DepthPrediction, `evaluateNYU.m`, `evaluateMake3D.m`, `error_metrics.m`). `bts`:
    Lee et al., "From Big to Small", 2019 (cleinc/bts, `utils/eval_with_pngs.py`). `adabins`: Bhat
    et al., "AdaBins", CVPR 2021 (shariqfarooq123/AdaBins, `evaluate.py`). `densedepth`: Alhashim
    and Wonka, "High Quality Monocular Depth Estimation via Transfer Learning", 2018
    (ialhashim/DenseDepth, `evaluate` of `utils.py`). `garg80` and the like: Godard et al.,
    "Unsupervised Monocular Depth Estimation with Left-Right Consistency", CVPR 2017
    (mrharicot/monodepth, `utils/evaluate_kitti.py`). `monodepth2`: Godard et al., "Digging into
    Self-Supervised Monocular Depth Estimation", ICCV 2019 (nianticlabs/monodepth2,
    `evaluate_depth.py`).
"""

from collections.abc import Callable, Iterator, Mapping

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation.crop import NYU_VALID_AREA, Crop
from jaxdepth.evaluation.protocol import Protocol

_NYU = {"dataset": "nyu_depth_v2", "split": "test", "resize": True}
_OFF_BY_ONE = Crop(45, 471, 41, 601)
_MAKE3D = {"dataset": "make3d", "split": "test", "resize": True}
_CENTRE = Crop(17, 38, 0, 305)
_KITTI = {"dataset": "kitti", "split": "eigen test", "resize": True}
_FORWARD_X = {
    "ground_truth": "velodyne forward-x",
    "note": "the ground truth is the scanner's forward x, about 0.27 m more than the camera's z",
}
_OUTSIDE = {"average": "images", "resize_in": "disparity", **_FORWARD_X, **_KITTI}
_ANNOTATED = {"average": "images", "max_depth": 80, "ground_truth": "annotated", **_KITTI}


def _presets() -> Iterator[Protocol]:
    yield Protocol(
        name="nyu/kim2018",
        crop=NYU_VALID_AREA,
        max_depth=10,
        ground_truth="filled",
        note="the paper does not say whether predictions are clamped",
        **_NYU,
    )
    yield Protocol(
        name="nyu/li2017",
        crop=NYU_VALID_AREA,
        max_depth=10,
        covers=Crop(18, 462, 20, 620),
        stretch="covers",
        border="cross-bilateral",
        note="the paper says neither whether the ground truth is filled or raw nor whether "
        "predictions are clamped",
        **_NYU,
    )
    yield Protocol(
        name="nyu/laina2016",
        min_depth=None,
        clip=None,
        ground_truth="filled",
        note="a prediction for the middle of the image is stretched over the full frame",
        **_NYU,
    )
    yield Protocol(
        name="nyu/bts",
        crop=_OFF_BY_ONE,
        average="images",
        max_depth=10,
        covers=NYU_VALID_AREA,
        ground_truth="raw",
        **_NYU,
    )
    yield Protocol(
        name="nyu/adabins",
        crop=_OFF_BY_ONE,
        average="images",
        max_depth=10,
        covers=NYU_VALID_AREA,
        ground_truth="raw",
        align_corners=True,
        clip_first=True,
        mirrored=True,
        **_NYU,
    )
    yield Protocol(
        name="nyu/densedepth",
        crop=Crop(20, 460, 24, 616),
        min_depth=None,
        clip=(0.1, 10),
        clip_first=True,
        covers=NYU_VALID_AREA,
        ground_truth="filled",
        mirrored=True,
        swapped=True,
        note="relative errors are divided by the prediction; in batches of 4 the code leaves out "
        "the last 2 of 654 images, here all count",
        **_NYU,
    )
    yield Protocol(
        name="make3d/kim2018-c1",
        max_depth=70,
        clip=(1e-3, None),
        note="the paper does not say at which size errors are computed; here the laser's, 55x305",
        **_MAKE3D,
    )
    yield Protocol(
        name="make3d/kim2018-c2",
        max_depth=80,
        max_capped=True,
        note="the paper's table has C1 alone; C2 counts all pixels, depth capped at 80 m",
        **_MAKE3D,
    )
    yield Protocol(
        name="make3d/laina2016",
        min_depth=None,
        max_depth=70,
        truth_size=(460, 345),
        clip=None,
        **_MAKE3D,
    )
    yield Protocol(
        name="make3d/monodepth2",
        crop=_CENTRE,
        average="images",
        min_depth=None,
        max_depth=70,
        covers=_CENTRE,
        stretch="covers",
        interpolation="nearest",
        alignment="median",
        log10_rmse=True,
        clip=(None, 70),
        note="predictions are of the middle 852 of 2272 rows of the image",
        **_MAKE3D,
    )
    yield Protocol(
        name="kitti/kim2018",
        crop="garg",
        max_depth=80,
        ground_truth="velodyne",
        note="the paper names neither crop nor range; here Garg's crop and 80 m",
        **_KITTI,
    )
    for crop in ("garg", "eigen"):
        yield Protocol(name=f"kitti/{crop}80", crop=crop, max_depth=80, **_OUTSIDE)
        yield Protocol(name=f"kitti/{crop}50", crop=crop, min_depth=1, max_depth=50, **_OUTSIDE)
    yield Protocol(
        name="kitti/monodepth2", crop="garg", max_depth=80, alignment="median", **_OUTSIDE
    )
    yield Protocol(name="kitti/bts", crop="garg", covers="kb", stretch="covers", **_ANNOTATED)
    yield Protocol(
        name="kitti/adabins",
        crop="garg",
        within="kb",
        align_corners=True,
        clip_first=True,
        mirrored=True,
        note="Garg's fractions are of the 352x1216 part",
        **_ANNOTATED,
    )
    yield Protocol(
        name="diml/kim2018",
        dataset="diml",
        split="test",
        resize=True,
        note="the paper names neither region nor range; here all pixels of the frame",
    )


PRESETS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _presets()}
"""Name → protocol: `DATASET/SOURCE`."""

FRAMES: Mapping[str, Callable[[int, int], bool]] = {
    "nyu": lambda height, width: (height, width) == (480, 640),
    "make3d": lambda height, width: (height, width) == (55, 305),
    "kitti": lambda height, width: 352 < height <= 400 and 1216 < width <= 1280,
    "diml": lambda height, width: (height, width) in ((288, 512), (756, 1344), (1080, 1920)),
}
"""Dataset, as presets are named → whether height and width are those of its ground truth."""


def parse_protocols(text: str) -> tuple[Protocol, ...]:
    """The presets of names joined by commas, such as `"nyu/bts,nyu/kim2018"`.

    Raises:
        ConfigError: a name is of no preset, or comes twice.
    """
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in PRESETS:
            raise ConfigError(f"a protocol is one of {', '.join(PRESETS)}, got {name!r}")
        if names.count(name) > 1:
            raise ConfigError(f"a protocol is scored once in a table, got {name!r} twice: drop one")
    return tuple(PRESETS[name] for name in names)


def fitting_presets(size: tuple[int, int], *, name: str) -> tuple[Protocol, ...]:
    """All presets of the dataset whose ground truth has this height and width.

    Args:
        size: of a ground truth, pixels.
        name: what an error calls it, usually its file.

    Raises:
        DataError: the size is of none.
    """
    for dataset, fits in FRAMES.items():
        if fits(*size):
            return tuple(p for key, p in PRESETS.items() if key.startswith(f"{dataset}/"))
    raise DataError(
        f"{name}: the ground truth is {size[0]}x{size[1]} (height x width), which is the frame of "
        f"no dataset with presets ({', '.join(FRAMES)}); name protocols by --protocol=A,B instead"
    )
