"""An evaluation's per-image results on disk, so that a killed one goes on where it stopped."""

import fcntl
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from jaxdepth.errors import ConfigError, JaxdepthError, WorkdirError
from jaxdepth.evaluation import Header, ImageScore, Scores, format_lines, parse_results, total
from jaxdepth.inference.shard import Shard


class SavedResults:
    """The results of one evaluation: `NAME.csv` once complete, until then `NAME.csv.part`.

    A context manager. On entering, results that are there already are read if their header says
    that they are of the very same evaluation; the others are replaced once there is something
    complete to replace them by. An error about the input takes away what this evaluation began;
    whatever else ends the process leaves it to be continued.

    Several processes, on several machines that see the same folder, score a share of the images
    each, into `NAME.I-of-N.csv`. Results of all images begin by taking together the shares that are
    there.

    Args:
        header: what the results of all images are of.
        file: the CSV file of all images; None to keep the results in memory alone.
        fresh: whether to replace what is there in any case.
        shard: the share of the images that the results are of; None for all images.

    Raises:
        WorkdirError: another process is writing to the file, or nobody may; or some shares are
            there and others are not.
    """

    def __init__(
        self,
        header: Header,
        file: Path | None = None,
        *,
        fresh: bool = False,
        shard: Shard | None = None,
    ):
        own = (shard or Shard()).of(header.images)
        if shard is not None:
            if file is None:
                raise ConfigError("a share of the images is saved: say where by --out=DIR.")
            if not own:
                raise ConfigError(
                    f"--shard={shard} is of no image, as there are {header.images}: divide them "
                    "into fewer shares."
                )
            header, file = _of_share(header, shard), _file_of_share(file, shard)
        self.header = header
        self.file = file
        self.images: dict[str, list[ImageScore]] = {label: [] for label in header.maps}
        self.restored = 0
        """Images that were read instead of scored."""
        self.is_share = shard is not None
        self.stop = own.stop or None
        """Position behind the last image; None where their number is not known."""
        self._start = own.start
        self._shares: list[Path] = []
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
        if self.file is None:
            return self
        if not self._fresh:
            self._read(self.file)
        if not self.is_complete:
            shares = [] if self.is_share or self._fresh else self._read_shares()
            self._begin()
            self.append(shares[self.done :])
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
            for share in self._shares:
                share.unlink(missing_ok=True)
        elif isinstance(error, JaxdepthError) and not self.restored:
            self._part.unlink()
            if not any(self.file.parent.iterdir()):
                self.file.parent.rmdir()
        self._growing.close()
        self._growing = None

    def _read(self, file: Path) -> int:
        """Reads the images that are there; returns how many bytes of the file are sound."""
        read = _read_results(file, self.header)
        if read is None:
            return 0
        self.images, used = read
        return used

    def _read_shares(self) -> list[Mapping[str, ImageScore]]:
        """The images of shares that are of the very same evaluation, if all of these are there."""
        lacking = []
        for count in self._counts_of_shares():
            shards = [Shard(index, count) for index in range(1, count + 1)]
            shares = {shard: _read_share(self.file, self.header, shard) for shard in shards}
            missing = [shard for shard, images in shares.items() if images is None]
            if not missing:
                self._shares = [_file_of_share(self.file, shard) for shard in shards]
                return [image for images in shares.values() for image in images]
            if len(missing) < count:
                lacking = missing
        if lacking:
            raise WorkdirError(
                f"some shares of {self.file} are scored, and {', '.join(map(str, lacking))} are "
                f"not: wait for them, score them by --shard={lacking[0]} and so on, or score all "
                "images here by --fresh."
            )
        return []

    def _counts_of_shares(self) -> list[int]:
        """What numbers of shares there are files of."""
        name = re.compile(
            rf"{re.escape(self.file.stem)}\.\d+-of-(\d+){re.escape(self.file.suffix)}"
        )
        found = (name.fullmatch(file.name) for file in self.file.parent.glob("*-of-*"))
        counts = {int(match[1]) for match in found if match}
        return sorted(count for count in counts if count <= self.header.images)

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


def _read_results(file: Path, header: Header) -> tuple[dict[str, list[ImageScore]], int] | None:
    """What of a file is sound, images and bytes; None if it is not of this evaluation."""
    try:
        text = file.read_bytes().decode(errors="surrogateescape")
        found, images, used = parse_results(text)
    except (OSError, ValueError):
        return None
    if found != header:
        return None
    return images, len(text[:used].encode(errors="surrogateescape"))


def _read_share(file: Path, header: Header, shard: Shard) -> list[Mapping[str, ImageScore]] | None:
    """The scores of a share's images by label; None if it is not of this evaluation, or torn."""
    of_share = _of_share(header, shard)
    images, _ = _read_results(_file_of_share(file, shard), of_share) or ({}, 0)
    by_image = zip(*images.values(), strict=True)
    scores = [dict(zip(images, image, strict=True)) for image in by_image]
    return scores if len(scores) == of_share.images else None


def _of_share(header: Header, shard: Shard) -> Header:
    images = len(shard.of(header.images))
    return header._replace(images=images, about={**header.about, "shard": str(shard)})


def _file_of_share(file: Path, shard: Shard) -> Path:
    return file.with_name(f"{file.stem}.{shard.index}-of-{shard.count}{file.suffix}")
