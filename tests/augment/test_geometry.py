"""Flip, rotation, magnification and shift of images with depth, and the way back."""

import jax
import numpy as np
import pytest

from jaxdepth import augment

HEIGHT, WIDTH = 24, 32
X, Y = np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, np.arange(HEIGHT) - (HEIGHT - 1) / 2)
RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(size=(HEIGHT, WIDTH, 3)).astype(np.float32)
DEPTH = RNG.uniform(1, 10, size=(HEIGHT, WIDTH)).astype(np.float32)
HOLES = DEPTH.copy()
HOLES[[3, 10, 20, 0], [4, 11, 30, 0]] = 0, np.nan, np.inf, -1


def on_host(function, **options):
    """`function`, compiled, from and to NumPy arrays."""
    compiled = jax.jit(function, **options)
    return lambda *args, **kwargs: jax.device_get(compiled(*args, **kwargs))


apply = on_host(augment.apply, static_argnames="affine")
apply_image = on_host(augment.apply_image, static_argnames="affine")
static = {"static_argnames": ("pitch", "affine")}
depth_to_original = on_host(augment.depth_to_original, **static)
log_depth_to_original = on_host(augment.log_depth_to_original, **static)
matrix = on_host(augment.matrix)


def params(**fields):
    """The identity with some fields changed, in NumPy."""
    identity = jax.tree.map(np.asarray, augment.identity_params())
    fields = {
        name: np.asarray(value, getattr(identity, name).dtype) for name, value in fields.items()
    }
    return identity._replace(**fields)


@pytest.mark.parametrize("affine", [True, False])
def test_identity_is_exact(affine):
    image, depth, valid = apply(params(), IMAGE, DEPTH, affine=affine)
    np.testing.assert_array_equal(image, IMAGE)
    np.testing.assert_array_equal(depth, DEPTH)
    assert valid.all()


@pytest.mark.parametrize("affine", [True, False])
def test_flip_is_exact_and_its_own_inverse(affine):
    once = apply(params(flip=True), IMAGE, HOLES, affine=affine)
    np.testing.assert_array_equal(once[0], IMAGE[:, ::-1])
    np.testing.assert_array_equal(once[1], np.where(once[2], HOLES[:, ::-1], 0))
    twice = apply(params(flip=True), *once[:2], affine=affine)
    np.testing.assert_array_equal(twice[0], IMAGE)
    np.testing.assert_array_equal(twice[1], np.where(twice[2], HOLES, 0))


@pytest.mark.parametrize("affine", [True, False])
def test_unmeasured_depth_becomes_zero_and_invalid(affine):
    _, depth, valid = apply(params(), IMAGE, HOLES, affine=affine)
    expected = np.ones((HEIGHT, WIDTH), bool)
    expected[[3, 10, 20, 0], [4, 11, 30, 0]] = False
    np.testing.assert_array_equal(valid, expected)
    np.testing.assert_array_equal(depth, np.where(expected, DEPTH, 0))


def test_holes_are_not_smeared():
    measured = RNG.uniform(size=(HEIGHT, WIDTH)) < 0.7
    _, depth, valid = apply(params(angle=7.0, scale=2.0), IMAGE, np.where(measured, DEPTH, np.nan))
    assert 0.6 < valid.mean() < 0.8
    assert (depth[~valid] == 0).all()
    assert np.isin(depth[valid], DEPTH / 2).all()


def test_scale_divides_depth():
    image, depth, valid = apply(params(scale=1.5), np.full_like(IMAGE, 0.3), np.full_like(DEPTH, 6))
    np.testing.assert_array_equal(image, np.full_like(IMAGE, 0.3))
    np.testing.assert_allclose(depth, np.full_like(DEPTH, 4), rtol=1e-6)
    assert valid.all()


def test_reduction_leaves_an_empty_border():
    image, depth, valid = apply(params(scale=0.5), np.ones_like(IMAGE), np.full_like(DEPTH, 2.0))
    inside = (abs(X) < WIDTH / 4) & (abs(Y) < HEIGHT / 4)
    np.testing.assert_array_equal(valid, inside)
    np.testing.assert_array_equal(depth, np.where(inside, 4.0, 0))
    np.testing.assert_array_equal(image, np.repeat(inside[..., None], 3, axis=-1))


