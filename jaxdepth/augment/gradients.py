"""What an augmentation does to a field of depth gradients."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from jaxdepth.augment.parameters import AugmentParams, invert, matrix
from jaxdepth.ops import affine_matrix, compose_affine, warp_bilinear


def apply_to_gradients(
    params: AugmentParams,
    gradients: Float[Array, "H W 2"],
    valid: Bool[Array, "H W 2"] | None = None,
    *,
    stencil: Literal["forward", "central"] = "forward",
    pitch: float = 1.0,
    affine: bool = True,
) -> tuple[Float[Array, "H W 2"], Bool[Array, "H W 2"]]:
    """Transforms the gradients of a depth map into the gradients of the augmented depth map.

    An augmented depth is D'(p) = D(A⁻¹(p − t)) / s with A = s R F (magnification, rotation, flip)
    and a shift t, so, but for the shift,

        ∇D'(p) = A⁻ᵀ ∇D(A⁻¹p) / s = R F ∇D(A⁻¹p) / s²:

    a flip negates x, a rotation turns the vector, and a magnification divides twice by s, once
    because depths are divided by it and once because a pixel then covers less of the scene.

    A forward difference in x lies half a pixel to the right of its pixel, one in y half a pixel
    below; each component is sampled at its own place. That makes flips exact, but for the column
    that has lost its difference.

    The fields are interpolated bilinearly. As targets for a network, gradients that are taken first
    and then transformed are smoother than gradients of a depth map whose pixels were copied.

    Args:
      params: of one transform; the colours are not used.
      gradients: `[H, W, 2]` in metres per pixel, x then y.
      valid: `[H, W, 2]` bool; where False, the component does not exist (NaN is allowed there).
        Without it, all exist.
      stencil: "forward" for u[i + 1] − u[i], of which the last column (x) and row (y) never exist;
        "central" for differences that lie on their pixel, such as [−1, 0, 1].
      pitch: pixels of the image per pixel of the maps; it matters for a shift alone.
      affine: False promises that `params` has neither rotation, scale nor shift; a flip is then a
        reversal of the columns instead of an interpolation.

    Returns:
      `(gradients, valid)`, `[H, W, 2]` each: metres per pixel of the augmented depth, 0 where
      invalid; False where a component depends on one that does not exist or is outside the frame.

    Raises:
      ValueError: if `stencil` is not one of the above.
    """
    if stencil not in ("forward", "central"):
        raise ValueError(f'stencil must be "forward" or "central", got {stencil!r}.')
    if valid is None:
        valid = jnp.ones_like(gradients, bool)
    offsets = jnp.zeros((2, 2))
    if stencil == "forward":
        offsets = jnp.eye(2) / 2  # half a pixel in x for the first component, in y for the second
        valid = valid.at[:, -1, 0].set(False).at[-1, :, 1].set(False)
    if not affine:
        mirrored, there = (_mirror(field, stencil) for field in (gradients, valid))
        mirrored = mirrored * jnp.array([-1, 1], gradients.dtype).reshape(1, 1, 2)
        valid = jnp.where(params.flip, there, valid)
        return jnp.where(valid, jnp.where(params.flip, mirrored, gradients), 0), valid
    geometry = matrix(params, pitch=pitch)

    def sample(offset_out, offset_in, component, exists):
        """One component where another one of the result lies; indices → places → indices."""
        transform = compose_affine(
            affine_matrix(shift=tuple(offset_in)), geometry, affine_matrix(shift=tuple(-offset_out))
        )
        values, known = warp_bilinear(
            component[..., None], transform, valid=exists, extrapolate=False
        )
        return values[..., 0], known

    sample_all = jax.vmap(sample, in_axes=(None, 0, -1, -1), out_axes=-1)
    sample_all = jax.vmap(sample_all, in_axes=(0, None, None, None), out_axes=-2)
    values, known = sample_all(offsets, offsets, gradients, valid)  # [H, W, 2 out, 2 in]

    vectors = (geometry[:2, :2] / params.scale**3)[None, None].astype(values.dtype)  # R F / s²
    valid = jnp.all(known | (vectors == 0), axis=-1)
    return jnp.where(valid, jnp.sum(vectors * values, axis=-1), 0), valid


def gradients_to_original(
    params: AugmentParams,
    gradients: Float[Array, "H W 2"],
    *,
    stencil: Literal["forward", "central"] = "forward",
    pitch: float = 1.0,
    affine: bool = True,
) -> tuple[Float[Array, "H W 2"], Bool[Array, "H W 2"]]:
    """Maps gradients predicted for an augmented image back to the original image's frame.

    `apply_to_gradients` with the inverse parameters; differentiable in `gradients`.

    Args:
      params: of the one transform that was applied to the image.
      gradients: `[H, W, 2]` in metres per pixel of the augmented depth.
      stencil: as in `apply_to_gradients`.
      pitch, affine: as in `apply_to_gradients`.

    Returns:
      `(gradients, valid)`, `[H, W, 2]` each: metres per pixel of the original depth, 0 where
      invalid; bool.

    References:
      Li et al. 2017, equations 4 and 5.
    """
    return apply_to_gradients(
        invert(params), gradients, stencil=stencil, pitch=pitch, affine=affine
    )


def _mirror(field: Shaped[Array, "H W 2"], stencil: str) -> Shaped[Array, "H W 2"]:
    """Columns in reverse; a forward difference in x also moves to its other pixel."""
    field = field[:, ::-1]
    return field if stencil == "central" else field.at[..., 0].set(jnp.roll(field[..., 0], -1, 1))
