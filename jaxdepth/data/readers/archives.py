"""Archives in the place of folders, so that readers need not know of them.

They are unpacked: a compressed tar could otherwise be read in its own order only, and unpacking
takes little beside decoding what was in it.
"""

import io
import shutil
import tarfile
import zipfile
from pathlib import Path

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.errors import DataError

_WHAT = "a .zip or .tar archive"


def unpack(path: FilePath, folder: FilePath) -> None:
    """Unpacks the files of an archive; links and devices are left out.

    Args:
        path: a `.zip`, `.tar`, `.tar.gz`, `.tgz`, `.tar.bz2` or `.tar.xz`, whatever its name.
        folder: where to; made if need be. What an error leaves there is the caller's to remove.

    Raises:
        DataError: the archive is missing, damaged, encrypted, empty or larger than the free space,
            or names a file outside of itself.
    """
    folder = Path(folder)
    with damage_named(folder, "a folder to unpack in"):
        folder.mkdir(parents=True, exist_ok=True)
    with damage_named(path, _WHAT), Path(path).open("rb"):  # missing or unreadable
        files = (_unpack_zip if zipfile.is_zipfile(path) else _unpack_tar)(path, folder)
    if not files:
        raise DataError(f"{path} must hold files and holds none; copy it here again")


def _unpack_zip(path: FilePath, folder: Path) -> int:
    with zipfile.ZipFile(path) as archive:
        files = [member for member in archive.infolist() if not member.is_dir()]
        _check_space(path, folder, sum(member.file_size for member in files))
        for member in files:
            with archive.open(member) as content:
                _write(content, member.filename, folder)
        return len(files)


def _unpack_tar(path: FilePath, folder: Path) -> int:
    files = 0
    with tarfile.open(path) as archive:
        for member in archive:
            if member.isfile():
                _check_space(path, folder, member.size)
                with archive.extractfile(member) as content:
                    _write(content, member.name, folder)
                files += 1
        archive.fileobj.seek(archive.offset)
        if any(archive.fileobj.read(tarfile.BLOCKSIZE) or b"cut"):
            raise ValueError("it has no end")  # which tarfile does not mind after a whole member
    return files


def _write(content: io.BufferedIOBase, name: str, folder: Path) -> None:
    """Writes a member below the folder; archives may name it from the root on, or elsewhere."""
    if ".." in Path(name).parts:
        raise ValueError(f"{name!r} is outside of it")
    file = folder / name.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as target:
        shutil.copyfileobj(content, target)


def _check_space(path: FilePath, folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise DataError(
            f"{path}: {size / 1e9:.1f} GB are to be unpacked and {folder} has "
            f"{free / 1e9:.1f} GB free; make space there or unpack in another folder"
        )
