"""Archives in the place of folders, so that readers need not know of them.

They are unpacked: a compressed tar could otherwise be read in its own order only, and unpacking
takes little beside decoding what was in it.
"""

import contextlib
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.errors import DataError

_WHAT = "a .zip or .tar archive"


@contextlib.contextmanager
def unpacked(path: FilePath, *, below: FilePath) -> Iterator[Path]:
    """A folder with what an archive holds, removed in the end; a folder is itself.

    Args:
        path: a folder, or a `.zip`, `.tar`, `.tar.gz`, `.tgz`, `.tar.bz2` or `.tar.xz`, whatever
            its name.
        below: the folder to unpack in, with space for what is in the archive; made if need be. It
            should not be the dataset's own.

    Yields:
        The folder. Of an archive it holds the files alone, no links or devices.

    Raises:
        DataError: the archive is missing, damaged, encrypted, empty or larger than the free space,
            or names a file outside of itself.
    """
    if Path(path).is_dir():
        yield Path(path)
        return
    with damage_named(path, _WHAT), Path(path).open("rb"):  # missing or unreadable
        unpack = _unpack_zip if zipfile.is_zipfile(path) else _unpack_tar
    with damage_named(below, "a folder to unpack in"):
        Path(below).mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".unpacked-", dir=below))
    try:
        with damage_named(path, _WHAT):
            unpack(path, folder)
            if not any(folder.iterdir()):
                raise DataError(f"{path} must hold files and holds none; copy it here again")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _unpack_zip(path: FilePath, folder: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        files = [member for member in archive.infolist() if not member.is_dir()]
        _check_space(path, folder, sum(member.file_size for member in files))
        for member in files:
            if ".." in Path(member.filename).parts:
                raise ValueError(f"{member.filename!r} is outside of it")
            archive.extract(member, folder)


def _unpack_tar(path: FilePath, folder: Path) -> None:
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                _check_space(path, folder, member.size)
                archive.extract(member, folder, filter="data")
        archive.fileobj.seek(archive.offset)
        if any(archive.fileobj.read(tarfile.BLOCKSIZE) or b"cut"):
            raise ValueError("it has no end")  # which tarfile does not mind after a whole member


def _check_space(path: FilePath, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            f"{path}: {size / 1e9:.1f} GB are to be unpacked and {folder.parent} has "
            f"{free / 1e9:.1f} GB free; make space there or unpack in another folder"
        )
