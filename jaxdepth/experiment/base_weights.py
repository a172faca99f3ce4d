"""Pretrained weights in the base networks of a config's model."""

import sys

from flax.traverse_util import flatten_dict, unflatten_dict
from ml_collections import FrozenConfigDict

from jaxdepth.pretrained import load_pretrained

_MODULES = ("encoder", "base")
"""What base networks are called in GlobalNet and in CoarseBlock."""


def load_base_weights(config: FrozenConfigDict, variables: dict) -> dict:
    """The model's variables with `model.base_weights` in every base network; the same without.

    Args:
        config: resolved.
        variables: of the whole model, arrays or their shapes.

    Raises:
        DataError: the file cannot be used, see `jaxdepth.pretrained.load_pretrained`.
    """
    m = config.model
    if not m.base_weights:
        return variables
    leaves = flatten_dict(variables)
    homes = {path[1 : path.index(name) + 1] for path in leaves for name in _MODULES if name in path}
    for home in sorted(homes):
        own = {
            (path[0], *path[1 + len(home) :]): leaf
            for path, leaf in leaves.items()
            if path[1 : 1 + len(home)] == home
        }
        loaded, report = load_pretrained(
            m.base_weights, m.base, unflatten_dict(own), convention=m.convention
        )
        for path, leaf in flatten_dict(loaded).items():
            leaves[(path[0], *home, *path[1:])] = leaf
    print(f"{m.base_weights}: {report}", file=sys.stderr)
    return unflatten_dict(leaves)
