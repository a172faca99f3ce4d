"""Depth from a single RGB image in JAX.

Import the part you need; each stands alone:

- `jaxdepth.ops`: differences, spectral solves, the Split-Bregman integrator (needs JAX alone).
- `jaxdepth.losses`, `jaxdepth.metrics`, `jaxdepth.augment`: masked losses, metrics, transforms.
- `jaxdepth.models`: flax.linen modules.
- `jaxdepth.data`, `jaxdepth.evaluation`, `jaxdepth.experiment`, `jaxdepth.training`,
  `jaxdepth.inference`: what `train.py`, `evaluate.py` and `python -m jaxdepth.predict` are made of.
"""

__version__ = "0.1.0"
