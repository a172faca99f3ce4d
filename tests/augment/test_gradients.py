"""∇ of an augmented depth map is the augmented ∇ of the depth map."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth import augment
from jaxdepth.ops import warp

HEIGHT, WIDTH = 24, 32
X, Y = np.meshgrid(np.arange(WIDTH) - (WIDTH - 1) / 2, np.arange(HEIGHT) - (HEIGHT - 1) / 2)
DEPTH = np.random.default_rng(0).uniform(1, 10, size=(HEIGHT, WIDTH))


def on_host(function, **options):
    """`function`, compiled, from and to NumPy arrays."""
    compiled = jax.jit(function, **options)
    return lambda *args, **kwargs: jax.device_get(compiled(*args, **kwargs))


static = {"static_argnames": ("stencil", "pitch", "affine")}
compiled_apply = on_host(augment.apply_to_gradients, **static)
gradients_to_original = on_host(augment.gradients_to_original, **static)
warp_bilinear, matrix = on_host(warp.warp_bilinear), on_host(augment.matrix)


def apply_to_gradients(params, gradients, valid=None, *, stencil="forward", **options):
    valid = np.ones_like(gradients, bool) if valid is None else valid
    return compiled_apply(params, gradients, valid, stencil=stencil, **options)


def params(**fields):
    """The identity with some fields changed, in NumPy."""
    identity = jax.tree.map(np.asarray, augment.identity_params())
    fields = {
        name: np.asarray(value, getattr(identity, name).dtype) for name, value in fields.items()
    }
    return identity._replace(**fields)


def differences(depth, stencil):
    """Differences with NaN where they do not exist."""
    result = np.full((*depth.shape, 2), np.nan, depth.dtype)
    if stencil == "forward":
        result[:, :-1, 0], result[:-1, :, 1] = np.diff(depth, axis=1), np.diff(depth, axis=0)
    else:
        result[:, 1:-1, 0] = depth[:, 2:] - depth[:, :-2]
        result[1:-1, :, 1] = depth[2:] - depth[:-2]
    return result


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("stencil", ["forward", "central"])
@pytest.mark.parametrize("affine", [True, False])
def test_exact_for_identity_and_flip(flip, stencil, affine):
    before = differences(DEPTH.astype(np.float32), stencil)
    depth = DEPTH[:, ::-1] if flip else DEPTH
    expected = differences(depth.astype(np.float32), stencil)
    got, valid = apply_to_gradients(
        params(flip=flip), before, np.isfinite(before), stencil=stencil, affine=affine
    )
    np.testing.assert_array_equal(valid, np.isfinite(expected))
    np.testing.assert_array_equal(got, np.where(valid, expected, 0))


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("stencil", ["forward", "central"])
def test_without_affine_everything_is_as_with_it(flip, stencil):
    """Holes, what is said to exist beyond the border, and predictions that return."""
    rng = np.random.default_rng(3)
    fields = rng.normal(size=(HEIGHT, WIDTH, 2)).astype(np.float32)
    exists = rng.uniform(size=fields.shape) < 0.8
    holes = np.where(exists, fields, np.nan)
    for function, *args in [
        (apply_to_gradients, holes, exists),
        (apply_to_gradients, fields),
        (gradients_to_original, fields),
    ]:
        got, expected = (
            function(params(flip=flip), *args, stencil=stencil, affine=affine)
            for affine in (False, True)
        )
        np.testing.assert_array_equal(got[1], expected[1])
        np.testing.assert_array_equal(got[0], expected[0])
        assert np.isfinite(got[0]).all()


@pytest.mark.parametrize("stencil", ["forward", "central"])
def test_derivative_is_finite_beside_components_that_do_not_exist(stencil):
    before = differences(DEPTH.astype(np.float32), stencil)
    exists, flipped = jax.tree.map(jnp.asarray, (np.isfinite(before), params(flip=True)))

    @on_host
    @jax.grad
    def derivative(gradients):
        """Of the sum of both ways."""
        return sum(
            augment.apply_to_gradients(flipped, gradients, exists, stencil=stencil, affine=affine)[
                0
            ].sum()
            for affine in (True, False)
        )

    expected = np.where(exists, [[[-2, 2]]], 0)
    np.testing.assert_array_equal(derivative(before), expected)


@pytest.mark.parametrize("stencil", ["forward", "central"])
def test_pitch_divides_a_shift(stencil):
    """Four pixels of the image to the right are two pixels of a map of pitch 2."""
    before = differences(DEPTH.astype(np.float32), stencil)
    got, valid = apply_to_gradients(
        params(shift=[4.0, -6.0]), before, np.isfinite(before), stencil=stencil, pitch=2.0
    )
    expected = np.full_like(before, np.nan)
    expected[:-3, 2:] = before[3:, :-2]
    np.testing.assert_array_equal(valid, np.isfinite(expected))
    np.testing.assert_array_equal(got, np.where(valid, expected, 0))

    moved = np.zeros_like(before)
    moved[:-3, 2:] = np.where(np.isfinite(before), before, 0)[3:, :-2]
    back, known = gradients_to_original(
        params(shift=[4.0, -6.0]), moved, stencil=stencil, pitch=2.0
    )
    seen = known & np.isfinite(before)
    np.testing.assert_array_equal(back[seen], before[seen])
    assert known[4:-1, :-4].all()
    assert not known[:3].any()
    assert not known[:, -2:].any()


def test_pitch_matters_for_a_shift_alone():
    fields = np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 2)).astype(np.float32)
    turned = params(flip=True, angle=7.0, scale=1.2)
    one, two = (gradients_to_original(turned, fields, pitch=pitch) for pitch in (1.0, 2.0))
    np.testing.assert_array_equal(one[1], two[1])
    np.testing.assert_allclose(one[0], two[0], atol=1e-6)


def test_flip_negates_x_only():
    gradients = np.ones((HEIGHT, WIDTH, 2), np.float32)
    got, valid = apply_to_gradients(params(flip=True), gradients, stencil="central")
    np.testing.assert_array_equal(got, gradients * [-1, 1])
    assert valid.all()


def test_rotation_turns_the_vector():
    gradients = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    gradients[..., 0] = 1
    got, valid = apply_to_gradients(params(angle=30.0), gradients)
    np.testing.assert_allclose(got[valid[..., 0], 0], np.sqrt(3) / 2, rtol=1e-5)
    np.testing.assert_allclose(got[valid[..., 1], 1], 1 / 2, rtol=1e-5)


def test_scale_divides_twice():
    gradients = np.full((HEIGHT, WIDTH, 2), 3, np.float32)
    got, valid = apply_to_gradients(params(scale=1.5), gradients)
    assert valid.all()
    np.testing.assert_allclose(got, 3 / 1.5**2, rtol=1e-6)


@pytest.mark.parametrize("stencil", ["forward", "central"])
@pytest.mark.parametrize(
    "fields",
    [
        {"angle": 5.0},
        {"scale": 1.4},
        {"flip": True, "angle": -9.0, "scale": 1.2},
        {"flip": True, "angle": -9.0, "scale": 1.2, "shift": [1.5, -0.7]},
    ],
    ids=str,
)
def test_agrees_with_differences_of_a_warped_surface(fields, stencil, x64):
    """On a plane to rounding; on a paraboloid, whose gradient is linear, to the interpolation."""
    chosen = params(**fields)
    interior = (slice(4, -4), slice(6, -6))
    for bend, tolerance in [(0.0, 1e-10), (0.01, 1e-2)]:
        depth = 8 + 0.2 * X - 0.1 * Y + bend * (X**2 + X * Y - Y**2)
        warped, _ = warp_bilinear(depth[..., None], matrix(chosen))
        expected = differences(warped[..., 0] / chosen.scale, stencil)[interior]
        before = differences(depth, stencil)
        got, valid = apply_to_gradients(chosen, before, np.isfinite(before), stencil=stencil)
        assert valid[interior].all()
        np.testing.assert_allclose(got[interior], expected, atol=tolerance)


def test_forward_differences_lie_between_their_pixels(x64):
    """On a parabola the half-pixel offsets show: the transformed field is exact, not just close."""
    chosen = params(flip=True, angle=90.0)
    size = HEIGHT
    x, y = np.meshgrid(np.arange(size) - (size - 1) / 2, np.arange(size) - (size - 1) / 2)
    depth = 50 + 0.1 * x**2 + 0.05 * x * y + 0.02 * y**2
    turned = np.rot90(depth[:, ::-1], -1)
    got, valid = apply_to_gradients(chosen, differences(depth, "forward"))
    np.testing.assert_allclose(
        got[1:-1, 1:-1], differences(turned, "forward")[1:-1, 1:-1], atol=1e-10
    )
    assert valid[1:-1, 1:-1].all()


def test_components_that_need_a_missing_one_are_invalid():
    gradients = np.ones((HEIGHT, WIDTH, 2), np.float32)
    valid = np.ones((HEIGHT, WIDTH, 2), bool)
    gradients[8, 9, 1], valid[8, 9, 1] = np.nan, False
    got, known = apply_to_gradients(params(angle=3.0, scale=1.2), gradients, valid)
    assert np.isfinite(got).all()
    assert (got[~known] == 0).all()
    assert 0 < (~known[2:-2, 2:-2]).sum() < 20
    # A flip does not mix the components: x is there although y is missing.
    _, known = apply_to_gradients(params(flip=True), gradients, valid)
    assert known[8, WIDTH - 1 - 9, 0]
    assert not known[8, WIDTH - 1 - 9, 1]


def test_prediction_returns_to_the_original_frame():
    chosen = params(flip=True, angle=-6.0, scale=1.3)
    gradients = np.broadcast_to(np.array([0.3, -0.2], np.float32), (HEIGHT, WIDTH, 2))
    augmented, _ = apply_to_gradients(chosen, gradients, stencil="central")
    back, valid = gradients_to_original(chosen, augmented, stencil="central")
    interior = (abs(X) < 8) & (abs(Y) < 6)
    assert valid[interior].all()
    np.testing.assert_allclose(back[interior], gradients[interior], rtol=1e-5)
    assert not valid[0].any()  # magnified out of the frame


def test_vmap_agrees_with_loop():
    chosen = [params(flip=True, angle=3.0), params(angle=-5.0, scale=1.5)]
    stacked = jax.tree.map(lambda *fields: np.stack(fields), *chosen)
    fields = np.random.default_rng(1).normal(size=(2, HEIGHT, WIDTH, 2)).astype(np.float32)
    batched, valid = on_host(jax.vmap(augment.gradients_to_original))(stacked, fields)
    for index, one in enumerate(chosen):
        got, known = gradients_to_original(one, fields[index])
        np.testing.assert_array_equal(known, valid[index])
        np.testing.assert_allclose(got, batched[index], atol=1e-4)


def test_unknown_stencil_is_refused():
    with pytest.raises((ValueError, TypeError)):
        apply_to_gradients(params(), DEPTH[..., None].repeat(2, axis=-1), stencil="backward")
