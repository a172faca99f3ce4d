"""From original files to prepared datasets: `python -m jaxdepth.data prepare NAME --source=…`.

A `Dataset` describes where its frames are; `prepare` writes them. What it writes is a dataset of
tfds, which opens it without any code of this package.
"""

from jaxdepth.data.prepare.archives import source_folder
from jaxdepth.data.prepare.catalogue import DATASETS
from jaxdepth.data.prepare.fill import FILLS, filled
from jaxdepth.data.prepare.location import (
    data_root,
    dataset_folder,
    find_prepared,
    find_unfinished,
    open_prepared,
)
from jaxdepth.data.prepare.own_files import OWN_FILES
from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.prepare.preparation import SKIPPED, prepare

__all__ = [
    "DATASETS",
    "FILLS",
    "OWN_FILES",
    "SKIPPED",
    "Dataset",
    "Item",
    "Option",
    "Plan",
    "data_root",
    "dataset_folder",
    "filled",
    "find_prepared",
    "find_unfinished",
    "open_prepared",
    "prepare",
    "source_folder",
]
