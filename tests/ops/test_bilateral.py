"""Bilateral filters against loops over pixels, and what they promise about edges and holes."""

import doctest
import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth.ops import bilateral_filter, cross_bilateral_fill

NAN = np.nan


def window(size, sigma):
    """(row, column, weight) of every pixel of a window, by its definition."""
    steps = [o for o in range(-size, size + 1) if abs(o) <= size / 2]
    half = {o: 0.5 if abs(o) == size / 2 else 1.0 for o in steps}
    return [
        (y, x, half[y] * half[x] * np.exp(-(y * y + x * x) / (2 * sigma**2)))
        for y in steps
        for x in steps
    ]


def inside(shape, y, x):
    return 0 <= y < shape[0] and 0 <= x < shape[1]


def reference_filter(depth, valid, sigma_range, size, sigma_space):
    result = np.zeros(depth.shape)
    for p in np.argwhere(valid):
        total = support = 0.0
        for y, x, weight in window(size, sigma_space):
            q = (p[0] + y, p[1] + x)
            if inside(depth.shape, *q) and valid[q]:
                weight *= np.exp(-((depth[tuple(p)] - depth[q]) ** 2) / (2 * sigma_range**2))
                total, support = total + weight * depth[q], support + weight
        result[tuple(p)] = total / support
    return result


def reference_fill(depth, image, valid, sigma_range, size):
    u, confidence, step, reach = np.where(valid, depth, 0.0), valid.astype(float), 1, 0
    while reach < max(depth.shape) - 1:
        next_u, next_confidence = u.copy(), confidence.copy()
        for p in map(tuple, np.argwhere(~valid)):
            total = support = 0.0
            for y, x, weight in window(size, size / 4):
                q = (p[0] + step * y, p[1] + step * x)
                if inside(depth.shape, *q) and confidence[q] > 0:
                    distance = np.sum((image[p] - image[q]) ** 2)
                    weight *= max(np.exp(-distance / (2 * sigma_range**2)), 1e-6) * confidence[q]
                    total, support = total + weight * u[q], support + weight
            if support > 0:
                c = confidence[p]
                new = (1 - c) * min(1, max(support, 1e-6))
                next_u[p] = (c * u[p] + new * total / support) / (c + new)
                next_confidence[p] = c + new
        u, confidence, step, reach = next_u, next_confidence, 2 * step, reach + step * (size // 2)
    return u


def scene(shape=(9, 12), seed=0, missing=0.4):
    """Depth in metres, a mask of what is measured, and an image, all random."""
    rng = np.random.default_rng(seed)
    depth, image = rng.uniform(1, 1.5, size=shape), rng.uniform(0.3, 0.7, size=(*shape, 3))
    dtype = np.float64 if jax.config.jax_enable_x64 else np.float32
    return depth.astype(dtype), rng.uniform(size=shape) > missing, image.astype(dtype)


compiled_filter = jax.jit(bilateral_filter, static_argnames="size")
compiled_fill = jax.jit(cross_bilateral_fill, static_argnames="size")


@pytest.mark.parametrize(
    ("size", "sigma_space"), [(10, None), (3, 1.5), (4, 0.8), (1, 1.0), (30, 20.0)]
)
def test_filter_equals_a_loop_over_pixels(x64, size, sigma_space):
    depth, valid, _ = scene()
    result = compiled_filter(depth, sigma_range=0.2, size=size, sigma_space=sigma_space, mask=valid)
    expected = reference_filter(depth, valid, 0.2, size, sigma_space or size / 4)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


def test_filter_defaults(x64):
    depth, valid, _ = scene(seed=1)
    expected = reference_filter(depth, valid, 0.1, 10, 2.5)
    np.testing.assert_allclose(
        compiled_filter(np.where(valid, depth, 0)), expected, rtol=0, atol=1e-12
    )


def test_filter_reduces_noise_and_keeps_a_step():
    rng = np.random.default_rng(2)
    clean = np.where(np.arange(40) < 20, 2.0, 2.8) * np.ones((30, 1))
    noisy = clean + 0.03 * rng.normal(size=clean.shape)
    result = np.asarray(compiled_filter(noisy.astype(np.float32)))
    assert np.std((result - clean)[5:-5, 5:-5]) < 0.3 * 0.03
    np.testing.assert_allclose(result[:, 19:21], clean[:, 19:21], atol=0.04)


def test_filter_commutes_with_flips():
    depth, valid, _ = scene(seed=3)
    result = compiled_filter(depth, mask=valid)
    flipped = compiled_filter(depth[::-1, ::-1], mask=valid[::-1, ::-1])
    np.testing.assert_allclose(flipped[::-1, ::-1], result, atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 12), (1, 12), (1, 1)])
