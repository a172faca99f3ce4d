"""The datasets that can be prepared, by name."""

from jaxdepth.data.prepare.diml import DIML
from jaxdepth.data.prepare.kitti import KITTI
from jaxdepth.data.prepare.make3d import MAKE3D
from jaxdepth.data.prepare.nyu import NYU_BTS, NYU_DENSEDEPTH, NYU_LABELED, NYU_RAW
from jaxdepth.data.prepare.plan import Dataset

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (NYU_LABELED, NYU_BTS, NYU_DENSEDEPTH, NYU_RAW, MAKE3D, KITTI, DIML)
}
"""To add one: a `Dataset` with a function that makes its `Plan`, and its name in this line."""
