"""What published codes and papers compute, written out once more in NumPy, apart from the library.

Each function takes predictions and ground truths as its source has them and returns the metrics
that its source prints, under the library's names. Formulas are the sources'; the wording is ours.
Sources are listed in `jaxdepth.evaluation.presets`.
"""

import cv2
import numpy as np

VALID_AREA = np.s_[44:471, 40:601]  # MATLAB 45:471, 41:601


def bilinear(values, size, *, align_corners=False):
    """Bilinear resizing as a product with one matrix of weights for each axis."""

    def weights(new, old):
        if align_corners:
            at = np.arange(new) * (old - 1) / (new - 1)
        else:
            at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        return np.maximum(0, 1 - np.abs(at[:, None] - np.arange(old)[None]))

    return weights(size[0], values.shape[0]) @ values @ weights(size[1], values.shape[1]).T


def paper_measures(pairs):
    """Both papers' measures: every sum is over the pixels of all images. Pairs are 1-D (p, g)."""
    p, g = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
    n = len(p)
    worst = np.where(g > p, g / p, p / g)
    return {
        "abs_rel": sum(np.abs(g - p) / g) / n,
        "sq_rel": sum(np.abs(g - p) ** 2 / g) / n,
        "rmse": (sum(np.abs(g - p) ** 2) / n) ** 0.5,
        "rmse_log": (sum((np.log(g) - np.log(p)) ** 2) / n) ** 0.5,
        "log10": sum(np.abs(np.log10(g) - np.log10(p))) / n,
        **{f"delta{k}": np.count_nonzero(worst < 1.25**k) / n for k in (1, 2, 3)},
    }


def code_measures(g, p):
    """The measures of one image as monodepth, BTS and AdaBins have them."""
    ratio = np.maximum(g / p, p / g)
    e = np.log(p) - np.log(g)
    return {
        "delta1": np.mean(ratio < 1.25),
        "delta2": np.mean(ratio < 1.25**2),
        "delta3": np.mean(ratio < 1.25**3),
        "abs_rel": np.mean(np.abs(g - p) / g),
        "sq_rel": np.mean((g - p) ** 2 / g),
        "rmse": np.mean((g - p) ** 2) ** 0.5,
        "rmse_log": np.mean((np.log(g) - np.log(p)) ** 2) ** 0.5,
        "silog": 100 * (np.mean(e**2) - np.mean(e) ** 2) ** 0.5,
        "log10": np.mean(np.abs(np.log10(p) - np.log10(g))),
    }


def mean_over_images(measures):
    return {name: np.mean([one[name] for one in measures]) for name in measures[0]}


def limited(p, low, high):
    """Predictions set to the limits, missing ones to the lower."""
    p = np.array(p, np.float64)
    p[np.isnan(p)] = low
    p[p < low] = low
    p[p > high] = high
    return p


# NYU Depth v2, 480x640


def nyu_papers(predictions, truths):
    """Kim et al. and Li et al.: filled or raw depth in the valid projection area."""
    pairs = []
    for p, g in zip(predictions, truths, strict=True):
        p, g = bilinear(p, (480, 640)) if p.shape != g.shape else p, g[VALID_AREA]
        p = limited(p[VALID_AREA], 1e-3, 10)
        known = np.isfinite(g) & (g > 1e-3) & (g < 10)
        pairs.append((p[known], g[known]))
    return paper_measures(pairs)


def nyu_laina(predictions, truths):
    """Every pixel of the full frame, the network's output stretched over it."""
    stretched = [bilinear(p, g.shape) for p, g in zip(predictions, truths, strict=True)]
    p, g = np.stack(stretched).ravel(), np.stack(truths).ravel()
    return {
        "abs_rel": np.sum(np.abs(g - p) / g) / g.size,
        "rmse": np.sqrt(np.sum((g - p) ** 2) / g.size),
        "log10": np.sum(np.abs(np.log10(g) - np.log10(p))) / g.size,
    }


def nyu_bts(predictions, truths):
    measures = []
    for p, g in zip(predictions, truths, strict=True):
        p, g = limited(p, 1e-3, 10), np.where(np.isfinite(g), g, 0)
        inside = np.zeros(g.shape)
        inside[45:471, 41:601] = 1
        known = (g > 1e-3) & (g < 10) & (inside == 1)
        measures.append(code_measures(g[known], p[known]))
    return mean_over_images(measures)


def nyu_adabins(outputs, truths):
    """Outputs are pairs: of the image, and of the mirrored image as the network gave it."""
    measures = []
    for (straight, mirrored), g in zip(outputs, truths, strict=True):
        mean = (np.clip(straight, 1e-3, 10) + np.clip(mirrored[:, ::-1], 1e-3, 10)) / 2
        p = bilinear(mean, g.shape, align_corners=True)
        p[np.isinf(p)] = 10
        p[np.isnan(p)] = 1e-3
        known = (g > 1e-3) & (g < 10)
        known[:45] = known[471:] = False
        known[:, :41] = known[:, 601:] = False
        measures.append(code_measures(g[known], p[known]))
    return mean_over_images(measures)


def nyu_densedepth(outputs, truths):
    """The measures get the prediction as ground truth and the ground truth as prediction.

    The enlarged map's outermost pixels, where image libraries differ, are outside the crop.
    """
    crop = np.s_[20 : 459 + 1, 24 : 615 + 1]
    predicted, known = [], []
    for (straight, mirrored), g in zip(outputs, truths, strict=True):
        a = bilinear(np.clip(straight / 10, 0.01, 1) * 10, g.shape)[crop]
        b = bilinear(np.clip(mirrored / 10, 0.01, 1) * 10, g.shape)[crop]
        predicted.append(0.5 * a + 0.5 * b[:, ::-1])
        known.append(g[crop])
    measures = code_measures(np.stack(predicted), np.stack(known))
    return {n: measures[n] for n in ("delta1", "delta2", "delta3", "abs_rel", "rmse", "log10")}


