"""Files of per-image results: what is sound in one, and the shares that a whole one is made of."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxdepth.errors import WorkdirError
from jaxdepth.evaluation import Header, ImageScore, parse_results
from jaxdepth.inference.shard import Shard

Images = list[Mapping[str, ImageScore]]
"""The scores of each image, by label."""


def read_sound(file: Path, header: Header) -> tuple[Images, int] | None:
    """The images of a file that have all their lines, and the bytes of these.

    Returns:
        None if there is no such file, or it is not of this very evaluation.
    """
    text = _text_of(file, header)
    if text is None:
        return None
    _, by_label, used = parse_results(text)
    images = zip(*by_label.values(), strict=True)
    rows = [dict(zip(by_label, scores, strict=True)) for scores in images]
    return rows, len(text[:used].encode(errors="surrogateescape"))


def read_complete(file: Path, header: Header) -> Images | None:
    """All images of an evaluation; None if the file does not have them all."""
    images, _ = read_sound(file, header) or ([], 0)
    return images if len(images) == header.images else None


def part_of(file: Path) -> Path:
    """Where results are until they are complete."""
    return file.with_name(f"{file.name}.part")


def share_header(header: Header, shard: Shard) -> Header:
    """What the results of a share of the images are of."""
    images = len(shard.of(header.images))
    return header._replace(images=images, about={**header.about, "shard": str(shard)})


def share_file(file: Path, shard: Shard) -> Path:
    """Where the results of a share are."""
    return file.with_name(f"{file.stem}.{shard.index}-of-{shard.count}{file.suffix}")


def read_shares(file: Path, header: Header) -> Images:
    """The images of an evaluation's shares; none if there are no shares.

    Raises:
        WorkdirError: some shares are complete or begun, and others are not complete.
    """
    lacking: list[list[Shard]] = []
    for count in sorted({shard.count for shard in _shards(file, header)}):
        shards = [Shard(index, count) for index in range(1, count + 1)]
        found = {s: read_complete(share_file(file, s), share_header(header, s)) for s in shards}
        missing = [shard for shard, images in found.items() if images is None]
        if not missing:
            return [image for images in found.values() for image in images]
        lacking.append(missing)
    if lacking:
        missing = min(lacking, key=len)
        raise WorkdirError(
            f"some shares of {file} are scored or begun, and {', '.join(map(str, missing))} "
            f"{'are' if len(missing) > 1 else 'is'} not complete: wait for the processes that "
            f"score them, start these anew (--shard={missing[0]}), or score all images here by "
            "--fresh."
        )
    return []


def remove_shares(file: Path, header: Header) -> None:
    """Removes the complete shares of an evaluation."""
    for shard in _shards(file, header, suffixes=("",)):
        share_file(file, shard).unlink(missing_ok=True)


def _shards(
    file: Path, header: Header, *, suffixes: tuple[str, ...] = ("", ".part")
) -> Iterator[Shard]:
    """The shares of this very evaluation that there are files of, complete or not."""
    name = re.compile(
        rf"{re.escape(file.stem)}\.(\d+)-of-([1-9]\d*){re.escape(file.suffix)}(\.part)?"
    )
    for path in file.parent.glob("*-of-*"):
        match = name.fullmatch(path.name)
        if match and (match[3] or "") in suffixes:
            shard = Shard(int(match[1]), int(match[2]))
            if _text_of(path, share_header(header, shard)) is not None:
                yield shard


def _text_of(file: Path, header: Header) -> str | None:
    """The text of a file; None if there is none, or it is not of this very evaluation."""
    try:
        text = file.read_bytes().decode(errors="surrogateescape")
        return text if Header.parse(text) == header else None
    except (OSError, ValueError):
        return None
