"""The refusal to train on with numbers that are none."""

import numpy as np

from jaxdepth.errors import NonFiniteError


def check_finite(
    step: int, stage: str, metrics: dict[str, float], per_example: np.ndarray, names: list[str]
) -> None:
    """Raises NonFiniteError with step, quantities and examples if anything is not finite."""
    bad = [name for name, value in metrics.items() if not np.isfinite(value)]
    if not bad:
        return
    finite = np.isfinite(per_example)
    guilty = [name for name, ok in zip(names, finite, strict=True) if not ok]
    whose = "from the examples " if guilty else "each example's own loss is finite; the batch was "
    raise NonFiniteError(
        f"{', '.join(bad)} not finite at step {step} ({stage}), {whose}"
        f"{', '.join(guilty or names)}. Training stopped; the last checkpoint is from before. "
        "Check these examples, or train in another folder (--workdir) with a lower learning rate "
        "or with clip_norm."
    )
