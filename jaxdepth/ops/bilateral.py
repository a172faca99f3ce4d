"""Edge-keeping weighted means of depth: the bilateral filter, and a cross-bilateral fill of holes.

Both are normalised convolutions: a mean over a window in which every pixel has a confidence, 0 for
a missing one, and the weight falls with the distance in space and with the difference in a guide.
The guide is the depth itself in `bilateral_filter`, the image in `cross_bilateral_fill`.

A window of `size` pixels is centred on its pixel. An even one therefore ends in the middle of the
outermost pixels, which count half along that axis; so both filters commute with flips. The standard
deviation of its Gaussian is `size / 4` by default: the window ends at two of them.
"""

import functools
import math
import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdepth.ops.differences import check_image
from jaxdepth.ops.spectral import positive_scalar, solve_dtype

# A weight of the fill that is not 0 is at least this: it keeps the products of two of them, and
# the squares of those in derivatives, away from underflow, so that no reached pixel stays empty.
_LEAST = 1e-6


def bilateral_filter(
    depth: ArrayLike,
    *,
    sigma_range: ArrayLike = 0.1,
    size: int = 10,
    sigma_space: ArrayLike | None = None,
    mask: ArrayLike | None = None,
) -> jax.Array:
    r"""Smooths a depth map but not its edges, by the mean of near pixels of similar depth.

    $$u_p = \frac{\sum_q w_{pq} D_q}{\sum_q w_{pq}}, \qquad
      w_{pq} = \exp\left(-\frac{\|p - q\|^2}{2\sigma_s^2}
        - \frac{(D_p - D_q)^2}{2\sigma_r^2}\right)$$

    over the valid pixels q in the window of p inside the image.

    Differentiable in `depth`, `sigma_range` and `sigma_space`. Memory is that of a few maps, in
    reverse mode too, whatever the size of the window.

    Args:
      depth: `[..., H, W]` in metres.
      sigma_range: σ_r > 0, a scalar; in metres.
      size: the window's side in pixels, at least 1, static; see the module for an even one.
      sigma_space: σ_s > 0, a scalar; in pixels. By default `size / 4`, which the paper leaves open.
      mask: `[..., H, W]` bool, True where valid; the rest may hold anything, NaN included. Without
        it, 0, negative and non-finite depths are missing.

    Returns:
      `[..., H, W]` in metres, 0 where missing; float64 if `depth` is, else float32. Missing pixels
      are not filled.

    Raises:
      ValueError: if a shape is not one of the above, `size` is less than 1, or a standard deviation
        is not a positive scalar. A value that is traced is not checked.

    Examples:
      A step of 2 m with a ripple of 2 cm: the ripple goes, the step stays.

      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import bilateral_filter
      >>> row = jnp.array([1.01, 0.99, 1.01, 0.99, 2.99, 3.01, 2.99, 3.01])
      >>> bilateral_filter(jnp.tile(row, (8, 1)))[4].round(2)
      Array([1., 1., 1., 1., 3., 3., 3., 3.], dtype=float32)

    References:
      Tomasi and Manduchi, "Bilateral Filtering for Gray and Color Images", ICCV 1998. The defaults
      are those of Li et al., "A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from
      Single RGB Images", ICCV 2017, section 4.3.
    """
    _check_size(size, 1)
    depth, valid = _depth_and_valid(depth, mask)
    dtype = depth.dtype
    sigma_range = positive_scalar("sigma_range", sigma_range, dtype)
    sigma_space = size / 4 if sigma_space is None else sigma_space
    sigma_space = positive_scalar("sigma_space", sigma_space, dtype)
    guide = depth[None] / (math.sqrt(2) * sigma_range)
    total, support = _window_sums(depth, valid.astype(dtype), guide, sigma_space, size=size)
    return jnp.where(valid, total / jnp.where(valid, support, 1), 0)


