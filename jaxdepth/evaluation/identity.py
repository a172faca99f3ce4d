"""What tells protocols apart: a fingerprint, the differences of two, a refusal to mix them."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.crop import Crop

if TYPE_CHECKING:
    from jaxdepth.evaluation.protocol import Protocol

FREE = {"changes_a_number": False}
"""Metadata of a protocol's field that changes no number, or only whether there is one."""


def fingerprint(protocol: "Protocol") -> str:
    """Eight hexadecimal digits that protocols share if their numbers compare.

    The beginning of the SHA-256 of the fields that differ from their defaults, as JSON with sorted
    keys: the same in every process, and unchanged by fields that a later version adds. `name`,
    `note` and `resize`, which permits what other fields describe, do not count.
    """
    fields = {f.name: f.default for f in _counting(protocol)}
    values = {n: _plain(getattr(protocol, n)) for n in fields if getattr(protocol, n) != fields[n]}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:8]


def rules(protocol: "Protocol") -> dict[str, Any]:
    """All fields of a protocol as JSON has them; `Protocol.from_rules` reads them."""
    return {f.name: _plain(getattr(protocol, f.name)) for f in dataclasses.fields(protocol)}


def differences(a: "Protocol", b: "Protocol") -> dict[str, tuple[Any, Any]]:
    """Field → the two values, of the fields that the fingerprints are made of and that differ."""
    names = [f.name for f in _counting(a)]
    return {n: (getattr(a, n), getattr(b, n)) for n in names if getattr(a, n) != getattr(b, n)}


def require_same_protocol(protocols: Mapping[str, "Protocol"]) -> None:
    """Refuses rows whose numbers do not compare.

    Args:
        protocols: label of a row → what it was scored under.

    Raises:
        ConfigError: two differ; the message names them, and the fields with both values.
    """
    rows = list(protocols.items())
    for label, protocol in rows[1:]:
        first, reference = rows[0]
        if found := differences(reference, protocol):
            fields = ", ".join(f"{name} ({a} and {b})" for name, (a, b) in found.items())
            raise ConfigError(
                f"rows of one table are of one protocol: {first} [{reference.fingerprint}] and "
                f"{label} [{protocol.fingerprint}] differ in {fields}; score them apart or under "
                "one --protocol=NAME, or allow it by --across_protocols (across=True)"
            )


def _counting(protocol: "Protocol") -> list[dataclasses.Field]:
    return [f for f in dataclasses.fields(protocol) if f.metadata != FREE]


def _plain(value: Any) -> Any:
    """A value as JSON has it; 10 and 10.0 are one number, a crop and its text one crop."""
    if isinstance(value, Crop):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
