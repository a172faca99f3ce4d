"""A finished run's weights as the beginning of another run."""

import jax
from ml_collections import FrozenConfigDict

from jaxdepth.errors import WorkdirError
from jaxdepth.experiment.checkpoints import describe
from jaxdepth.experiment.config import flatten
from jaxdepth.experiment.predictor import init_variables, load_weights
from jaxdepth.experiment.workdir import Workdir

_ARCHITECTURE = (
    *(f"model.{key}" for key in ("system", "base", "convention", "width", "batch_norm")),
    *(f"model.{key}" for key in ("integrate", "gradient_net", "local_width", "confidence")),
    *(f"model.{key}" for key in ("block_width", "hidden")),
    "data.image_size",
)
"""Keys that decide which arrays there are and what they mean."""

_MAX_LISTED = 10


def load_run_weights(config: FrozenConfigDict) -> dict:
    """All variables of the run that `init_from` names.

    Every array has to be one of the config's own model, and the other way round.

    Args:
        config: resolved; only its architecture has to be the run's.

    Returns:
        `params` and `batch_stats`, as NumPy.

    Raises:
        WorkdirError: the folder is no run, the run is not finished, or its model is another; the
            message lists what differs.
        CheckpointError: its newest checkpoint cannot be used.
    """
    run = Workdir(config.init_from)
    if not run.is_finished:
        raise WorkdirError(
            f"init_from must be a finished run, and {run.path} is not: train it "
            "to its end first, or name another by --config.init_from=DIR."
        )
    theirs = run.config()
    there, wanted = (
        describe(jax.eval_shape(lambda c=c: init_variables(c))) for c in (theirs, config)
    )
    # Weights of one convention are no use in the other, though the arrays may be the same.
    if there != wanted or theirs.model.convention != config.model.convention:
        raise WorkdirError(
            f"init_from must be a run of this config's architecture, and {run.path} is of another:"
            f"\n{_differences(theirs, config, there, wanted)}\nSet this config's keys to the run's "
            "by --config.KEY=VALUE, or name another run by --config.init_from=DIR."
        )
    return load_weights(run, theirs).variables


def _differences(
    theirs: FrozenConfigDict,
    config: FrozenConfigDict,
    there: dict[str, str],
    wanted: dict[str, str],
) -> str:
    old, new = flatten(theirs), flatten(config)
    lines = [
        f"  {key}: {old[key]} there, {new[key]} here"
        for key in _ARCHITECTURE
        if old[key] != new[key]
    ]
    arrays = [
        f"  {name}: {there.get(name, 'absent')} there, {wanted.get(name, 'absent')} here"
        for name in sorted(there | wanted)
        if there.get(name) != wanted.get(name)
    ]
    if len(arrays) > _MAX_LISTED:
        more = len(arrays) - _MAX_LISTED
        arrays = [*arrays[:_MAX_LISTED], f"  and {more} more arrays"]
    return "\n".join([*lines, *arrays])