def cross_bilateral_fill(
    depth: ArrayLike,
    image: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    sigma_range: ArrayLike = 0.2,
    size: int = 5,
) -> jax.Array:
    r"""Fills the missing pixels of a depth map from measured ones, guided by the image.

    A pixel takes the mean of near pixels of similar colour,

    $$\bar u_p = \frac{1}{s_p}\sum_q w_{pq} c_q u_q, \qquad s_p = \sum_q w_{pq} c_q, \qquad
      w_{pq} = \exp\left(-\frac{\|p - q\|^2}{2(2^k\sigma_s)^2}
        - \frac{\|I_p - I_q\|^2}{2\sigma_r^2}\right)$$

    in passes k = 0, 1, … over windows whose pixels are 2ᵏ apart, so that the reach doubles until it
    spans the image. The confidence c is 1 for measured pixels and 0 for missing ones at the start;
    a pass adds only what the finer ones before left open:

    $$u \leftarrow \frac{c\,u + (1 - c)\,\bar c\,\bar u}{c + (1 - c)\,\bar c}, \qquad
      c \leftarrow c + (1 - c)\,\bar c, \qquad \bar c = \min(1, s)$$

    A pixel that found only other colours has a confidence near 0, and gives way to pixels of its
    own colour as soon as a wider window reaches them: so an edge in the image stops the fill even
    where it is far from all measurements. The colour's part of w and the confidence of a reached
    pixel are 1e-6 at least, so that none is lost to underflow.

    Differentiable in `depth`, `image` and `sigma_range`. Once no pixel is open, the remaining
    passes cost nothing, except under `jax.vmap`.

    Args:
      depth: `[..., H, W]` in metres.
      image: `[..., H, W, 3]` float in [0, 1], the image of the same view.
      mask: `[..., H, W]` bool, True where measured; the rest may hold anything, NaN included.
        Without it, 0, negative and non-finite depths are missing.
      sigma_range: σ_r > 0, a scalar; in the image's unit, a Euclidean distance of colours.
      size: the side of the window in its own pixels, at least 2, static. σ_s is a quarter of it.

    Returns:
      `[..., H, W]` in metres; float64 if an input is, else float32. Measured pixels are as given;
      the others lie between the least and the greatest measurement of their map, and none is
      missing unless all are, which gives 0.

    Raises:
      ValueError: if a shape is not one of the above, the image is not of a float type, `size` is
        less than 2, or `sigma_range` is not a positive scalar. A value that is traced is not
        checked.

    Examples:
      One measurement on a dark and one on a bright surface:

      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import cross_bilateral_fill
      >>> depth = jnp.array([[1.0, 0.0, 0.0, 0.0, 0.0, 3.0]])
      >>> brightness = jnp.array([[0.1, 0.1, 0.1, 0.1, 0.9, 0.9]])
      >>> cross_bilateral_fill(depth, jnp.stack([brightness] * 3, axis=-1)).round(2)
      Array([[1., 1., 1., 1., 3., 3.]], dtype=float32)

    References:
      Li et al., "A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB
      Images", ICCV 2017, section 4.1, fills borders by "a cross-bilateral filter" without details.
      The weights are those of Petschnigg et al., "Digital Photography with Flash and No-Flash Image
      Pairs", SIGGRAPH 2004; the widening windows are those of Dammertz et al., "Edge-Avoiding
      À-Trous Wavelet Transform", HPG 2010; the confidence is that of the push-pull algorithm of
      Gortler et al., "The Lumigraph", SIGGRAPH 1996.
    """
    _check_size(size, 2)
    image = jnp.asarray(image)
    dtype = solve_dtype(jnp.asarray(depth), image)
    depth, valid = _depth_and_valid(depth, mask, dtype)
    _check_guide(image, depth)
    sigma_range = positive_scalar("sigma_range", sigma_range, dtype)
    guide = jnp.moveaxis(image.astype(dtype), -1, 0) / (math.sqrt(2) * sigma_range)
    return _fill(depth, valid, guide, size=size)