def test_fill_equals_a_loop_over_pixels(x64, shape):
    depth, valid, image = scene(shape, seed=4, missing=0.9)
    valid[0, 0] = True
    result = compiled_fill(depth, image, mask=valid, sigma_range=0.15)
    expected = reference_fill(depth, image, valid, 0.15, 5)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [2, 8])
def test_fill_with_another_window(x64, size):
    depth, valid, image = scene(seed=5, missing=0.95)
    valid[4, 5] = True
    result = compiled_fill(depth, image, mask=valid, size=size)
    expected = reference_fill(depth, image, valid, 0.2, size)
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("shape", "size"), [((21, 70), 5), ((33, 4), 2)])
def test_one_measurement_fills_the_whole_map(shape, size):
    # Colours so far apart that every weight underflows to its floor, in a corner or anywhere.
    image = np.random.default_rng(6).integers(0, 2, (*shape, 3)).astype(np.float32)
    fill = functools.partial(compiled_fill, sigma_range=1e-3, size=size)
    for pixel in [(0, 0), (shape[0] - 1, 0), (shape[0] // 2, shape[1] // 3)]:
        depth = np.zeros(shape, np.float32)
        depth[pixel] = 2.7
        np.testing.assert_array_equal(fill(depth, image), np.float32(2.7) * np.ones(shape))


def test_fill_keeps_measurements_and_their_range():
    depth, valid, image = scene((30, 40), seed=7, missing=0.7)
    result = np.asarray(compiled_fill(depth, image, mask=valid))
    np.testing.assert_array_equal(result[valid], depth[valid])
    assert depth[valid].min() <= result.min() <= result.max() <= depth[valid].max()


def test_nothing_measured_gives_zero():
    depth, _, image = scene(seed=8)
    assert not np.any(compiled_fill(np.full_like(depth, NAN), image))
    assert not np.any(compiled_filter(np.zeros_like(depth)))


def test_fill_follows_the_edge_of_the_image():
    """A box before a wall, in noise and shading; only a part of both is measured."""
    rng = np.random.default_rng(9)
    y, x = np.mgrid[:60, :80]
    box = (y > 20) & (x + y / 4 > 40)
    depth = np.where(box, 2.0, 4.0) + 0.002 * x
    image = np.where(box[..., None], [0.7, 0.4, 0.2], [0.4, 0.5, 0.6]) + 0.001 * y[..., None]
    image = (image + 0.02 * rng.normal(size=image.shape)).clip(0, 1).astype(np.float32)
    valid = (y >= 10) & (y < 50) & (x >= 12) & (x < 68)  # missing borders, where the edge goes on
    valid &= (y - 35) ** 2 + (x - 33) ** 2 > 12**2  # and a hole across it
    filled = np.asarray(compiled_fill(depth.astype(np.float32), image, mask=valid))
    assert np.max(np.abs(filled - depth)) < 0.3
    without_colours = compiled_fill(depth.astype(np.float32), 0 * image, mask=valid)
    assert np.max(np.abs(without_colours - depth)) > 1


FUNCTIONS = {
    "filter": lambda depth, image, mask: bilateral_filter(depth, size=4, mask=mask),
    "fill": lambda depth, image, mask: cross_bilateral_fill(depth, image, mask=mask),
}


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_what_lies_under_the_mask_changes_nothing(function):
    depth, valid, image = scene(seed=10)
    weight = np.random.default_rng(11).normal(size=depth.shape).astype(np.float32)

    @jax.jit
    def value_and_derivative(depth):
        return jax.value_and_grad(lambda d: jnp.sum(weight * function(d, image, valid)))(depth)

    value, derivative = value_and_derivative(np.where(valid, depth, 7))
    for other in (NAN, np.inf, 0, -3e38):
        other_value, other_derivative = value_and_derivative(np.where(valid, depth, other))
        np.testing.assert_array_equal(other_value, value)
        np.testing.assert_array_equal(other_derivative, derivative)
    assert np.all(np.isfinite(derivative))
    assert np.all(derivative[~valid] == 0)
    for other in (NAN, np.inf, 0, -1):
        without = jax.jit(function)(np.where(valid, depth, other), image, None)
        np.testing.assert_allclose(np.sum(weight * without), value, rtol=1e-4)


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_batch_axes_equal_a_loop_and_vmap(function):
    depth, valid, image = scene((2, 3, 5, 6), seed=12)
    valid[0, 1] = True  # nothing to fill here
    valid[1, 2] = False
    single = jax.jit(function)
    loop = np.stack(
        [[single(depth[i, j], image[i, j], valid[i, j]) for j in range(3)] for i in range(2)]
    )
    np.testing.assert_allclose(single(depth, image, valid), loop, atol=1e-6)
    np.testing.assert_allclose(
        jax.jit(jax.vmap(jax.vmap(function)))(depth, image, valid), loop, atol=1e-6
    )


def test_filter_derivatives_equal_finite_differences(x64):
    depth, valid, _ = scene((5, 6), seed=13)

    @jax.jit
    def smooth(depth, sigma_range, sigma_space):
        return bilateral_filter(
            depth, sigma_range=sigma_range, size=4, sigma_space=sigma_space, mask=valid
        )

    check_grads(smooth, (depth, 0.2, 1.2), order=1, modes=("fwd", "rev"), rtol=1e-6, atol=1e-6)


def test_fill_derivatives_equal_finite_differences(x64):
    depth, valid, image = scene((4, 5), seed=14, missing=0.7)

    @jax.jit
    def fill(depth, image, sigma_range):
        return cross_bilateral_fill(depth, image, mask=valid, sigma_range=sigma_range)

    check_grads(fill, (depth, image, 0.3), order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-5)


def test_fill_derivatives_are_finite_where_weights_underflow():
    shape = (9, 14)
    image = np.random.default_rng(15).integers(0, 2, (*shape, 3)).astype(np.float32)
    depth = np.zeros(shape, np.float32)
    depth[1, 2], depth[7, 11] = 1.0, 4.0

    @jax.jit
    def derivatives(depth, image, sigma_range):
        def value(*args):
            return jnp.sum(cross_bilateral_fill(*args[:2], sigma_range=args[2]))

        return jax.grad(value, argnums=(0, 1, 2))(depth, image, sigma_range)

    for sigma_range in (1e-3, 0.2, 10.0):
        assert all(np.all(np.isfinite(d)) for d in derivatives(depth, image, sigma_range))


def test_reverse_mode_keeps_no_map_per_pixel_of_the_window():
    depth = jnp.asarray(scene((40, 50), seed=16)[0])

    def kept_bytes(size):
        _, pullback = jax.vjp(lambda d: bilateral_filter(d, size=size), depth)
        return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))

    assert kept_bytes(9) - kept_bytes(3) < 2 * depth.nbytes


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_computed_in_float32(dtype):
    depth, valid, image = (jnp.asarray(a) for a in scene((5, 6), seed=17))
    depth, image = depth.astype(dtype), image.astype(dtype)
    result = compiled_filter(depth, mask=valid)
    assert result.dtype == jnp.float32
    expected = compiled_filter(depth.astype(jnp.float32), mask=valid)
    np.testing.assert_array_equal(result, expected)
    assert jax.eval_shape(cross_bilateral_fill, depth, image).dtype == jnp.float32