# Make3D, laser depth 55x305


def make3d_c1(predictions, truths):
    pairs = []
    for p, g in zip(predictions, truths, strict=True):
        p, known = np.maximum(bilinear(p, g.shape), 1e-3), (g > 1e-3) & (g < 70)
        pairs.append((p[known], g[known]))
    return paper_measures(pairs)


def make3d_c2(predictions, truths):
    pairs = []
    for p, g in zip(predictions, truths, strict=True):
        known = g > 1e-3
        pairs.append((limited(bilinear(p, g.shape), 1e-3, 80)[known], np.minimum(g, 80)[known]))
    return paper_measures(pairs)


def make3d_laina(predictions, truths):
    totals = np.zeros(4)
    for p, g in zip(predictions, truths, strict=True):
        # MATLAB's nearest: pixel centres at half-integers, 55 and 305 to 460 and 345.
        rows = np.floor((np.arange(460) + 0.5) / 460 * 55).astype(int)
        columns = np.floor((np.arange(345) + 0.5) / 345 * 305).astype(int)
        g = g[np.ix_(rows, columns)]
        p, mask = bilinear(p, g.shape), (g > 0) & (g < 70)
        p, g = p[mask], g[mask]
        log = np.abs(np.log10(g) - np.log10(p))
        totals += [len(g), np.sum(np.abs(g - p) / g), np.sum((g - p) ** 2), np.sum(log)]
    n, rel, square, log = totals
    return {"abs_rel": rel / n, "rmse": np.sqrt(square / n), "log10": log / n}


def make3d_monodepth2(predictions, truths):
    """Predictions are of the middle 2:1 of the image; logarithms of RMS(log) are decimal."""
    measures = []
    for p, g in zip(predictions, truths, strict=True):
        g = g[(55 - 21) // 2 : (55 + 21) // 2]
        p = cv2.resize(p, g.shape[::-1], interpolation=cv2.INTER_NEAREST)
        mask = (g > 0) & (g < 70)
        p, g = p[mask], g[mask]
        p = p * (np.median(g) / np.median(p))
        p[p > 70] = 70
        one = code_measures(g, p)
        one["rmse_log"] = np.sqrt(np.mean((np.log10(g) - np.log10(p)) ** 2))
        measures.append({name: one[name] for name in ("abs_rel", "sq_rel", "rmse", "rmse_log")})
    return mean_over_images(measures)


# KITTI, frames of about 375x1242

GARG = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
EIGEN = (0.3324324, 0.91351351, 0.0359477, 0.96405229)


def inside(size, fractions):
    (height, width), (top, bottom, left, right) = size, fractions
    mask = np.zeros(size, bool)
    mask[int(top * height) : int(bottom * height), int(left * width) : int(right * width)] = True
    return mask


def kitti_kim(predictions, truths):
    pairs = []
    for p, g in zip(predictions, truths, strict=True):
        p = limited(bilinear(p, g.shape), 1e-3, 80)
        known = (g > 1e-3) & (g < 80) & inside(g.shape, GARG)
        pairs.append((p[known], g[known]))
    return paper_measures(pairs)


def kitti_monodepth(disparities, truths, *, fractions, low, high):
    measures = []
    for d, g in zip(disparities, truths, strict=True):
        p = limited(1 / bilinear(d, g.shape), low, high)
        known = (g > low) & (g < high) & inside(g.shape, fractions)
        measures.append(code_measures(g[known], p[known]))
    return mean_over_images(measures)


def kitti_monodepth2(disparities, truths):
    measures = []
    for d, g in zip(disparities, truths, strict=True):
        p = 1 / cv2.resize(d, g.shape[::-1])
        known = (g > 1e-3) & (g < 80) & inside(g.shape, GARG)
        p, g = p[known], g[known]
        p = limited(p * np.median(g) / np.median(p), 1e-3, 80)
        measures.append(code_measures(g, p))
    return mean_over_images(measures)


def kitti_bts(predictions, truths):
    """Predictions of 352x1216 are put back into the full frame; fractions are of that."""
    measures = []
    for p, g in zip(predictions, truths, strict=True):
        height, width = g.shape
        full = np.zeros(g.shape)
        left = int((width - 1216) / 2)
        full[height - 352 :, left : left + 1216] = limited(p, 1e-3, 80)
        known = (g > 1e-3) & (g < 80) & inside(g.shape, GARG)
        measures.append(code_measures(g[known], full[known]))
    return mean_over_images(measures)


def kitti_adabins(outputs, truths):
    """The ground truth is cut to 352x1216 first; fractions are of that."""
    measures = []
    for (straight, mirrored), g in zip(outputs, truths, strict=True):
        height, width = g.shape
        left = int((width - 1216) / 2)
        g = g[height - 352 : height, left : left + 1216]
        mean = (np.clip(straight, 1e-3, 80) + np.clip(mirrored[:, ::-1], 1e-3, 80)) / 2
        p = bilinear(mean, g.shape, align_corners=True)
        known = (g > 1e-3) & (g < 80) & inside(g.shape, GARG)
        measures.append(code_measures(g[known], p[known]))
    return mean_over_images(measures)


# DIML


def diml(predictions, truths):
    pairs = []
    for p, g in zip(predictions, truths, strict=True):
        p, known = np.maximum(bilinear(p, g.shape), 1e-3), g > 1e-3
        pairs.append((p[known], g[known]))
    return paper_measures(pairs)
