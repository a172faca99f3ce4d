"""Variables of a network without compiling its own initialisation."""

import jax
import numpy as np


def random_variables(model, image: jax.Array):
    """Random values as large as an initialisation's, for images of `image`'s shape."""
    rng = np.random.default_rng(0)

    def draw(path, x):
        name = path[-1].key
        if name in ("scale", "var"):
            return np.ones(x.shape, x.dtype)
        deviation = np.sqrt(2 / np.prod(x.shape[:-1])) if name == "kernel" else 0.1
        return (rng.normal(size=x.shape) * deviation).astype(x.dtype)

    shapes = jax.eval_shape(model.init, jax.random.key(0, impl="rbg"), image)
    return jax.tree_util.tree_map_with_path(draw, shapes)
