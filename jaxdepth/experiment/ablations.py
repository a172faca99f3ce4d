"""The rows of the paper's ablation (Kim et al. 2018, Table II) as changes to a config."""

from ml_collections import ConfigDict


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
