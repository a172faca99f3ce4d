"""A prediction that moves with the image has Ω_set = 0, and one that does not has more.

Perfect predictions are computed in float64 from a surface: D'(q) = D(A⁻¹q) / s for an image that
was moved by A. Planes in depth and log depth, and the differences of quadratic surfaces, are
interpolated exactly, and nothing is compared that would have to be extrapolated.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth import augment, losses

SIZE, PITCH, COUNT = (24, 32), 2.0, 32
RANGES = {
    "flip": (0, 1),
    "brightness": (-0.1, 0.1),
    "contrast": (0.8, 1.2),
    "color": (0.8, 1.2),
    "angle": (-15, 15),
    "scale": (0.7, 1.5),
    "shift": (-12, 12),
}
TRANSFORMS = {
    "identity": (),
    "flip": ("flip",),
    "rotation": ("angle",),
    "translation": ("shift",),
    "scale": ("scale",),
    "color": ("brightness", "contrast", "color"),
    "all": tuple(RANGES),
}


class Kind(NamedTuple):
    """What is predicted.

    Attributes:
      to_original: brings a prediction to the original frame.
      loss: of one image.
    """

    to_original: Callable
    loss: Callable


KINDS = {
    "depth": Kind(augment.depth_to_original, losses.l2),
    "log depth": Kind(augment.log_depth_to_original, losses.l2),
    "forward": Kind(
        functools.partial(augment.gradients_to_original, stencil="forward"), losses.gradient_l2
    ),
    "central": Kind(
        functools.partial(augment.gradients_to_original, stencil="central"), losses.gradient_l2
    ),
}


@functools.cache
def omega(kind, affine=True):
    """Ω_set of many sets `[K, N, ...]` where `look` is True, the share that is, and validity."""
    to_original = functools.partial(KINDS[kind].to_original, pitch=PITCH, affine=affine)

    def one(params, predictions, look):
        aligned, valid = jax.vmap(to_original)(params, predictions)
        look = look.reshape(*look.shape, *[1] * (valid.ndim - look.ndim))
        seen = valid & look
        return losses.set_consistency(KINDS[kind].loss, aligned, seen), jnp.mean(seen), valid

    compiled = jax.jit(jax.vmap(one))
    return lambda *args: jax.device_get(compiled(*args))


def draw(transform="all"):
    """COUNT sets of an original and three transforms; the same draws for one kind alone."""
    rng = np.random.default_rng(0)
    fields = {}
    for name, default in augment.identity_params()._asdict().items():
        values = rng.uniform(*RANGES[name], size=(COUNT, 4, *default.shape))
        values = values > 0.5 if name == "flip" else values.astype(np.float32)
        if name not in TRANSFORMS[transform]:
            values[:] = default
        values[:, 0] = default
        fields[name] = values
    return augment.AugmentParams(**fields)


def geometry(params):
    """A and t of p ↦ A p + t on maps, in float64, `[K, N, 2, 2]` and `[K, N, 2]`."""
    angle, scale = np.deg2rad(params.angle.astype(float)), params.scale.astype(float)
    sign, cos, sin = np.where(params.flip, -1, 1), np.cos(angle), np.sin(angle)
    rows = [np.stack([sign * cos, -sin], -1), np.stack([sign * sin, cos], -1)]
    return scale[..., None, None] * np.stack(rows, -2), params.shift / PITCH


def pixels(size, border=0):
    """x and y of pixels in the centred frame, with a border around it, `[H, W, 2]`."""
    y, x = (np.arange(-border, side + border) - (side - 1) / 2 for side in size)
    return np.stack(np.meshgrid(x, y), axis=-1)


def moved(matrix, points):
    return np.einsum("...ij,...hwj->...hwi", matrix, points)


def perfect(kind, surface, params, size=SIZE):
    """What an equivariant network predicts for every image, `[K, N, H, W(, 2)]`."""
    matrix, shift = geometry(params)
    border = 1 if kind in ("forward", "central") else 0
    places = moved(np.linalg.inv(matrix), pixels(size, border) - shift[..., None, None, :])
    depth = surface(places[..., 0], places[..., 1])
    scale = params.scale.astype(float)[..., None, None]
    if kind == "log depth":  # the surface is one of log depth
        return (depth - np.log(scale)).astype(np.float32)
    depth = depth / scale
    if kind == "depth":
        return depth.astype(np.float32)
    here, after = slice(1, -1), slice(2, None)
    start = here if kind == "forward" else slice(None, -2)
    x = depth[..., here, after] - depth[..., here, start]
    y = depth[..., after, here] - depth[..., start, here]
    return np.stack([x, y], axis=-1).astype(np.float32)


def plane(x, y):
    return 6 + 0.1 * x - 0.07 * y


def quadratic(x, y):
    """Its differences are linear."""
    return plane(x, y) + 0.002 * x**2 + 0.003 * x * y - 0.001 * y**2


SURFACES = {"depth": plane, "log depth": plane, "forward": quadratic, "central": quadratic}
WHOLE = np.ones((COUNT, 4, *SIZE), bool)
each_kind = pytest.mark.parametrize("kind", KINDS)


@each_kind
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_an_equivariant_prediction_is_consistent(kind, transform):
    params = draw(transform)
    predictions = perfect(kind, SURFACES[kind], params)
    result, compared, _ = omega(kind)(params, predictions, WHOLE)
    assert compared.min() > 0.3
    assert result.max() < 1e-11  # of values up to 10: (a few roundings)²


@each_kind
def test_error_of_a_curved_surface_is_of_second_order(kind):
    roots = []
    for factor in (1, 2):
        size = tuple(factor * side for side in SIZE)
        params = draw()._replace(shift=factor * draw().shift)

        def surface(x, y, factor=factor):
            return 2 + 0.5 * np.sin((x / 6 + y / 15) / factor) + 0.4 * np.cos(y / 5 / factor)

        predictions = perfect(kind, surface, params, size)
        if "depth" not in kind:
            predictions *= factor  # differences for the same distance
        result, _, _ = omega(kind)(params, predictions, np.ones((COUNT, 4, *size), bool))
        roots.append(np.sqrt(result.mean()))
    assert 0 < roots[0] < 2e-3
    assert 3.6 < roots[0] / roots[1] < 4.4


@each_kind
@pytest.mark.parametrize("affine", [True, False])
def test_flips_of_any_map_are_exactly_consistent(kind, affine):
    params = draw("flip")
    mirrored = params.flip[..., None, None]
    rng = np.random.default_rng(0)
    depth = rng.uniform(1, 10, size=(COUNT, 1, *SIZE)).astype(np.float32)
    if kind == "forward":
        depth = np.where(mirrored, depth[..., ::-1], depth)
        predictions = np.full((*depth.shape, 2), 7, np.float32)  # also where there is none
        predictions[..., :-1, 0] = np.diff(depth, axis=-1)
        predictions[..., :-1, :, 1] = np.diff(depth, axis=-2)
    elif kind == "central":
        fields = rng.normal(size=(COUNT, 1, *SIZE, 2)).astype(np.float32)
        predictions = np.where(mirrored[..., None], fields[..., ::-1, :] * [-1, 1], fields)
    else:
        predictions = np.where(mirrored, depth[..., ::-1], depth)
    predictions = predictions.astype(np.float32)
    result, compared, _ = (omega(kind) if affine else omega(kind, False))(
        params, predictions, WHOLE
    )
    np.testing.assert_array_equal(result, np.zeros(COUNT))
    assert compared.min() > 0.8


def unmoved(predictions, params):
    """The prediction for the original, whatever was done to the image."""
    del params
    return np.broadcast_to(predictions[:, :1], predictions.shape)


def mirrored_without_negation(predictions, params):
    negative = predictions * np.array([-1, 1], np.float32)
    return np.where(params.flip[..., None, None, None], negative, predictions)


def moved_without_turning(predictions, params):
    """Vectors as in the original frame, at their places in the moved one."""
    matrix, _ = geometry(params)
    scale = params.scale[..., None, None]
    turned = np.einsum("knji,knhwj->knhwi", matrix / scale, predictions)
    return turned.astype(np.float32)


def unscaled(predictions, params):
    return predictions * params.scale.reshape(COUNT, 4, *[1] * (predictions.ndim - 2))


def unscaled_log(predictions, params):
    return predictions + np.log(params.scale)[..., None, None]


MISTAKES = [
    *[
        (kind, transform, unmoved)
        for kind in KINDS
        for transform in ("flip", "rotation", "translation", "scale", "all")
    ],
    ("forward", "flip", mirrored_without_negation),
    ("central", "flip", mirrored_without_negation),
    ("forward", "rotation", moved_without_turning),
    ("central", "rotation", moved_without_turning),
    ("depth", "scale", unscaled),
    ("log depth", "scale", unscaled_log),
    ("forward", "scale", unscaled),
    ("central", "scale", unscaled),
]


@pytest.mark.parametrize(("kind", "transform", "mistake"), MISTAKES)
def test_a_prediction_that_ignores_a_part_of_the_transform_is_not(kind, transform, mistake):
    params = draw(transform)
    predictions = mistake(perfect(kind, SURFACES[kind], params), params)
    result, _, _ = omega(kind)(params, predictions.astype(np.float32), WHOLE)
    if transform == "flip":
        result = result[params.flip.any(axis=1)]
    assert len(result) > COUNT / 2
    assert result.min() > 1e-5
