"""An evaluation's per-image results on disk, so that a killed one goes on where it stopped."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from jaxdepth.errors import JaxdepthError, WorkdirError
from jaxdepth.evaluation import Header, ImageScore, Scores, format_lines, parse_results, total


class SavedResults:
    """The results of one evaluation: `NAME.csv` once complete, until then `NAME.csv.part`.

    A context manager. On entering, results that are there already are read if their header says
    that they are of the very same evaluation; the others are replaced once there is something
    complete to replace them by. An error about the input takes away what this evaluation began;
    whatever else ends the process leaves it to be continued.

    Args:
        header: what the results are of.
        file: the CSV file; None to keep the results in memory alone.
        fresh: whether to replace what is there in any case.

    Raises:
        WorkdirError: another process is writing to the file, or nobody may.
    """

    def __init__(self, header: Header, file: Path | None = None, *, fresh: bool = False):
        self.header = header
        self.file = file
        self.images: dict[str, list[ImageScore]] = {label: [] for label in header.maps}
        self.restored = 0
        """Images that were read instead of scored."""
        self._fresh = fresh
        self._growing = None

    @property
    def done(self) -> int:
        """Images that have their results."""
        return len(self.images[self.header.maps[0]])

    @property
    def is_complete(self) -> bool:
        """Whether the file has all images; results in memory alone never say so."""
        return self.file is not None and self.done == self.header.images

    def __enter__(self) -> "SavedResults":
        if self.file is None:
            return self
        if not self._fresh:
            self._read(self.file)
        if not self.is_complete:
            self._begin()
        self.restored = self.done
        return self

    def append(self, images: Sequence[Mapping[str, ImageScore]]) -> None:
        """Adds the scores of the next images, by label."""
        for scores in images:
            for label, score in scores.items():
                self.images[label].append(score)
        if self._growing is not None:
            self._growing.write(format_lines(self.header, images).encode())
            self._growing.flush()

    def scores(self) -> dict[str, Scores]:
        """The scores of each map, by label; `jaxdepth.evaluation.total` has the errors."""
        return {label: total(self.header.protocol, of) for label, of in self.images.items()}

    def __exit__(
        self, kind: type | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._growing is None:
            return
        if error is None and self.is_complete:
            os.replace(self._part, self.file)
        elif isinstance(error, JaxdepthError) and not self.restored:
            self._part.unlink()
            if not any(self.file.parent.iterdir()):
                self.file.parent.rmdir()
        self._growing.close()
        self._growing = None

    def _read(self, file: Path) -> int:
        """Reads the images that are there; returns how many bytes of the file are sound."""
        try:
            text = file.read_bytes().decode(errors="surrogateescape")
            header, images, used = parse_results(text)
        except (OSError, ValueError):
            return 0
        if header != self.header:
            return 0
        self.images = images
        return len(text[:used].encode(errors="surrogateescape"))

    def _begin(self) -> None:
        """Locks the file that grows, and cuts off whatever is not of this evaluation."""
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            growing = open(self._part, "ab")  # noqa: SIM115 - closed on exit
        except OSError as error:
            raise WorkdirError(
                f"results cannot be saved as {self.file} ({error.strerror}): choose another folder "
                "by --out=DIR."
            ) from error
        try:
            fcntl.flock(growing, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(growing.fileno()).st_ino != self._part.stat().st_ino:
                raise FileNotFoundError  # the other one has just finished
        except OSError:
            growing.close()
            raise WorkdirError(
                f"{self._part} is being written by another evaluation: wait for it, or choose "
                "another folder by --out=DIR."
            ) from None
        self._growing = growing
        kept = 0 if self._fresh else self._read(self._part)
        growing.truncate(kept)
        if not kept:
            growing.write(str(self.header).encode())
            growing.flush()

    @property
    def _part(self) -> Path:
        return self.file.with_name(f"{self.file.name}.part")