def test_rotation_of_a_ramp_agrees_with_the_analytic_one():
    angle = np.deg2rad(5.0)
    _, depth, valid = apply(params(angle=5.0), IMAGE, (10 + 0.1 * X).astype(np.float32))
    expected = 10 + 0.1 * (np.cos(angle) * X + np.sin(angle) * Y)
    assert np.abs(depth - expected)[valid].max() <= 0.1 / 2 + 1e-5  # half a pixel: a copy
    assert not valid[0, -1]
    assert valid.mean() > 0.9


@pytest.mark.parametrize(
    "fields",
    [
        {"angle": 5.0},
        {"scale": 1.3},
        {"shift": [4.3, -2.7]},
        {"flip": True, "angle": -8.0, "scale": 1.2},
        {"flip": True, "angle": -8.0, "scale": 1.2, "shift": [3.0, 5.0]},
    ],
    ids=str,
)
@pytest.mark.parametrize("scale_of", ["depth", "log depth"])
def test_prediction_returns_to_the_original_frame(fields, scale_of):
    """A prediction that is perfect on the augmented image is perfect on the original."""
    chosen = params(**fields)
    forward = matrix(chosen)
    inverse = np.linalg.inv(forward)

    def plane(x, y):
        return 8 + 0.1 * x - 0.05 * y

    u = inverse[0, 0] * X + inverse[0, 1] * Y + inverse[0, 2]
    v = inverse[1, 0] * X + inverse[1, 1] * Y + inverse[1, 2]
    if scale_of == "depth":
        original, valid = depth_to_original(chosen, (plane(u, v) / chosen.scale).astype(np.float32))
    else:
        augmented = plane(u, v) - np.log(chosen.scale)
        original, valid = log_depth_to_original(chosen, augmented.astype(np.float32))

    u = forward[0, 0] * X + forward[0, 1] * Y + forward[0, 2]
    v = forward[1, 0] * X + forward[1, 1] * Y + forward[1, 2]
    # Between the outermost pixel centres: nothing is continued beyond them.
    np.testing.assert_array_equal(
        valid, (abs(u) <= (WIDTH - 1) / 2 + 1e-4) & (abs(v) <= (HEIGHT - 1) / 2 + 1e-4)
    )
    assert (original[~valid] == 0).all()
    np.testing.assert_allclose(original[valid], plane(X, Y)[valid], rtol=1e-5)


@pytest.mark.parametrize(
    "fields",
    [{"scale": 1.5}, {"flip": True, "angle": 9.0, "scale": 0.8, "shift": [3.0, -2.0]}],
    ids=str,
)
def test_log_depth_returns_as_the_logarithm_of_depth(fields):
    chosen = params(**fields)
    depth = np.full((HEIGHT, WIDTH), 3, np.float32)
    original, valid = depth_to_original(chosen, depth)
    log_original, log_valid = log_depth_to_original(chosen, np.log(depth))
    np.testing.assert_array_equal(log_valid, valid)
    assert 0.3 < valid.mean() <= 1
    np.testing.assert_allclose(log_original[valid], np.log(3 * fields["scale"]), rtol=1e-6)
    np.testing.assert_allclose(log_original[valid], np.log(original[valid]), rtol=1e-6)
    assert (log_original[~valid] == 0).all()


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("to_original", [depth_to_original, log_depth_to_original])
def test_without_affine_predictions_return_as_with_it(to_original, flip):
    """Without interpolation: the same bits, and all of them."""
    expected = DEPTH[:, ::-1] if flip else DEPTH
    for affine in (True, False):
        for pitch in (1.0, 2.0):
            got, valid = to_original(params(flip=flip), DEPTH, pitch=pitch, affine=affine)
            np.testing.assert_array_equal(got, expected)
            assert valid.all()


@pytest.mark.parametrize("to_original", [depth_to_original, log_depth_to_original])
def test_pitch_divides_a_shift(to_original):
    """Four pixels of the image to the right are two pixels of a map of pitch 2."""
    got, valid = to_original(params(shift=[4.0, -6.0]), DEPTH, pitch=2.0)
    expected = np.zeros_like(DEPTH)
    expected[3:, :-2] = DEPTH[:-3, 2:]
    np.testing.assert_array_equal(valid, expected > 0)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("to_original", [depth_to_original, log_depth_to_original])
