"""Placing maps in frames: against a loop over pixels, exact cases, what is outside."""

import doctest
import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth.ops import place_in_frame

CASES = {
    "whole": ((5, 6), (24, 32), 4),
    "odd": ((4, 7), (25, 40), 3),
    "fractional": ((5, 6), (20, 19), 2.5),
    "two pitches": ((5, 6), (30, 31), (3.75, 2.2)),
    "cropped": ((9, 8), (10, 11), (4, 3.3)),
    "reduction": ((12, 16), (8, 9), (1.5, 0.75)),
    "one pixel": ((1, 1), (5, 4), 3),
}


def reference(values, frame, pitch):
    """Frame pixel by frame pixel, with the map's border continued for half a pixel."""
    result = np.zeros(frame)
    for i in range(frame[0]):
        for j in range(frame[1]):
            position, covered = [], True
            for index, n, size, p in zip((i, j), values.shape, frame, pitch, strict=True):
                x = (index + 0.5 - size / 2) / p + n / 2  # in the map, 0 at its first edge
                covered &= 0 <= x < n
                position.append(min(max(x - 0.5, 0), n - 1))
            if covered:
                (top, left), (y, x) = np.floor(position).astype(int), np.mod(position, 1)
                rows = values[[top, min(top + 1, values.shape[0] - 1)]]
                square = rows[:, [left, min(left + 1, values.shape[1] - 1)]]
                result[i, j] = np.array([1 - y, y]) @ square @ np.array([1 - x, x])
    return result


def values_of(shape, seed=0):
    return np.random.default_rng(seed).uniform(1, 5, size=shape)


@functools.cache
def placing(frame, pitch):
    return jax.jit(functools.partial(place_in_frame, frame=frame, pitch=pitch))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_equals_a_loop_over_pixels(x64, case):
    shape, frame, pitch = case
    values = values_of(shape)
    expected = reference(values, frame, np.broadcast_to(pitch, 2))
    np.testing.assert_allclose(placing(frame, pitch)(values), expected, rtol=0, atol=1e-12)


def test_the_map_of_the_paper_leaves_a_border_of_18_and_20_pixels():
    ones = np.asarray(placing((480, 640), 4)(np.ones((111, 150), np.float32)))
    expected = np.zeros((480, 640))
    expected[18:-18, 20:-20] = 1
    np.testing.assert_array_equal(ones, expected)


def test_constants_and_affine_functions_are_exact():
    y, x = np.mgrid[:6, :8].astype(np.float32)
    place = placing((30, 36), 4)
    constant = np.asarray(place(np.full((6, 8), np.float32(2.7))))
    np.testing.assert_array_equal(constant[3:-3, 2:-2], np.float32(2.7))
    affine = np.asarray(place(1 + 4 * y + 8 * x))
    expected = 1 + 1 * (np.arange(24)[:, None] - 1.5) + 2 * (np.arange(32) - 1.5)
    np.testing.assert_allclose(affine[5:-5, 4:-4], expected[2:-2, 2:-2], atol=1e-5)


def test_pitch_one_is_a_copy():
    values = values_of((6, 8)).astype(np.float32)
    np.testing.assert_array_equal(placing((6, 8), 1)(values), values)
    np.testing.assert_array_equal(placing((4, 4), 1)(values), values[1:-1, 2:-2])
    np.testing.assert_array_equal(placing((8, 8), 1.0)(values)[1:-1], values)


def test_batch_axes_equal_a_loop_and_vmap():
    values = values_of((2, 3, 4, 7)).astype(np.float32)
    place = placing((25, 40), 3)
    loop = np.stack([[place(values[i, j]) for j in range(3)] for i in range(2)])
    np.testing.assert_array_equal(place(values), loop)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(place)))(values), loop)
    assert place(values[:0]).shape == (0, 3, 25, 40)


def test_derivative_equals_finite_differences(x64):
    check_grads(placing((25, 40), 3), (values_of((4, 7)),), order=1, modes=("fwd", "rev"))


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.int32])
def test_is_computed_in_float32_at_least(dtype):
    values = jnp.asarray(values_of((5, 6)), dtype)
    place = placing((24, 32), 4)
    assert place(values).dtype == jnp.float32
    np.testing.assert_array_equal(place(values), place(values.astype(jnp.float32)))


@pytest.mark.parametrize(
    ("shape", "kwargs", "message"),
    [
        ((4,), {}, r"depth_map must be \[..., H, W\].*\(4,\)"),
        ((3, 4), {"frame": (0, 4)}, r"frame must have at least one pixel, got \(0, 4\); pass"),
        ((3, 4), {"pitch": 0}, "pitch must be positive and finite, got 0; it is"),
        ((3, 4), {"pitch": (4, -1.0)}, r"pitch must be positive and finite, got \(4, -1.0\)"),
        ((3, 4), {"pitch": float("nan")}, "pitch must be positive and finite, got nan"),
    ],
)
def test_errors(shape, kwargs, message):
    with pytest.raises(ValueError, match=message):
        place_in_frame(jnp.ones(shape), **{"frame": (9, 9), "pitch": 2, **kwargs})


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.placement")).failed == 0
