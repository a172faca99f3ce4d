"""Affine warps of one image, by sampling at inversely mapped positions.

Positions are in the *centred pixel frame*: x to the right, y down, in pixels, with (0, 0) at the
centre of the image, so pixel (row i, column j) of an H × W image lies at
(x, y) = (j − (W − 1)/2, i − (H − 1)/2). Rotation, scale and flip about the centre then need no
translation, and their matrix does not depend on the size of the image.

A warp is a 3 × 3 matrix A of homogeneous coordinates that carries a position of the source to its
place in the result; the result is made by sampling the source at A⁻¹p for each of its pixels p.
A sample counts as inside the frame where the pixel nearest to it exists, that is, up to half a
pixel beyond the outermost pixel centres. The result has the source's size unless `size` says
otherwise; its own centre is then the origin of its frame. All functions are for one image; use
`jax.vmap` for a batch. They are exact for the identity and for flips.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike


def affine_matrix(
    *,
    angle: ArrayLike = 0.0,
    scale: ArrayLike = 1.0,
    flip: ArrayLike = False,
    shift: tuple[ArrayLike, ArrayLike] = (0.0, 0.0),
) -> jax.Array:
    """The matrix of a flip, then a rotation and a magnification, then a shift.

    It carries p to s R(θ) F p + t, where F is diag(−1, 1) for a flip and the identity otherwise.

    Args:
      angle: θ in degrees. A positive angle turns the x axis towards the y axis, which points down:
        clockwise as the image is displayed.
      scale: s, the magnification; positive. 2 shows the middle half of the image twice as large.
      flip: whether x changes sign (left and right exchanged).
      shift: t = (x, y), in pixels.

    Returns:
      `[3, 3]` float. Without arguments, the identity; exactly, as flips are exact.

    Examples:
      >>> affine_matrix(scale=2.0, shift=(5.0, 0.0))
      Array([[2., 0., 5.],
             [0., 2., 0.],
             [0., 0., 1.]], dtype=float32)
    """
    theta = jnp.deg2rad(jnp.asarray(angle, jnp.result_type(float, angle)))
    cos, sin = scale * jnp.cos(theta), scale * jnp.sin(theta)
    sign = jnp.where(flip, -1.0, 1.0).astype(cos.dtype)
    zero, one = jnp.zeros_like(cos), jnp.ones_like(cos)
    return jnp.stack(
        [
            jnp.stack([sign * cos, zero - sin, zero + shift[0]]),
            jnp.stack([sign * sin, cos, zero + shift[1]]),
            jnp.stack([zero, zero, one]),
        ]
    )


def compose_affine(*matrices: ArrayLike) -> jax.Array:
    """One matrix for several warps, the first argument being applied first.

    Args:
      *matrices: `[3, 3]` each, at least one.

    Returns:
      `[3, 3]`, the product A_n ⋯ A_2 A_1, at full precision on every device.

    Raises:
      ValueError: if no matrix is given.
    """
    if not matrices:
        raise ValueError("compose_affine needs at least one matrix; pass affine_matrix().")
    product = jnp.asarray(matrices[0])
    for matrix in matrices[1:]:
        product = jnp.matmul(matrix, product, precision=jax.lax.Precision.HIGHEST)
    return product


def invert_affine(matrix: ArrayLike) -> jax.Array:
    """The matrix of the inverse warp, in closed form.

    Args:
      matrix: `[3, 3]` with last row (0, 0, 1). A singular matrix gives non-finite entries.

    Returns:
      `[3, 3]`.
    """
    matrix = jnp.asarray(matrix)
    a, b, x = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    c, d, y = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    determinant = a * d - b * c
    ia, ib = d / determinant, -b / determinant
    ic, id_ = -c / determinant, a / determinant
    zero, one = jnp.zeros_like(a), jnp.ones_like(a)
    return jnp.stack(
        [
            jnp.stack([ia, ib, -(ia * x + ib * y)]),
            jnp.stack([ic, id_, -(ic * x + id_ * y)]),
            jnp.stack([zero, zero, one]),
        ]
    )


def warp_bilinear(
    image: ArrayLike,
    matrix: ArrayLike,
    *,
    valid: ArrayLike | None = None,
    size: tuple[int, int] | None = None,
    extrapolate: bool = True,
) -> tuple[jax.Array, jax.Array]:
    """Warps an image, or any other dense map, with bilinear interpolation.

    Interpolation is exact for constants and for affine functions of the position. In the outermost
    half pixel of the frame, the border value is continued. Differentiable in `image`.

    Args:
      image: `[H, W, C]` float; any range.
      matrix: `[3, 3]`, source to result, as from `affine_matrix`.
      valid: `[H, W]` bool. Where False, the pixel holds no value (NaN is allowed there), and
        a sample that would use it is invalid. Without it, every pixel is valid.
      size: (height, width) of the result, static; by default the source's.
      extrapolate: False makes samples in the outermost half pixel of the frame invalid, where the
        border value would be continued.

    Returns:
      `(image, valid)`: `[*size, C]` of the same type, 0 where invalid; `[*size]` bool, False where
      the sample is outside the frame or uses an invalid pixel.

    Raises:
      ValueError: if a shape is not one of the above.
    """
    image = jnp.asarray(image)
    if image.ndim != 3:
        raise ValueError(
            f"warp_bilinear takes one image [H, W, C], got shape {image.shape}; "
            "use jax.vmap for a batch, image[..., None] for a single channel."
        )
    height, width, channels = image.shape
    if valid is not None:
        valid = jnp.asarray(valid)
        if valid.shape != (height, width):
            raise ValueError(
                f"valid must have the image's shape [H, W] = {(height, width)}, got {valid.shape}."
            )
        # One more channel interpolates "missing": exactly 0 where no missing pixel has weight.
        missing = jnp.where(valid, 0, 1).astype(image.dtype)[..., None]
        image = jnp.concatenate([jnp.where(valid[..., None], image, 0), missing], axis=-1)

    x, y, inside = _source_positions(matrix, (height, width), size)
    if not extrapolate:
        slack = 1e-4  # pixels, for rounded positions
        inside = (x >= -slack) & (x <= width - 1 + slack)
        inside = inside & (y >= -slack) & (y <= height - 1 + slack)
    x, y = jnp.clip(x, 0, width - 1), jnp.clip(y, 0, height - 1)
    left, top = jnp.floor(x), jnp.floor(y)
    weight_x = (x - left).astype(image.dtype)[..., None]
    weight_y = (y - top).astype(image.dtype)[..., None]
    left, top = _to_index(left, width), _to_index(top, height)
    right, bottom = jnp.minimum(left + 1, width - 1), jnp.minimum(top + 1, height - 1)

    # a + w (b − a) is exact for w = 0 and for a = b, which (1 − w) a + w b is not.
    upper, lower = _take(image, top, left), _take(image, bottom, left)
    upper = upper + weight_x * (_take(image, top, right) - upper)
    lower = lower + weight_x * (_take(image, bottom, right) - lower)
    result = upper + weight_y * (lower - upper)

    if valid is not None:
        inside = inside & (result[..., -1] == 0)
        result = result[..., :channels]
    return jnp.where(inside[..., None], result, 0), inside


def warp_nearest(
    depth: ArrayLike, matrix: ArrayLike, *, size: tuple[int, int] | None = None
) -> tuple[jax.Array, jax.Array]:
    """Warps a map by copying the nearest pixel; values are never mixed.

    This keeps a hole a hole and an edge an edge in measured depth.

    Args:
      depth: `[H, W]`; any type and unit. NaN and other marks of a missing value are copied like
        values.
      matrix: `[3, 3]`, source to result, as from `affine_matrix`.
      size: (height, width) of the result, static; by default the source's.

    Returns:
      `(depth, inside)`: `[*size]` of the same type, 0 outside the frame; `[*size]` bool, False
      where the sample is outside the frame.

    Raises:
      ValueError: if `depth` is not one map.
    """
    depth = jnp.asarray(depth)
    if depth.ndim != 2:
        raise ValueError(
            f"warp_nearest takes one map [H, W], got shape {depth.shape}; use jax.vmap for a batch."
        )
    height, width = depth.shape
    x, y, inside = _source_positions(matrix, (height, width), size)
    column, row = _to_index(jnp.floor(x + 0.5), width), _to_index(jnp.floor(y + 0.5), height)
    return jnp.where(inside, _take(depth, row, column), 0), inside


def _source_positions(
    matrix: ArrayLike, source: tuple[int, int], size: tuple[int, int] | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Where each pixel of the result comes from, as (column, row, inside), `[*size]` each."""
    inverse = invert_affine(matrix)
    (height, width), (rows, columns) = source, size or source
    x = jnp.arange(columns, dtype=inverse.dtype)[None, :] - (columns - 1) / 2
    y = jnp.arange(rows, dtype=inverse.dtype)[:, None] - (rows - 1) / 2
    column = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2] + (width - 1) / 2
    row = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2] + (height - 1) / 2
    inside = (column >= -0.5) & (column < width - 0.5) & (row >= -0.5) & (row < height - 0.5)
    return column, row, inside


def _to_index(position: jax.Array, size: int) -> jax.Array:
    return jnp.clip(position.astype(jnp.int32), 0, size - 1)


def _take(values: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """`values[row, column]` by a flat index, which compiles to a smaller gather."""
    height, width = values.shape[:2]
    flat = values.reshape(height * width, *values.shape[2:])
    return flat.at[row * width + column].get(mode="promise_in_bounds")