def test_pitch_matters_for_a_shift_alone(to_original):
    turned = params(flip=True, angle=7.0, scale=1.2)
    one, two = (to_original(turned, DEPTH, pitch=pitch) for pitch in (1.0, 2.0))
    np.testing.assert_array_equal(one[1], two[1])
    np.testing.assert_allclose(one[0], two[0], rtol=1e-6)


@pytest.mark.parametrize("flip", [False, True])
def test_whole_pixel_shift_moves_image_and_depth_together(flip):
    image, depth, valid = apply(params(flip=flip, shift=[3.0, -2.0]), IMAGE, DEPTH)
    columns = slice(None, None, -1 if flip else 1)
    expected = np.zeros_like(IMAGE), np.zeros_like(DEPTH)
    for new, old in zip(expected, (IMAGE, DEPTH), strict=True):
        new[:-2, 3:] = old[2:, columns][:, :-3]
    np.testing.assert_array_equal(image, expected[0])
    np.testing.assert_array_equal(depth, expected[1])
    np.testing.assert_array_equal(valid, expected[1] > 0)


@pytest.mark.parametrize(
    ("fields", "affine"),
    [
        ({}, True),
        ({}, False),
        ({"flip": True, "color": [0.7, 1.0, 1.3], "brightness": 0.1, "contrast": 1.2}, False),
        ({"flip": True, "angle": 9.0, "scale": 0.8, "shift": [3.0, 1.5], "contrast": 0.7}, True),
    ],
    ids=str,
)
def test_image_alone_is_the_image_of_a_pair(fields, affine):
    expected, _, _ = apply(params(**fields), IMAGE, DEPTH, affine=affine)
    got = apply_image(params(**fields), IMAGE, affine=affine)
    np.testing.assert_allclose(got, expected, atol=1e-6)  # two programs may round differently
    assert got.min() >= 0
    assert got.max() <= 1
    if not fields:
        np.testing.assert_array_equal(got, IMAGE)


def test_prediction_of_a_flipped_image_returns_exactly():
    original, valid = depth_to_original(params(flip=True), DEPTH[:, ::-1])
    np.testing.assert_array_equal(original, DEPTH)
    assert valid.all()


def test_there_and_back_on_a_smooth_scene():
    depth = (5 + np.sin(X / 8) + np.cos(Y / 6)).astype(np.float32)
    chosen = params(flip=True, angle=4.0, scale=1.1)
    _, augmented, measured = apply(chosen, IMAGE, depth)
    back, valid = depth_to_original(chosen, augmented)
    interior = valid & (abs(X) < 10) & (abs(Y) < 8)
    assert measured.mean() > 0.95
    assert interior.sum() > 200
    assert np.abs(back - depth)[interior].max() < 0.15  # half a pixel of the copy, times the slope


def test_derivative_reaches_every_pixel_that_was_used():
    chosen = params(flip=True, scale=1.5)
    derivative = on_host(jax.grad(lambda depth: augment.depth_to_original(chosen, depth)[0].sum()))
    # The outermost pixels would only be used to continue the border.
    assert (derivative(DEPTH)[1:-1, 1:-1] > 0).all()


def test_vmap_agrees_with_loop():
    chosen = [
        params(flip=True, angle=3.0),
        params(angle=-5.0, scale=1.5, color=[0.8, 1.2, 1.1]),
        params(brightness=0.1, contrast=1.2, scale=1.1),
    ]
    stacked = jax.tree.map(lambda *fields: np.stack(fields), *chosen)
    images, depths = np.stack([IMAGE] * 3), np.stack([DEPTH, HOLES, DEPTH])
    batched = on_host(jax.vmap(augment.apply))(stacked, images, depths)
    looped = [apply(*example) for example in zip(chosen, images, depths, strict=True)]
    for got, *expected in zip(batched, *looped, strict=True):
        np.testing.assert_allclose(got, np.stack(expected), atol=1e-5)
    assert batched[0].min() >= 0
    assert batched[0].max() <= 1


def test_wrong_shapes_are_refused():
    with pytest.raises((AssertionError, TypeError)):
        jax.eval_shape(augment.apply_geometry, params(), IMAGE, DEPTH[:, :-1])
    with pytest.raises((AssertionError, TypeError)):
        jax.eval_shape(augment.apply_flip, params(), IMAGE[None], DEPTH[None])
