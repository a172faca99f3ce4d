"""Config files and their overrides: from a command line to one resolved, frozen value."""

import ast
import difflib
import inspect
import json
import runpy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict, FrozenConfigDict

from jaxdepth.errors import ConfigError

_FLAG = "--config."


def load_config(spec: str, overrides: Sequence[str] = ()) -> FrozenConfigDict:
    """Reads a config file.

    Args:
        spec: `PATH` or `PATH:VARIANT`; the file defines `get_config(variant)`.
        overrides: `--config.KEY=VALUE`, applied in order; values are Python literals or plain text.

    Raises:
        ConfigError: no such file, a variant, key or value that is not valid; the message lists the
            valid ones.
    """
    path, _, variant = spec.partition(":")
    if not Path(path).is_file():
        raise ConfigError(f"no config file {path!r}: name one, such as configs/rooms.py.")
    try:
        get_config = runpy.run_path(path)["get_config"]
    except KeyError:
        raise ConfigError(f"{path} defines no get_config(): it is not a config file.") from None
    except SyntaxError as error:
        raise ConfigError(f"{path}, line {error.lineno}: {error.msg}.") from error
    if variant and not inspect.signature(get_config).parameters:
        raise ConfigError(f"{path} takes no variant, got {variant!r}: leave out ':{variant}'.")
    config = get_config(variant) if variant else get_config()
    for override in overrides:
        _apply(config, override)
    return FrozenConfigDict(config)


def choose_variants(
    requested: str, variants: Mapping[str, Callable[[ConfigDict], None]], config: ConfigDict
) -> ConfigDict:
    """Applies the variants named in a config's argument and adds them to the run's name.

    Args:
        requested: names joined by commas, such as `"long,global_only"`.
        variants: what each does to the config.
        config: changed in place.

    Raises:
        ConfigError: an unknown name; the message lists the valid ones.
    """
    for name in filter(None, requested.split(",")):
        if name not in variants:
            raise ConfigError(f"no variant {name!r}: choose from {', '.join(variants)}.")
        variants[name](config)
        if name != "full":
            config.name += f"-{name}"
    return config


def flatten(config: Mapping, prefix: str = "") -> dict[str, Any]:
    """The config's leaves by dotted key, tuples as lists, as `to_json` writes them."""
    leaves = {}
    for key in config:
        value = config[key]
        if isinstance(value, Mapping | ConfigDict | FrozenConfigDict):
            leaves |= flatten(value, f"{prefix}{key}.")
        else:
            leaves[prefix + key] = list(value) if isinstance(value, tuple) else value
    return leaves


def to_json(config: FrozenConfigDict) -> str:
    """The resolved config as JSON, keys in the config's order."""
    return json.dumps(json.loads(ConfigDict(config).to_json()), indent=2) + "\n"


def from_json(text: str, *, defaults: Mapping | None = None) -> FrozenConfigDict:
    """Reads what `to_json` wrote; lists become tuples.

    Args:
        text: JSON of an object.
        defaults: have what the text lacks, as that of an older version does.
    """

    def filled(defaults: Mapping, given: dict) -> dict:
        nested = {
            k: filled(v, given[k])
            for k, v in defaults.items()
            if isinstance(v, Mapping | ConfigDict) and isinstance(given.get(k), dict)
        }
        return {**defaults, **given, **nested}

    def tuples(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: tuples(v) for k, v in value.items()}
        return tuple(tuples(v) for v in value) if isinstance(value, list) else value

    return FrozenConfigDict(tuples(filled(defaults or {}, json.loads(text))))


def _apply(config: ConfigDict, override: str) -> None:
    key, equals, text = override.removeprefix(_FLAG).partition("=")
    if not override.startswith(_FLAG) or not equals:
        raise ConfigError(f"overrides have the form --config.KEY=VALUE, got {override!r}.")
    leaves = flatten(config)
    if key not in leaves:
        below = [k for k in leaves if k.startswith(key + ".")]
        near = below or difflib.get_close_matches(key, leaves, n=3, cutoff=0.6)
        hint = f" Did you mean {', '.join(near)}?" if near else ""
        raise ConfigError(f"no config key {key!r}.{hint} Valid keys: {', '.join(leaves)}.")
    *parents, leaf = key.split(".")
    for parent in parents:
        config = config[parent]
    config[leaf] = _parse(key, text, config[leaf])


def _parse(key: str, text: str, current: Any) -> Any:
    if isinstance(current, str):
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = {"true": True, "false": False}.get(text.lower(), text)
    if isinstance(current, tuple) and isinstance(value, list):
        value = tuple(value)
    elif isinstance(current, float) and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not type(current):
        raise ConfigError(
            f"{key} must be {type(current).__name__}, such as {current!r}, got {text!r}."
        )
    return value
