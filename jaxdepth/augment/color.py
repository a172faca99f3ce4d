"""Changes of colour; depth is untouched by them."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from jaxdepth.augment.parameters import AugmentParams


def apply_color(params: AugmentParams, image: Float[Array, "H W 3"]) -> Float[Array, "H W 3"]:
    """Multiplies the channels, then changes brightness and contrast, of one image.

    With the multipliers γ, the summand b and the factor c: y = γ x + b, then c (y − m) + m, where m
    is the mean of each channel of y, then clipped to [0, 1].

    Args:
      params: of one transform; its geometry is not used.
      image: `[H, W, 3]` in [0, 1].

    Returns:
      `[H, W, 3]` in [0, 1]; the same bits for `identity_params()`.

    References:
      Multipliers: Kim et al. 2018, section IV.C. All three: Li et al. 2017, section 4.4.
    """
    dtype = image.dtype
    image = image * params.color.astype(dtype)[None, None, :] + params.brightness.astype(dtype)
    contrast = params.contrast.astype(dtype)
    mean = jnp.mean(image, axis=(0, 1), keepdims=True)
    return jnp.clip(contrast * image + (1 - contrast) * mean, 0, 1)  # exact for contrast = 1
