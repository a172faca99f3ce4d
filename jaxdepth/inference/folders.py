"""What several folders are told apart by."""

from collections.abc import Sequence
from pathlib import Path


def folder_labels(folders: Sequence[Path]) -> list[str]:
    """What plots, tables and files call folders: their names, or paths where these are alike."""
    names = [folder.resolve().name for folder in folders]
    return names if len(set(names)) == len(names) else [str(folder) for folder in folders]