D, I = jnp.ones((3, 4)), jnp.ones((3, 4, 3))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((D[0],), {}, r"depth must be \[..., H, W\].*\(4,\)"),
        ((D,), {"mask": D[0] > 0}, r"mask must be bool and of the shape of depth, \(3, 4\), got"),
        ((D,), {"mask": D}, "mask must be bool .* got float32"),
        ((D,), {"size": 0}, "size must be at least 1, got 0"),
        ((D,), {"sigma_range": 0.0}, "sigma_range must be positive and finite, got 0.0"),
        ((D,), {"sigma_space": -1.0}, "sigma_space must be positive and finite, got -1.0"),
        ((D, I[..., :1]), {}, r"a last axis of 3, \(3, 4, 3\), got \(3, 4, 1\)"),
        ((D, I.astype(jnp.uint8)), {}, r"image must be float in \[0, 1\], got uint8; divide"),
        ((D, I), {"size": 1}, "size must be at least 2, got 1"),
        ((D, I), {"sigma_range": -2}, "sigma_range must be positive and finite, got -2.0"),
    ],
)
def test_errors(args, kwargs, message):
    function = bilateral_filter if len(args) == 1 else cross_bilateral_fill
    with pytest.raises(ValueError, match=message):
        function(*args, **kwargs)


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.bilateral")).failed == 0
