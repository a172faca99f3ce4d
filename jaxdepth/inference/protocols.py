"""The protocol that a run or saved predictions are scored under, of what was asked for."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Protocol
from jaxdepth.experiment import build_protocol, split_name

_NYU_FILLED, _NYU_RAW = ("nyu_depth_v2", "test", "filled"), ("nyu_depth_v2", "test", "raw")
PUBLISHED: Mapping[tuple[str, str, str], tuple[str, str, str]] = {
    ("nyu_depth_v2", "", "depth"): _NYU_FILLED,
    ("nyu_labeled", "", "depth"): _NYU_FILLED,
    ("nyu_labeled", "", "depth_raw"): _NYU_RAW,
    ("nyu_bts", "", "depth"): _NYU_RAW,
    ("make3d", "", "depth"): ("make3d", "test", ""),
    ("kitti", "camera_z", "depth"): ("kitti", "eigen test", "velodyne"),
    ("kitti", "velodyne_x", "depth"): ("kitti", "eigen test", "velodyne forward-x"),
    ("kitti", "annotated", "depth"): ("kitti", "eigen test", "annotated"),
    ("diml", "LR", "depth"): ("diml", "test", ""),
    ("diml", "HR", "depth"): ("diml", "test", ""),
}
"""Dataset, variant and depth → the presets' words for dataset, test split and ground truth."""


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
    dataset, variant, own_split = split_name(config, split)
    own = ("/".join(filter(None, (dataset, variant))), split, "")
    words = PUBLISHED.get((dataset, variant, config.data.depth), own)
    stated = {
        "dataset": words[0],
        "split": words[1] if "test" in (split, own_split) else split,
        "ground_truth": words[2],
    }
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
