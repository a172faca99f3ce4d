"""The depth that a map of an augmented image should show, sampled from the original once."""

import functools

import jax
import numpy as np
import pytest

from jaxdepth import augment

DEPTH_SIZE, IMAGE_SIZE = (96, 128), (64, 96)  # heights and widths in different ratios
MAPS = [((30, 44), 2.0), ((14, 22), 4.0)]
RNG = np.random.default_rng(0)
DEPTH = RNG.permutation(np.linspace(1, 10, 96 * 128)).reshape(DEPTH_SIZE).astype(np.float32)
HOLES = np.where(RNG.uniform(size=DEPTH_SIZE) < 0.2, np.float32(0), DEPTH)
HOLES[RNG.uniform(size=DEPTH_SIZE) < 0.1] = np.nan
HOLES[RNG.uniform(size=DEPTH_SIZE) < 0.05] = np.inf
HOLES[RNG.uniform(size=DEPTH_SIZE) < 0.05] = -1


@functools.cache
def compiled(**options):
    """`sample_depth` for many transforms of one depth map."""
    function = functools.partial(augment.sample_depth, **options)
    mapped = jax.jit(jax.vmap(function, in_axes=(0, None)))
    return lambda *args: jax.device_get(mapped(*args))


def sample_depth(params, depth, size, pitch, *, image_size=IMAGE_SIZE, affine=True):
    return compiled(image_size=image_size, size=size, pitch=pitch, affine=affine)(params, depth)


def draw():
    """32 transforms of everything; scales on both sides of 1."""
    rng = np.random.default_rng(1)
    ones = np.ones((32, 3), np.float32)
    return augment.AugmentParams(
        flip=rng.uniform(size=32) < 0.5,
        brightness=0 * ones[:, 0],
        contrast=ones[:, 0],
        color=ones,
        angle=rng.uniform(-20, 20, size=32).astype(np.float32),
        scale=rng.uniform(0.7, 1.5, size=32).astype(np.float32),
        shift=rng.uniform(-8, 8, size=(32, 2)).astype(np.float32),
    )


def still(flip=None):
    """Without the rest; drawn flips, or all or none."""
    params = draw()
    flips = params.flip if flip is None else np.full(32, flip)
    zeros, ones = np.zeros(32, np.float32), np.ones(32, np.float32)
    return params._replace(flip=flips, angle=zeros, scale=ones, shift=0 * params.shift)


def sources(params, size, pitch):
    """Row and column of the depth map where each pixel of each map comes from, in float64."""
    angle, scale = np.deg2rad(params.angle.astype(float)), params.scale.astype(float)
    sign = np.where(params.flip, -1, 1)
    forward = scale * np.array(
        [[sign * np.cos(angle), -np.sin(angle)], [sign * np.sin(angle), np.cos(angle)]]
    )
    x, y = np.meshgrid(*(np.arange(side) - (side - 1) / 2 for side in size[::-1]))
    in_image = pitch * np.stack([x, y], -1) - params.shift[:, None, None, :]
    original = np.einsum("nij,nhwj->nhwi", np.linalg.inv(forward.transpose(2, 0, 1)), in_image)
    ratio = np.array(DEPTH_SIZE) / np.array(IMAGE_SIZE)
    return [original[..., 1 - axis] * ratio[axis] + (DEPTH_SIZE[axis] - 1) / 2 for axis in (0, 1)]


@pytest.mark.parametrize(("size", "pitch"), MAPS)
def test_each_depth_is_a_copy_of_the_nearest_one_over_the_scale(size, pitch):
    params = draw()
    places = sources(params, size, pitch)
    clear = np.all([abs(place % 1 - 0.5) > 1e-3 for place in places], axis=0)  # of rounding
    assert clear.mean() > 0.98
    row, column = (np.floor(place + 0.5).astype(int) for place in places)
    inside = (row >= 0) & (row < DEPTH_SIZE[0]) & (column >= 0) & (column < DEPTH_SIZE[1])
    copied = HOLES[row.clip(0, DEPTH_SIZE[0] - 1), column.clip(0, DEPTH_SIZE[1] - 1)]
    expected = inside & np.isfinite(copied) & (copied > 0)

    depth, valid = sample_depth(params, HOLES, size, pitch)
    np.testing.assert_array_equal(valid[clear], expected[clear])
    assert (depth[~valid] == 0).all()
    scale = np.broadcast_to(params.scale[:, None, None], copied.shape)
    seen = clear & expected
    np.testing.assert_allclose(depth[seen], copied[seen] / scale[seen], rtol=1e-6)
    assert 0.2 < (~expected).mean() < 0.6
    assert (~inside).mean() > 0.02


@pytest.mark.parametrize(("size", "pitch"), MAPS)
@pytest.mark.parametrize("affine", [True, False])
def test_without_transform_values_are_bits_of_the_input(size, pitch, affine):
    params = still(flip=False)
    depth, valid = sample_depth(params, HOLES, size, pitch, affine=affine)
    assert np.isin(depth[valid], HOLES).all()
    assert (depth[~valid] == 0).all()
    assert 0.5 < valid.mean() < 0.8
    everywhere = sample_depth(params, DEPTH, size, pitch, affine=affine)
    assert everywhere[1].all()
    np.testing.assert_array_equal(depth, np.where(valid, everywhere[0], 0))


@pytest.mark.parametrize("size", [(30, 44), (29, 43), (32, 48)])
def test_without_affine_a_flip_is_the_exact_mirror_image(size):
    """Also where a sample lies half-way between two pixels, of which the right one is copied."""
    plain = sample_depth(still(flip=False), HOLES, size, 2.0, affine=False)
    flipped = sample_depth(still(flip=True), HOLES, size, 2.0, affine=False)
    np.testing.assert_array_equal(flipped[0], plain[0][..., ::-1])
    np.testing.assert_array_equal(flipped[1], plain[1][..., ::-1])


def test_without_affine_nothing_else_is_looked_at():
    got, expected = (
        sample_depth(params, HOLES, (30, 44), 2.0, affine=False) for params in (draw(), still())
    )
    jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize("affine", [True, False])
def test_agrees_with_apply_where_sizes_are_equal(affine):
    params = draw() if affine else still()
    depth = HOLES[:24, :32]
    size = depth.shape
    got, known = sample_depth(params, depth, size, 1.0, image_size=size, affine=affine)
    apply = jax.vmap(functools.partial(augment.apply, affine=affine), in_axes=(0, None, None))
    _, expected, valid = jax.jit(apply)(params, np.zeros((*size, 3), np.float32), depth)
    differ = (known != valid) | (got != expected)
    assert differ.mean() < (1e-3 if affine else 1e-9)  # two programs may round a tie differently


def test_a_map_beyond_the_depth_is_invalid_there():
    depth = np.full((8, 12), 3, np.float32)
    got, valid = sample_depth(still(flip=False), depth, (8, 8), 2.0, image_size=(8, 12))
    expected = np.zeros((8, 8), bool)
    expected[2:6, 1:7] = True  # 8×12 pixels of the image are 4×6 of the map
    np.testing.assert_array_equal(valid, np.broadcast_to(expected, valid.shape))
    np.testing.assert_array_equal(got, np.where(valid, 3, 0))


def test_wrong_shapes_are_refused():
    one = augment.identity_params()
    with pytest.raises((AssertionError, TypeError)):
        augment.sample_depth(one, DEPTH[None], image_size=IMAGE_SIZE, size=(30, 44))
