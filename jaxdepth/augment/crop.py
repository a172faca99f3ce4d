"""Random windows, such as the patches that the local network is trained on."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, Shaped, UInt32


def random_crop(
    key: Key[Array, ""] | UInt32[Array, "2"],
    *arrays: Shaped[Array, "H W ..."],
    size: tuple[int, int],
) -> tuple[Shaped[Array, "h w ..."], ...]:
    """Cuts the same random window out of each of several arrays.

    Args:
      key: a random key.
      *arrays: `[H, W, ...]`, at least one; the image, depth and mask of one example.
      size: (height, width) of the window, in pixels, at least 1 and at most (H, W).

    Returns:
      A tuple with one `[height, width, ...]` per array. Every place of the window inside the frame
      is equally likely.

    Raises:
      ValueError: if no array is given, if their H and W differ, or if the window does not fit.

    Examples:
      >>> image, depth = jnp.ones((96, 128, 3)), jnp.ones((96, 128))
      >>> image, depth = random_crop(jax.random.key(0), image, depth, size=(64, 48))
      >>> image.shape, depth.shape
      ((64, 48, 3), (64, 48))

    References:
      Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
      IEEE TIP 2018, section III.D: the local network is pre-trained on colour patches.
    """
    frames = {array.shape[:2] for array in arrays}
    if len(frames) != 1:
        raise ValueError(
            f"random_crop needs arrays of one height and width, got {sorted(frames)}; "
            "resize them first."
        )
    (height, width), (rows, columns) = frames.pop(), size
    if not (1 <= rows <= height and 1 <= columns <= width):
        raise ValueError(
            f"the window must fit into the {height} × {width} frame, got size={size}; "
            "choose a smaller size."
        )
    corner = jax.random.randint(
        key, (2,), jnp.zeros(2, int), jnp.array([height - rows + 1, width - columns + 1])
    )
    return tuple(
        jax.lax.dynamic_slice(
            array, (corner[0], corner[1], *([0] * (array.ndim - 2))), (*size, *array.shape[2:])
        )
        for array in arrays
    )
