"""The parameters of an augmentation, as arrays."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key, UInt32

from jaxdepth.ops import affine_matrix


class AugmentParams(NamedTuple):
    """One transform per leading index; without leading axes, one transform.

    In order: the colours of the original image are changed (channel multipliers, then brightness,
    then contrast), then the image is flipped, rotated and magnified about its centre, then shifted.

    Attributes:
      flip: `[...]` bool; left and right are exchanged.
      brightness: `[...]`, added to the image; 0 changes nothing.
      contrast: `[...]`, multiplies differences from the mean of each channel; 1 changes nothing.
      color: `[..., 3]`, multiplies the channels; 1 changes nothing.
      angle: `[...]`, in degrees, positive clockwise as displayed; 0 changes nothing.
      scale: `[...]`, the magnification s; depths are divided by it. 1 changes nothing.
      shift: `[..., 2]`, in pixels of the image, x to the right and y down; 0 changes nothing.
    """

    flip: Bool[Array, "..."]
    brightness: Float[Array, "..."]
    contrast: Float[Array, "..."]
    color: Float[Array, "... 3"]
    angle: Float[Array, "..."]
    scale: Float[Array, "..."]
    shift: Float[Array, "... 2"]


def identity_params() -> AugmentParams:
    """The parameters of one transform that changes nothing, to the last bit.

    Change single fields with `._replace`; stack several with `jax.tree.map(jnp.stack, ...)`.

    Returns:
      Parameters without leading axes.
    """
    return AugmentParams(
        flip=jnp.zeros((), bool),
        brightness=jnp.zeros(()),
        contrast=jnp.ones(()),
        color=jnp.ones(3),
        angle=jnp.zeros(()),
        scale=jnp.ones(()),
        shift=jnp.zeros(2),
    )


def sample_params(
    key: Key[Array, ""] | UInt32[Array, "2"],
    *,
    flip: float | None = 0.5,
    brightness: tuple[float, float] | None = (-0.1, 0.1),
    contrast: tuple[float, float] | None = (0.8, 1.2),
    color: tuple[float, float] | None = (0.8, 1.2),
    angle: float | None = 5.0,
    scale: tuple[float, float] | None = (1.0, 1.5),
    shift: float | None = None,
) -> AugmentParams:
    """Draws the parameters of one transform; `jax.vmap` over keys draws a batch.

    Every range is uniform. None switches a transform off; a range with equal ends fixes it. Each
    transform has its own random stream, so that switching one off leaves the others as they were.

    The defaults of `flip`, `color`, `angle` and `scale` are those of the deep variational paper;
    the two-stream paper names brightness and contrast without their ranges, and tried rotation and
    translation in preliminary experiments alone.

    Args:
      key: a random key.
      flip: probability of a horizontal flip, in [0, 1].
      brightness: range of the summand, for images in [0, 1].
      contrast: range of the contrast factor, not negative.
      color: range of the three channel multipliers, not negative, drawn separately.
      angle: the largest rotation to either side, in degrees, not negative.
      scale: range of the magnification, positive. Below 1, the image no longer fills the frame.
      shift: the largest displacement to either side, in pixels, not negative; x and y are drawn
        separately.

    Returns:
      Parameters without leading axes.

    Raises:
      ValueError: for a probability outside [0, 1] or a range that is reversed or too low.

    Examples:
      >>> import functools
      >>> keys = jax.random.split(jax.random.key(0), 16)
      >>> sample = functools.partial(sample_params, angle=None, scale=None)
      >>> jax.vmap(sample)(keys).color.shape
      (16, 3)

    References:
      Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
      IEEE TIP 2018, section IV.C; Li et al., A Two-Streamed Network for Estimating Fine-Scaled
      Depth Maps from Single RGB Images, ICCV 2017, section 4.4.
    """
    if flip is not None and not 0 <= flip <= 1:
        raise ValueError(f"flip is a probability in [0, 1], got {flip}; None switches it off.")
    if angle is not None and not angle >= 0:
        raise ValueError(
            f"angle is the largest rotation in degrees, 0 or more, got {angle}; "
            "None switches it off."
        )
    if shift is not None and not shift >= 0:
        raise ValueError(
            f"shift is the largest displacement in pixels, 0 or more, got {shift}; "
            "None switches it off."
        )
    if scale is not None and not scale[0] > 0:
        raise ValueError(f"scale must be positive, got the range {scale}; None switches it off.")
    _check_range("brightness", brightness, -float("inf"))
    _check_range("contrast", contrast, 0.0)
    _check_range("color", color, 0.0)
    _check_range("scale", scale, 0.0)

    keys = jax.random.split(key, 7)
    identity = identity_params()

    def uniform(key, bounds, default):
        if bounds is None:
            return default
        return jax.random.uniform(key, default.shape, minval=bounds[0], maxval=bounds[1])

    return AugmentParams(
        flip=identity.flip if flip is None else jax.random.bernoulli(keys[0], flip),
        brightness=uniform(keys[1], brightness, identity.brightness),
        contrast=uniform(keys[2], contrast, identity.contrast),
        color=uniform(keys[3], color, identity.color),
        angle=uniform(keys[4], None if angle is None else (-angle, angle), identity.angle),
        scale=uniform(keys[5], scale, identity.scale),
        shift=uniform(keys[6], None if shift is None else (-shift, shift), identity.shift),
    )


def invert(params: AugmentParams) -> AugmentParams:
    """The parameters of the transform back to the original frame.

    p → s R(θ) F p + t has the inverse p → A (p − t) with A = s⁻¹ R(−θ) without a flip and
    s⁻¹ R(θ) F with one. The colours of the inverse are the identity: what was clipped is lost, and
    depth has no colour.

    Args:
      params: of one transform, or with any leading axes.

    Returns:
      Parameters of the same shapes.
    """
    angle = jnp.where(params.flip, params.angle, -params.angle)
    cos, sin = jnp.cos(jnp.deg2rad(angle)), jnp.sin(jnp.deg2rad(angle))
    x, y = jnp.where(params.flip, -1, 1) * params.shift[..., 0], params.shift[..., 1]
    shift = jnp.stack([sin * y - cos * x, -sin * x - cos * y], axis=-1) / params.scale[..., None]
    return AugmentParams(
        flip=params.flip,
        brightness=jnp.zeros_like(params.brightness),
        contrast=jnp.ones_like(params.contrast),
        color=jnp.ones_like(params.color),
        angle=angle,
        scale=1 / params.scale,
        shift=shift,
    )


def matrix(params: AugmentParams, *, pitch: float = 1.0) -> Float[Array, "3 3"]:
    """The geometry of one transform as a matrix for `jaxdepth.ops.warp_bilinear`.

    Args:
      params: of one transform, without leading axes.
      pitch: pixels of the image per pixel of the map that is to be warped.

    Returns:
      `[3, 3]`, from the original to the augmented map, in the centred pixel frame.
    """
    shift = params.shift / pitch
    return affine_matrix(
        angle=params.angle, scale=params.scale, flip=params.flip, shift=(shift[0], shift[1])
    )


def _check_range(name: str, bounds: tuple[float, float] | None, lowest: float) -> None:
    if bounds is not None and not lowest <= bounds[0] <= bounds[1] < float("inf"):
        raise ValueError(
            f"{name} must be a range (low, high) with {lowest} <= low <= high, got {bounds}; "
            "None switches it off."
        )
