"""Training: the paper's stages, data-parallel, resumable."""

from jaxdepth.training.loop import train

__all__ = ["train"]
