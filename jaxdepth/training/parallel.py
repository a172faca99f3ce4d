"""Data parallelism: the one file that knows how a step is spread over devices.

A step function sees one device's part of the batch and the whole state, and names the axis `AXIS`
in its reductions. The state is replicated, not stacked: it goes in and out with axis None, so that
nothing is ever indexed out of a sharded array, which `jax.pmap` (`jit` of `shard_map` underneath
since JAX 0.8) makes a slow transfer. For a move to `jax.shard_map`, replace `jax.pmap` below by
`jit(shard_map(...))` over `_mesh()` with `P()` for None and `P(AXIS)` for 0, and let the step
functions reshape away the leading axis of length 1.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from jaxdepth.errors import ConfigError

AXIS = "devices"


def parallel_step(step: Callable) -> Callable:
    """Spreads `step(state, batch) -> (state, metrics, per_example)` over all local devices.

    Args:
        step: the state and the metrics that it returns must be equal on all devices, that is,
            reduced by `jax.lax.pmean` or `psum` over `AXIS`; `batch` and `per_example` have a
            leading axis of examples.

    Returns:
        A function of the replicated state, which it donates, and of a batch from `shard`; its
        `per_example` is `[devices, examples a device]`.
    """
    mapped = jax.pmap(
        step,
        axis_name=AXIS,
        in_axes=(None, 0),
        out_axes=(None, None, 0),
        donate_argnums=(0,),
        devices=devices(),
    )
    # Virtual CPU devices share one thread pool: two steps in flight can starve each other of the
    # threads that their reductions wait for.
    if jax.default_backend() == "cpu" and len(devices()) > 1:
        return lambda state, batch: jax.block_until_ready(mapped(state, batch))
    return mapped


def replicate(tree: Any) -> Any:
    """Puts a pytree on every local device."""
    return jax.device_put(tree, NamedSharding(_mesh(), P()))


def shard(batch: Any) -> Any:
    """Puts a pytree of `[B, ...]` on the local devices, `[devices, B / devices, ...]`.

    Raises:
        ConfigError: B is not a multiple of the number of devices.
    """
    count = len(devices())

    def split(x: np.ndarray) -> np.ndarray:
        if len(x) % count:
            raise ConfigError(
                f"batch_size must be a multiple of the {count} devices, got {len(x)} a process."
            )
        return x.reshape(count, -1, *x.shape[1:])

    return jax.device_put(jax.tree.map(split, batch), NamedSharding(_mesh(), P(AXIS)))


def devices() -> list[jax.Device]:
    """The devices that this process computes on: all that it has."""
    return jax.local_devices()


def _mesh() -> Mesh:
    return Mesh(np.asarray(devices()), (AXIS,))
