"""Batches of image sets, made on the device."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax

from jaxdepth import augment
from jaxdepth.experiment import Stage, to_float


class ImageSets(NamedTuple):
    """b image sets of N images each.

    Attributes:
        params: the transforms, with leading axes `[b, N]`.
        image: `[b, N, H, W, 3]` in [0, 1].
        depth: `[b, N, h, w]` metres, of the maps that the stage compares; 0 where invalid.
        valid: `[b, N, h, w]` bool, True where the depth was measured.
    """

    params: augment.AugmentParams
    image: jax.Array
    depth: jax.Array
    valid: jax.Array


def make_image_sets(
    keys: jax.Array,
    image: jax.Array,
    depth: jax.Array,
    *,
    stage: Stage,
    sample: Callable[[jax.Array], augment.AugmentParams],
    frame_size: tuple[int, int] | None = None,
) -> ImageSets:
    """Draws and applies the transforms of a stage.

    Args:
        keys: `[b]` random keys.
        image: `[b, H, W, 3]` uint8.
        depth: `[b, H', W']` metres, of the images or of their frame.
        stage: says what maps and patches it wants.
        sample: draws the transforms of one set from a key, only such as `stage.affine` allows.
        frame_size: (height, width) in pixels of the image of what `depth` shows, where that is
            more than the image.
    """

    def make(key: jax.Array, image: jax.Array, depth: jax.Array) -> ImageSets:
        set_key, crop_key = jax.random.split(key)
        image = to_float(image)
        shown = frame_size or image.shape[:2]
        if stage.patch:
            depth, _ = augment.sample_depth(
                augment.identity_params(), depth, image_size=shown, size=image.shape[:2],
                affine=False,
            )  # fmt: skip
            image, depth = augment.random_crop(crop_key, image, depth, size=stage.map_size)
            shown = stage.map_size
        params = sample(set_key)
        seen = jax.vmap(partial(augment.apply_image, affine=stage.affine), (0, None))(params, image)
        look = partial(
            augment.sample_depth,
            image_size=shown,
            size=stage.map_size,
            pitch=stage.pitch,
            affine=stage.affine,
        )
        return ImageSets(params, seen, *jax.vmap(look, (0, None))(params, depth))

    return jax.vmap(make)(keys, image, depth)


def flatten(x: jax.Array) -> jax.Array:
    """`[b, N, ...]` to `[b N, ...]`, for a network."""
    return x.reshape(-1, *x.shape[2:])


def unflatten(x: jax.Array, sets: ImageSets) -> jax.Array:
    """`[b N, ...]` to `[b, N, ...]`."""
    return x.reshape(*sets.image.shape[:2], *x.shape[1:])


def per_set(function: Callable, **options) -> Callable:
    """A function of one image's parameters and map, over all images of all sets."""
    return jax.vmap(jax.vmap(partial(function, **options)))
