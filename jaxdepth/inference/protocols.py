"""The protocol that a run or saved predictions are scored under, of what was asked for."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Protocol
from jaxdepth.experiment import build_protocol

GROUND_TRUTH: Mapping[str, str] = {"nyu_depth_v2": "filled"}
"""Dataset → which of several ground truths it has, in the words of the presets."""


def protocol_of_run(
    config: FrozenConfigDict,
    changes: Mapping[str, Any],
    preset: Protocol | None = None,
    *,
    split: str | None,
) -> Protocol:
    """What a run is scored under: the rules of its config or a preset, and what they are of.

    A preset that says other data than the run's own is not the preset any more: it keeps its rules
    and gets another name and hash.

    Args:
        config: the run's.
        changes: attributes that differ from those of the config or the preset.
        preset: the rules, instead of the config's.
        split: of the run's own dataset; None for other data, of which nothing is known.
    """
    protocol = dataclasses.replace(preset or build_protocol(config), **changes)
    if split is None:
        return protocol
    dataset = "/".join(filter(None, (config.data.dataset, config.data.variant)))
    stated = {"dataset": dataset, "split": split, "ground_truth": GROUND_TRUTH.get(dataset, "")}
    if preset is None:
        return dataclasses.replace(protocol, **stated)
    other = {k: v for k, v in stated.items() if getattr(protocol, k) not in ("", v)}
    if not other:
        return protocol
    own = ", ".join(f"{k.replace('_', ' ')} {v or 'of its own'}" for k, v in other.items())
    return dataclasses.replace(protocol, name=f"{protocol.name} with {own}", **other)


def check_choice(
    presets: Sequence[Protocol] | None,
    changes: Mapping[str, Any],
    *,
    sensitivity: bool,
    mean: bool,
    across: bool,
) -> None:
    """Refuses choices of a protocol that contradict each other.

    Args:
        presets: of `--protocol`; None without.
        changes: attributes of `Protocol` that were chosen one by one.
        sensitivity, mean, across: `--sensitivity`, `--mean`, `--across_protocols`.

    Raises:
        ConfigError: they do.
    """
    own = [name for name in changes if name != "resize"]  # presets resize as it is
    if presets is not None and sensitivity:
        raise ConfigError("--sensitivity takes all presets that fit: leave out --protocol.")
    if (presets is not None or sensitivity) and own:
        raise ConfigError(
            f"a preset states its --{own[0]} itself: leave that out, or leave out "
            "--protocol and --sensitivity and write the rules one by one."
        )
    if mean and (sensitivity or len(presets or ()) > 1):
        raise ConfigError("--mean is of runs under one protocol: name one by --protocol=NAME.")
    if across and not mean:
        raise ConfigError("--across_protocols is of the one table that --mean makes: add --mean.")
