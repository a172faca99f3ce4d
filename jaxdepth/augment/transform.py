"""The whole transform of one training example, and of its image alone."""

from jaxtyping import Array, Bool, Float

from jaxdepth.augment.color import apply_color
from jaxdepth.augment.geometry import apply_flip, apply_geometry, move_image
from jaxdepth.augment.parameters import AugmentParams


def apply(
    params: AugmentParams,
    image: Float[Array, "H W 3"],
    depth: Float[Array, "H W"],
    *,
    affine: bool = True,
) -> tuple[Float[Array, "H W 3"], Float[Array, "H W"], Bool[Array, "H W"]]:
    """Applies one transform to one image and its depth; `jax.vmap` applies a batch.

    `apply_color`, then `apply_geometry`.

    Args:
      params: of one transform.
      image: `[H, W, 3]` in [0, 1].
      depth: `[H, W]` in metres; 0, negative and non-finite values are invalid.
      affine: False promises that `params` has neither rotation, scale nor shift. They are then not
        looked at, and a flip is a reversal of the columns instead of an interpolation.

    Returns:
      `(image, depth, valid)`: `[H, W, 3]` in [0, 1], 0 outside the original frame; `[H, W]` in
      metres, 0 where invalid; `[H, W]` bool, True where the depth was measured. For
      `identity_params()`, image and valid depths are unchanged to the last bit.

    Examples:
      >>> import jax
      >>> import jax.numpy as jnp
      >>> from jaxdepth import augment
      >>> params = jax.vmap(augment.sample_params)(jax.random.split(jax.random.key(0), 16))
      >>> images, depths = jnp.ones((16, 24, 32, 3)), jnp.ones((16, 24, 32))
      >>> images, depths, valid = jax.vmap(augment.apply)(params, images, depths)

    References:
      Kim et al. 2018, section IV.C; Li et al. 2017, section 4.4.
    """
    geometry = apply_geometry if affine else apply_flip
    return geometry(params, apply_color(params, image), depth)


def apply_image(
    params: AugmentParams, image: Float[Array, "H W 3"], *, affine: bool = True
) -> Float[Array, "H W 3"]:
    """`apply` for the image alone; its depth is then to be had from `sample_depth`.

    Args:
      params: of one transform.
      image: `[H, W, 3]` in [0, 1].
      affine: as in `apply`.

    Returns:
      `[H, W, 3]` in [0, 1], 0 outside the original frame.
    """
    return move_image(params, apply_color(params, image), affine=affine)
