"""Orbax checkpoints that hold everything a run needs to go on as if it had never stopped."""

import contextlib
import logging
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from jaxdepth.errors import CheckpointError

# Orbax reports every save at INFO, and warns about what is decided here on purpose.
logging.getLogger("absl").setLevel(logging.ERROR)


class Checkpoints:
    """The checkpoints of one run, written in the background, each complete or not there at all.

    A checkpoint is `variables` (what prediction needs), `training` (what going on needs besides),
    both pytrees of arrays, and `progress`, a JSON-serialisable dict. A checksum is kept of each
    pytree, because not every damage to a file is noticed by the storage layer.
    """

    def __init__(self, folder: Path, *, max_to_keep: int = 2):
        self.folder = folder.absolute()
        self._max_to_keep = max_to_keep
        self._manager = None

    def _open(self, *, create: bool) -> ocp.CheckpointManager:
        if self._manager is None:
            options = ocp.CheckpointManagerOptions(max_to_keep=self._max_to_keep, create=create)
            self._manager = ocp.CheckpointManager(self.folder, options=options)
        return self._manager

    def latest(self) -> int | None:
        """The step of the newest complete checkpoint, None if there is none."""
        if not self.folder.is_dir():
            return None
        return self._open(create=False).latest_step()

    def save(self, step: int, *, variables: Any, training: Any, progress: dict) -> None:
        """Saves; returns as soon as the arrays are copied. A step saved before is left as it is."""
        manager = self._open(create=True)
        if step in manager.all_steps():
            return
        items = jax.tree.map(
            np.asarray, jax.device_get({"variables": variables, "training": training})
        )
        progress = progress | {
            name: {"arrays": describe(item), "checksum": checksum(item)}
            for name, item in items.items()
        }
        manager.save(
            step,
            args=ocp.args.Composite(
                progress=ocp.args.JsonSave(progress),
                **{name: ocp.args.StandardSave(item) for name, item in items.items()},
            ),
        )

    def progress(self, step: int) -> dict:
        """What was saved beside the arrays.

        Raises:
            CheckpointError: it cannot be read.
        """
        manager = self._open(create=False)
        with self._explained(step):
            return manager.restore(
                step, args=ocp.args.Composite(progress=ocp.args.JsonRestore())
            ).progress

    def restore(self, step: int, item: str, template: Any) -> Any:
        """An item's arrays, as NumPy, in the structure of `template`.

        Args:
            step: of a checkpoint that is there.
            item: `"variables"` or `"training"`.
            template: a pytree of arrays or `jax.ShapeDtypeStruct`.

        Raises:
            CheckpointError: it cannot be read, is damaged, or has another structure.
        """
        manager = self._open(create=False)
        saved = self.progress(step)[item]
        there, wanted = saved["arrays"], describe(template)
        differing = [name for name in wanted | there if wanted.get(name) != there.get(name)]
        if differing:
            name = differing[0]
            raise self._damaged(
                step,
                f"it is of another model: {len(differing)} arrays differ, the first is {name}, "
                f"{there.get(name, 'absent')} there, {wanted.get(name, 'absent')} expected",
            )
        template = jax.tree.map(lambda x: np.zeros(x.shape, x.dtype), template)
        with self._explained(step):
            arguments = {item: ocp.args.StandardRestore(template)}
            restored = manager.restore(step, args=ocp.args.Composite(**arguments))[item]
        restored = jax.tree.map(np.asarray, restored)
        if checksum(restored) != saved["checksum"]:
            raise self._damaged(step, "its checksum does not match its contents")
        return restored

    def wait(self) -> None:
        """Returns once everything is written."""
        if self._manager is not None:
            self._manager.wait_until_finished()

    def close(self) -> None:
        """Waits, and frees what writing needed."""
        if self._manager is not None:
            self._manager.close()
            self._manager = None

    @contextlib.contextmanager
    def _explained(self, step: int) -> Iterator[None]:
        """Turns whatever the storage raises into one error."""
        hook = sys.unraisablehook
        try:
            yield
        except Exception as error:
            # Reads still in flight fail too, each with a traceback of its own.
            sys.unraisablehook = lambda unraisable: None
            time.sleep(0.5)
            raise self._damaged(step, str(error).strip().split("\n")[0]) from error
        finally:
            sys.unraisablehook = hook

    def _damaged(self, step: int, reason: str) -> CheckpointError:
        return CheckpointError(
            f"the checkpoint {self.folder / str(step)} cannot be used: {reason[:300]}. "
            "Remove that folder to go on from the one before it, or train anew."
        )


def describe(state: Any) -> dict[str, str]:
    """Type and shape of every array by its name."""
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    }


def checksum(state: Any) -> int:
    """CRC-32 over names, shapes, types and bytes of every array."""
    value = 0
    for path, leaf in jax.tree_util.tree_leaves_with_path(state):
        leaf = np.ascontiguousarray(leaf)
        value = zlib.crc32(f"{jax.tree_util.keystr(path)}{leaf.shape}{leaf.dtype}".encode(), value)
        value = zlib.crc32(leaf.view(np.uint8).reshape(-1) if leaf.ndim else leaf.tobytes(), value)
    return value