@functools.partial(jax.jit, static_argnames="size")
def _fill(depth: jax.Array, valid: jax.Array, guide: jax.Array, *, size: int) -> jax.Array:
    # K passes reach (2ᴷ − 1)·radius pixels. They leave no gap, as the square around a measurement
    # that is filled before a pass is at least as wide as the distance of the window's pixels.
    distance = max(depth.shape[-2:]) - 1
    num_passes = math.ceil(distance / (size // 2)).bit_length()
    u, confidence = depth, valid.astype(depth.dtype)
    for k in range(num_passes):
        fill = functools.partial(_fill_pass, guide=guide, size=size, step=2**k)
        done = jnp.all(confidence == 1)
        u, confidence = jax.lax.cond(done, lambda *same: same, fill, u, confidence)

    lowest = jnp.min(jnp.where(valid, depth, jnp.inf), axis=(-2, -1), keepdims=True)
    highest = jnp.max(jnp.where(valid, depth, -jnp.inf), axis=(-2, -1), keepdims=True)
    # A mean leaves the range by rounding alone; its derivative is that of the mean.
    u = u + jax.lax.stop_gradient(jnp.clip(u, lowest, highest) - u)
    return jnp.where(valid, depth, jnp.where(confidence > 0, u, 0))


def _fill_pass(
    u: jax.Array, confidence: jax.Array, *, guide: jax.Array, size: int, step: int
) -> tuple[jax.Array, jax.Array]:
    """(u, c) after one pass."""
    total, support = _window_sums(
        u, confidence, guide, size / 4, size=size, step=step, least=_LEAST
    )
    reached = support > 0
    mean = total / jnp.where(reached, support, 1)
    added = (1 - confidence) * jnp.where(reached, jnp.clip(support, _LEAST, 1), 0)
    joint = confidence + added
    u = u + added / jnp.maximum(joint, _LEAST) * (mean - u)  # exactly u where nothing is added
    return u, jnp.minimum(joint, 1)


@functools.partial(jax.jit, static_argnames=("size", "step", "least"))
def _window_sums(
    values: jax.Array,
    confidence: jax.Array,
    guide: jax.Array,
    sigma: ArrayLike,
    *,
    size: int,
    step: int = 1,
    least: float = 0.0,
) -> tuple[jax.Array, jax.Array]:
    """Σ w c v and Σ w c over the window of every pixel, w = Gaussian · max(similarity, least).

    Args:
      values: `[..., H, W]`, v, finite.
      confidence: `[..., H, W]`, c ≥ 0.
      guide: `[C, ..., H, W]`, finite; the similarity is exp(−‖difference‖²).
      sigma: of the Gaussian, in pixels of the window.
      size: the side of the window in its own pixels.
      step: pixels of the image per pixel of the window.
      least: the similarity of the most different pixels.
    """
    shape, dtype = values.shape[-2:], values.dtype

    def axis(length):
        """Offsets along one axis and their weights, without those that always leave the image."""
        offsets = np.arange(-(size // 2), size // 2 + 1)
        offsets = offsets[step * np.abs(offsets) < length]
        covered = np.where(2 * np.abs(offsets) == size, 0.5, 1.0).astype(dtype)
        return step * offsets, covered * jnp.exp(-((offsets.astype(dtype) / sigma) ** 2) / 2)

    (rows, row_weights), (columns, column_weights) = axis(shape[0]), axis(shape[1])
    margin = rows[-1], columns[-1]
    corners = np.stack(np.meshgrid(rows + margin[0], columns + margin[1], indexing="ij"), axis=-1)
    gaussian = row_weights[:, None] * column_weights[None, :]

    def pad(x):
        return jnp.pad(x, [(0, 0)] * (x.ndim - 2) + [(m, m) for m in margin])

    def shifted(x, corner):
        return jax.lax.dynamic_slice(x, [0] * (x.ndim - 2) + list(corner), x.shape[:-2] + shape)

    @jax.checkpoint  # reverse mode then keeps no map per pixel of the window
    def terms(padded, guide, corner, weight):
        v, c, other = (shifted(x, corner) for x in padded)
        # A sum of terms fuses with the rest, which jnp.sum does not: five times as fast on a CPU.
        similarity = jnp.exp(-sum((a - b) ** 2 for a, b in zip(other, guide, strict=True)))
        w = weight * jnp.maximum(similarity, least) * c
        return w * v, w

    padded = pad(values), pad(confidence), pad(guide)
    sums, _ = jax.lax.scan(
        lambda sums, x: (jax.tree.map(jnp.add, sums, terms(padded, guide, *x)), None),
        (jnp.zeros_like(values), jnp.zeros_like(values)),
        (corners.reshape(-1, 2), gaussian.reshape(-1)),
    )
    return sums


def _check_size(size: int, least: int) -> None:
    if operator.index(size) < least:
        raise ValueError(
            f"size must be at least {least}, got {size}; it is the window's side in pixels."
        )


def _depth_and_valid(
    depth: ArrayLike, mask: ArrayLike | None, dtype: jnp.dtype | None = None
) -> tuple[jax.Array, jax.Array]:
    """The depth, 0 where missing, and where it is not."""
    depth = jnp.asarray(depth)
    check_image("depth", depth)
    valid = jnp.isfinite(depth) & (depth > 0) if mask is None else jnp.asarray(mask)
    if valid.shape != depth.shape or valid.dtype != bool:
        raise ValueError(
            f"mask must be bool and of the shape of depth, {depth.shape}, got {valid.dtype} "
            f"{valid.shape}; compare with a threshold, and broadcast it."
        )
    return jnp.where(valid, depth, 0).astype(dtype or solve_dtype(depth)), valid


def _check_guide(image: jax.Array, depth: jax.Array) -> None:
    if image.shape != (*depth.shape, 3):
        raise ValueError(
            f"image must have the shape of depth and a last axis of 3, {(*depth.shape, 3)}, got "
            f"{image.shape}; resize it to the depth's frame."
        )
    if not jnp.issubdtype(image.dtype, jnp.floating):
        raise ValueError(
            f"image must be float in [0, 1], got {image.dtype}; divide 8-bit values by 255."
        )
