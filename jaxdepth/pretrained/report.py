"""What became of each entry of a file of weights."""

import dataclasses
from collections.abc import Callable, Mapping

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """Every entry of a file and every entry that the network needs, in one of five groups.

    `str()` gives one paragraph a group, naming each entry and its shape.

    Attributes:
        loaded: names of entries that became parameters or statistics, or could have.
        skipped: names of entries that are known not to be needed, such as the classifier's.
        missing: needed but not in the file: name → expected shape.
        extra: in the file but unknown: name → shape there.
        misshapen: name → (expected shape, shape in the file).
    """

    loaded: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    missing: Mapping[str, Shape] = dataclasses.field(default_factory=dict)
    extra: Mapping[str, Shape] = dataclasses.field(default_factory=dict)
    misshapen: Mapping[str, tuple[Shape, Shape]] = dataclasses.field(default_factory=dict)

    @property
    def fits(self) -> bool:
        """Whether nothing is missing, extra or misshapen."""
        return not (self.missing or self.extra or self.misshapen)

    def __str__(self) -> str:
        lines = [f"{len(self.loaded)} entries {'loaded' if self.fits else 'fit'}"]
        if self.skipped:
            lines.append(f"{len(self.skipped)} skipped (not needed): {', '.join(self.skipped)}")
        if self.missing:
            lines.append(f"{len(self.missing)} missing:")
            lines += [f"  {name}: expected {shape}" for name, shape in self.missing.items()]
        if self.extra:
            lines.append(f"{len(self.extra)} extra:")
            lines += [f"  {name}: found {shape}" for name, shape in self.extra.items()]
        if self.misshapen:
            lines.append(f"{len(self.misshapen)} misshapen:")
            lines += [
                f"  {name}: expected {expected}, found {found}"
                for name, (expected, found) in self.misshapen.items()
            ]
        return "\n".join(lines)


def compare(
    expected: Mapping[str, Shape], found: Mapping[str, Shape], is_skipped: Callable[[str], bool]
) -> ConversionReport:
    """Sorts the entries into their groups.

    Args:
        expected: name → shape of what the network needs.
        found: name → shape of what the file has.
        is_skipped: tells by its name whether an entry that is not expected is known.

    Returns:
        The report, in the order of `expected`, then of `found`.
    """
    there = {name: shape for name, shape in expected.items() if name in found}
    others = {name: shape for name, shape in found.items() if name not in expected}
    return ConversionReport(
        loaded=tuple(name for name, shape in there.items() if found[name] == shape),
        skipped=tuple(name for name in others if is_skipped(name)),
        missing={name: shape for name, shape in expected.items() if name not in found},
        extra={name: shape for name, shape in others.items() if not is_skipped(name)},
        misshapen={
            name: (shape, found[name]) for name, shape in there.items() if found[name] != shape
        },
    )
