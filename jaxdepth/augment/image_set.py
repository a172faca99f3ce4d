"""Image sets: several transforms of one image."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, UInt32

from jaxdepth.augment.parameters import AugmentParams, identity_params, sample_params

TRANSFORMS = ("original", "flip", "color", "affine", "random")
"""The members that a set can have; see `sample_image_set`."""


def sample_image_set(
    key: Key[Array, ""] | UInt32[Array, "2"],
    transforms: Sequence[str],
    *,
    sample: Callable[[jax.Array], AugmentParams] = sample_params,
) -> AugmentParams:
    """Draws the parameters of an image set.

    Args:
      key: a random key.
      transforms: the set's members: "original" (the image itself), "flip" (mirrored, always),
        "color" (only the colours of `sample`), "affine" (only its rotation, scale and shift),
        "random" (all of `sample`). The paper's set is `("original", "flip", "color")`.
      sample: draws one transform from a key; `functools.partial(sample_params, ...)`.

    Returns:
      Parameters with a leading axis of `len(transforms)`; `jax.vmap` over it makes the set.

    Raises:
      ValueError: if there is no transform or one is unknown.

    References:
      Li et al., A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB
      Images, ICCV 2017, sections 3.2 and 4.4.
    """
    if not transforms or not set(transforms) <= set(TRANSFORMS):
        raise ValueError(
            f"an image set needs one or more of {', '.join(TRANSFORMS)}, got {tuple(transforms)}."
        )
    identity = identity_params()
    members = []
    keys = jax.random.split(key, len(transforms))
    for own_key, name in zip(keys, transforms, strict=True):
        if name == "original":
            members.append(identity)
        elif name == "flip":
            members.append(identity._replace(flip=jnp.ones((), bool)))
        elif name == "random":
            members.append(sample(own_key))
        else:
            kept = ("brightness", "contrast", "color")
            if name == "affine":
                kept = ("angle", "scale", "shift")
            drawn = sample(own_key)
            members.append(identity._replace(**{field: getattr(drawn, field) for field in kept}))
    return jax.tree.map(lambda *fields: jnp.stack(fields), *members)
