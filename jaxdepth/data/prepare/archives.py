"""Original files in archives, unpacked for as long as they are read."""

import contextlib
import shutil
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from jaxdepth.data.prepare.alone import alone_in
from jaxdepth.data.readers.archives import unpack
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.errors import ConfigError, DataError

_WHAT = "a folder, or an archive (.zip, .tar, .tgz, .tar.gz, .tar.bz2, .tar.xz)"


@contextlib.contextmanager
def source_folder(sources: Sequence[Path], scratch: Path) -> Iterator[Path]:
    """The folder of original files: the only source, or where archives are unpacked side by side.

    Args:
        sources: one folder, or one or more archives.
        scratch: a folder for what is unpacked; it is removed in the end, and was not to be kept if
            it is there.

    Raises:
        DataError: a source is missing or no archive, or as `unpack`.
        ConfigError: there are several sources, and one is a folder.
    """
    if len(sources) == 1 and sources[0].is_dir():
        yield sources[0]
        return
    if any(source.is_dir() for source in sources):
        raise ConfigError("--source must be one folder, or archives that are unpacked together")
    for source in sources:
        with damage_named(source, _WHAT):
            if not (zipfile.is_zipfile(source) or tarfile.is_tarfile(source)):
                raise DataError(f"{source} must be {_WHAT}, and is another file")
    with alone_in(scratch):
        try:
            folder = scratch / "files"
            shutil.rmtree(folder, ignore_errors=True)
            for source in sources:
                unpack(source, folder)
            yield folder
        finally:
            shutil.rmtree(scratch)
