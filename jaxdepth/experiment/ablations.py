"""The rows of the papers' ablations, as variants of a config and its overrides.

Kim et al. 2018, Table II, whose variants are here; Li et al. 2017, Table 1, the paper's own rows.
"""

from collections.abc import Mapping
from typing import NamedTuple

from ml_collections import ConfigDict

from jaxdepth.experiment.maps import BILATERAL, DEPTH, END_TO_END, OPTIMIZATION


def full(config: ConfigDict) -> None:
    """All stages, both losses ("Ours")."""


def global_only(config: ConfigDict) -> None:
    """The global network alone, trained as long as in the full model ("Global net")."""
    global_adversarial(config)
    config.joint.eta = 0.0


def global_adversarial(config: ConfigDict) -> None:
    """The global network alone with the adversarial loss ("Global net + L_adv")."""
    config.model.integrate = False
    config.stages = ("pretrain_global", "joint")


def no_joint(config: ConfigDict) -> None:
    """Networks trained apart, λ chosen on validation images ("w/o JT")."""
    config.stages = ("pretrain_global", "pretrain_local", "select_lam")


def no_adversarial(config: ConfigDict) -> None:
    """Jointly trained by the L1 loss alone ("w/ JT")."""
    config.joint.eta = 0.0


ABLATIONS = {
    function.__name__: function
    for function in (full, global_only, global_adversarial, no_joint, no_adversarial)
}
"""Variant name → what it does to a config."""


class AblationRow(NamedTuple):
    """A row of a paper's table, and the run whose map it is.

    Attributes:
        label: as the paper calls it.
        variant: of the config; "" for the config as it is.
        depth_map: the run's map; "" for the one that counts.
        override: `KEY=VALUE` of the config; "" for none.
    """

    label: str
    variant: str
    depth_map: str = ""
    override: str = ""


class AblationTable(NamedTuple):
    """A paper's table.

    Attributes:
        source: where it is printed.
        rows: in the paper's order.
        reference: label of the row that the others are compared with.
    """

    source: str
    rows: tuple[AblationRow, ...]
    reference: str


ABLATION_TABLES: Mapping[str, AblationTable] = {
    "deep_variational": AblationTable(
        "Kim et al. 2018, Table II",
        (
            AblationRow("Global net", "global_only"),
            AblationRow(
                "Global net + L_adv (η = 1e-2)", "global_adversarial", override="joint.eta=0.01"
            ),
            AblationRow("Global net + L_adv (η = 1e-3)", "global_adversarial"),
            AblationRow("Global + local nets w/o joint training", "no_joint"),
            AblationRow("Global + local nets w/ joint training", "no_adversarial"),
            AblationRow("deep variational (full)", ""),
        ),
        reference="deep variational (full)",
    ),
    "two_stream": AblationTable(
        "Li et al. 2017, Table 1",
        (
            AblationRow("L_single, depth only, VGG-16", "two_stream_single", DEPTH),
            AblationRow("L_set, depth only, VGG-16", "two_stream", DEPTH),
            AblationRow("L_set, depth + bilateral filtering, VGG-16", "two_stream", BILATERAL),
            AblationRow("L_set, depth + gradients, end-to-end, VGG-16", "two_stream", END_TO_END),
            *(
                AblationRow(
                    f"L_set, depth + gradients, optimization, {base}",
                    "two_stream",
                    OPTIMIZATION,
                    override,
                )
                for base, override in (
                    ("VGG-16", ""),
                    ("VGG-19", "model.base=vgg19"),
                    ("ResNet-50", "model.base=resnet50"),
                )
            ),
        ),
        reference="L_set, depth only, VGG-16",
    ),
}
"""Name of a system → its paper's table."""
