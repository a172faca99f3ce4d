"""An evaluation's per-image results on disk, so that a killed one goes on where it stopped."""

import contextlib
import fcntl
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from jaxdepth.errors import ConfigError, JaxdepthError, WorkdirError
from jaxdepth.evaluation import Header, ImageScore, Scores, format_lines, total
from jaxdepth.inference.result_files import (
    part_of,
    read_complete,
    read_shares,
    read_sound,
    remove_shares,
    share_file,
    share_header,
)
from jaxdepth.inference.shard import Shard


class SavedResults:
    """The results of one evaluation: `NAME.csv` once complete, until then `NAME.csv.part`.

    A context manager. On entering, results that are there already are read if their header says
    that they are of the very same evaluation; the others are replaced once there is something
    complete to replace them by. An error about the input takes away what this evaluation began;
    whatever else ends the process leaves it to be continued.

    Several processes, on several machines that see the same folder under the same path, score a
    share of the images each, into `NAME.I-of-N.csv`. Results of all images begin by taking together
    the shares that are there.

    Args:
        header: what the results of all images are of.
        file: the CSV file of all images; None to keep the results in memory alone.
        fresh: whether to replace what is there in any case.
        shard: the share of the images that the results are of; None for all images.

    Raises:
        ConfigError: a share that is saved nowhere, or more shares than images.
        WorkdirError: on entering: another process is writing to the file, or nobody may; or some
            shares are there and others are not.
    """

    def __init__(
        self,
        header: Header,
        file: Path | None = None,
        *,
        fresh: bool = False,
        shard: Shard | None = None,
    ):
        self.is_share = shard is not None
        own = (shard or Shard()).of(header.images)
        self.stop = own.stop or None
        """Position behind the last image; None where their number is not known."""
        self._start = own.start
        self._all = header, file
        if shard is not None:
            if file is None:
                raise ConfigError(f"--shard={shard} has to be saved: name a folder by --out=DIR.")
            if shard.count > header.images:
                raise ConfigError(
                    "--shard=I/N must have at most as many shares as there are images, "
                    f"{header.images}, got {shard}."
                )
            header, file = share_header(header, shard), share_file(file, shard)
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
    def next(self) -> int:
        """Position of the next image."""
        return self._start + self.done

    @property
    def is_complete(self) -> bool:
        """Whether the file has all images; results in memory alone never say so."""
        return self.file is not None and self.done == self.header.images

    def __enter__(self) -> "SavedResults":
        if self.file is not None and not self._read():
            self._begin()
            try:
                # Another process may have ended between the look and the lock.
                if self._read():
                    self._drop()
                else:
                    self._go_on()
            except BaseException:
                empty = not os.fstat(self._growing.fileno()).st_size
                (self._drop if empty else self._close)()
                raise
        self.restored = self.done
        return self

    def append(self, images: Sequence[Mapping[str, ImageScore]]) -> None:
        """Adds the scores of the next images, by label."""
        self._keep(images)
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
            os.replace(part_of(self.file), self.file)
            if not self.is_share:
                remove_shares(self.file, self.header)
            self._close()
        elif isinstance(error, JaxdepthError) and not self.restored:
            self._drop()
        else:
            self._close()

    def _keep(self, images: Sequence[Mapping[str, ImageScore]]) -> None:
        for scores in images:
            for label, score in scores.items():
                self.images[label].append(score)

    def _read(self) -> bool:
        """Reads what is complete, of this share or of all images; whether there was any."""
        if self._fresh:
            return False
        complete = read_complete(self.file, self.header)
        if complete is None and self.is_share:
            header, file = self._all
            complete = read_complete(file, header)
            complete = complete and complete[self._start : self.stop]
        self._keep(complete or ())
        return complete is not None

    def _begin(self) -> None:
        """Opens and locks the file that grows."""
        part = part_of(self.file)
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            growing = open(part, "ab")  # noqa: SIM115 - closed on exit
        except OSError as error:
            raise WorkdirError(
                f"results cannot be saved as {self.file} ({error.strerror}): choose another folder "
                "by --out=DIR."
            ) from error
        try:
            fcntl.flock(growing, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(growing.fileno()).st_ino != part.stat().st_ino:
                raise FileNotFoundError  # the other one has just finished
        except (BlockingIOError, FileNotFoundError):
            growing.close()
            raise WorkdirError(
                f"{part} is being written by another evaluation: wait for it"
                f"{'' if self.is_share else ', or choose another folder by --out=DIR'}."
            ) from None
        except OSError as error:
            growing.close()
            raise WorkdirError(
                f"{part} cannot be locked ({error.strerror}): choose a folder on a file system "
                "with locks by --out=DIR."
            ) from error
        self._growing = growing

    def _go_on(self) -> None:
        """Keeps what of the file is sound and of this evaluation, and adds the shares' images."""
        images, used = [], 0
        if not self._fresh:
            images, used = read_sound(part_of(self.file), self.header) or (images, used)
        shares = [] if self.is_share or self._fresh else read_shares(self.file, self.header)
        self._growing.truncate(used)
        if not used:
            self._growing.write(str(self.header).encode())
            self._growing.flush()
        self._keep(images)
        self.append(shares[self.done :])

    def _drop(self) -> None:
        """Takes away the file that grows, and a folder that has nothing else."""
        part_of(self.file).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.file.parent.rmdir()
        self._close()

    def _close(self) -> None:
        self._growing.close()
        self._growing = None
