"""Arrays of MAT v5 files, MATLAB's format before 7.3."""

import numpy as np

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import damage_named, import_reader
from jaxdepth.errors import DataError


def read_mat5(path: FilePath, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Reads named arrays of real numbers, in MATLAB's shapes.

    Args:
        path: the file.
        names: what to read; all else in the file is left alone.

    Raises:
        DataError: the file is missing, damaged or of another version, lacks a name, or what is
            under it is empty or no array of finite real numbers.
    """
    scipy_io = import_reader(path, "scipy.io")
    what = "a MAT v5 file"
    with damage_named(path, what):
        try:
            found = scipy_io.loadmat(path, variable_names=list(names), appendmat=False)
        except NotImplementedError as error:
            raise DataError(
                f"cannot read {path} as {what}: it is of version 7.3 (HDF5); in MATLAB, save it "
                "with -v7"
            ) from error
    for name in names:
        array = found.get(name)
        if array is None:
            raise DataError(f"{path} must hold {name} and does not; is it another file's copy?")
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "iuf" or array.size == 0:
            raise DataError(
                f"{path}: {name} must be an array of real numbers, got "
                f"{getattr(array, 'dtype', type(array).__name__)} of shape "
                f"{getattr(array, 'shape', ())}; copy the file here again"
            )
        if not np.isfinite(array).all():
            raise DataError(
                f"{path}: {name} must be finite and holds NaN or infinite values; copy the file "
                "here again"
            )
    return {name: found[name] for name in names}
