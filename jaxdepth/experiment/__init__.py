"""From a config to objects, and a run's folder with its checkpoints."""

from jaxdepth.experiment.ablations import (
    ABLATION_TABLES,
    ABLATIONS,
    AblationRow,
    AblationTable,
)
from jaxdepth.experiment.base_weights import load_base_weights
from jaxdepth.experiment.build import (
    build_augmentation,
    build_discriminator,
    build_model,
    build_protocol,
    build_source,
    split_name,
)
from jaxdepth.experiment.check import check_config
from jaxdepth.experiment.checkpoints import Checkpoints
from jaxdepth.experiment.config import choose_variants, load_config
from jaxdepth.experiment.defaults import STAGES, default_config
from jaxdepth.experiment.maps import INTEGRATED, build_predict, map_names, trained_map
from jaxdepth.experiment.predictor import (
    ImagePrediction,
    Predictor,
    Weights,
    init_variables,
    load_predictor,
    load_weights,
    to_float,
)
from jaxdepth.experiment.run_weights import load_run_weights
from jaxdepth.experiment.stages import Stage, build_stages
from jaxdepth.experiment.workdir import (
    Workdir,
    default_workdir,
    fingerprint_config,
    write_bytes,
    write_text,
)

__all__ = [
    "ABLATIONS",
    "ABLATION_TABLES",
    "INTEGRATED",
    "STAGES",
    "AblationRow",
    "AblationTable",
    "Checkpoints",
    "ImagePrediction",
    "Predictor",
    "Stage",
    "Weights",
    "Workdir",
    "build_augmentation",
    "build_discriminator",
    "build_model",
    "build_predict",
    "build_protocol",
    "build_source",
    "build_stages",
    "check_config",
    "choose_variants",
    "default_config",
    "default_workdir",
    "fingerprint_config",
    "init_variables",
    "load_base_weights",
    "load_config",
    "load_predictor",
    "load_run_weights",
    "load_weights",
    "map_names",
    "split_name",
    "to_float",
    "trained_map",
    "write_bytes",
    "write_text",
]
