"""Depth from a rectified stereo pair, as pseudo ground truth where a scanner's is too sparse."""

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from jaxdepth.errors import DataError

_DISPARITIES = 192
_BLOCK = 5
_STEPS = 16  # of the matcher's disparities in a pixel
_CONSISTENT = 1.0


def stereo_depth(
    left: UInt8[np.ndarray, "height width 3"],
    right: UInt8[np.ndarray, "rows columns 3"],
    *,
    focal: float,
    baseline: float,
) -> Float[np.ndarray, "height width"]:
    """Depth of the left image by semi-global matching, where both images agree on it.

    Both images are matched to the other; a pixel keeps its disparity d if the pixel it is matched
    to has the same within a pixel, which takes out what one camera alone sees. Depth is
    `focal * baseline / d`. The matcher is OpenCV's StereoSGBM (Hirschmüller, "Stereo Processing by
    Semiglobal Matching and Mutual Information", 2008) at full resolution with up to 192 pixels of
    disparity in steps of 1/16, blocks of 5 and the penalties its documentation advises.

    Args:
        left: the left view, red first.
        right: the right view of the same size; the same point is in the same row.
        focal: focal length of both cameras, pixels.
        baseline: distance of the cameras, metres.

    Returns:
        Metres, float32; 0 = no measurement.

    Raises:
        DataError: the images differ in size or are narrower than a block.
    """
    if left.shape != right.shape or left.shape[1] < _BLOCK:
        raise DataError(
            f"a stereo pair must be of one size, at least {_BLOCK} pixels wide, got "
            f"{left.shape[:2]} and {right.shape[:2]} (height, width): take two images of the same "
            "rectified pair"
        )
    disparity = _match(left, right)
    mirrored = _match(right[:, ::-1], left[:, ::-1])[:, ::-1]  # of the right view
    rows, columns = np.indices(disparity.shape)
    there = np.rint(columns - disparity).astype(np.intp)
    seen = (disparity > 0) & (there >= 0)
    there = np.where(seen, there, 0)
    seen &= np.abs(mirrored[rows, there] - disparity) <= _CONSISTENT
    depth = focal * baseline / np.where(seen, disparity, 1)
    return np.where(seen, depth, 0).astype(np.float32)


def _match(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Disparity of the left view, pixels; 0 and less = none."""
    matcher = cv2.StereoSGBM_create(
        minDisparity=0,
        numDisparities=_DISPARITIES,
        blockSize=_BLOCK,
        P1=8 * 3 * _BLOCK**2,
        P2=32 * 3 * _BLOCK**2,
        uniquenessRatio=10,
        speckleWindowSize=100,
        speckleRange=16,
    )
    # The matcher leaves out as many columns on the left as it has disparities.
    border = (0, 0, _DISPARITIES, 0, cv2.BORDER_REPLICATE)
    left, right = (cv2.copyMakeBorder(view, *border) for view in (left, right))
    return matcher.compute(left, right)[:, _DISPARITIES:].astype(np.float32) / _STEPS
