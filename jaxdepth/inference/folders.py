"""What several folders are told apart by."""

import zlib
from collections.abc import Sequence
from pathlib import Path


def folder_labels(folders: Sequence[Path]) -> list[str]:
    """What plots and tables call runs: their folders' names, or paths where these are alike."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]


def file_labels(folders: Sequence[Path]) -> list[str]:
    """What files call folders: their names, where these are alike after a checksum of the path."""
    paths = [folder.resolve() for folder in folders]
    if len({path.name for path in paths}) == len(paths):
        return [path.name for path in paths]
    return [f"{zlib.crc32(str(path).encode()):08x}-{path.name}" for path in paths]
